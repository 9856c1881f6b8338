"""What a person does on each site: every control once, something typed, sent and scrolled, with a human's pauses.

A click counts as useful when the product reacts to it, or should (the button `#dead`): whatever the tag it lands on.
"""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page

_BOX = """(element) => {
  let { x, y, width, height } = element.getBoundingClientRect();
  // Inside a frame that is not of another origin: from the page's corner.
  for (let frame = element.ownerDocument.defaultView.frameElement; frame; frame = null) {
    x += frame.getBoundingClientRect().x + frame.clientLeft;
    y += frame.getBoundingClientRect().y + frame.clientTop;
  }
  return { x, y, width, height };
}"""


@dataclass
class Walker:
    """Somebody with a mouse and a keyboard, who counts what they do."""

    page: Page
    pause_ms: float = 0
    """After each thing done."""
    useful: int = 0
    """Clicks so far that a product would want to know of."""

    def clicks(self, what: str | Locator, times: int = 1, *, useful: bool = True) -> None:
        """Where it is drawn, whatever lies inside."""
        found = self.page.locator(what) if isinstance(what, str) else what
        found.wait_for()
        x, y = self._middle(found)
        for _ in range(times):
            self.page.mouse.move(x, y, steps=3)
            self.page.mouse.click(x, y)
            self.useful += useful
            self._rests()

    def _middle(self, what: Locator) -> tuple[float, float]:
        """Scrolled to where need be: an element that is made anew all the time cannot be waited for to stand still."""
        box, view = self._box(what), self.page.viewport_size
        if view and not 0 <= box["y"] <= view["height"] - box["height"]:
            what.scroll_into_view_if_needed()
            box = self._box(what)
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    def _box(self, what: Locator) -> dict[str, float]:
        # Found, and replaced before it was measured: look again.
        found = next(box for _ in range(100) if (box := what.evaluate(_BOX))["width"])
        return {side: float(length) for side, length in found.items()}

    def types(self, field: str | Locator, text: str) -> None:
        """Goes there without a click, so that clicks can be counted by whoever listens."""
        found = self.page.locator(field) if isinstance(field, str) else field
        found.focus()
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text)
        self._rests()

    def presses(self, key: str) -> None:
        self.page.keyboard.press(key)
        self._rests()

    def scrolls(self) -> None:
        for way in (400, -400):
            self.page.mouse.wheel(0, way)
            self._rests()

    def submits(self, button: str) -> None:
        """A form whose answer looks like the page that it stands on."""
        with self.page.expect_navigation():
            self.clicks(button)

    def goes_back(self) -> None:
        self.page.go_back()
        self._rests()

    def arrives(self, address: str) -> None:
        """A glob of the address."""
        self.page.wait_for_url(address)
        self._rests()

    def sees(self, what: str, text: str) -> None:
        self.page.locator(what).filter(has_text=text).first.wait_for()

    def _rests(self) -> None:
        if self.pause_ms:
            self.page.wait_for_timeout(self.pause_ms)


def plain(w: Walker) -> None:
    w.clicks("#summary")
    w.clicks("#dead", times=2)
    w.clicks("#nav-projects")
    w.arrives("**/projects")
    for one in ("#p1", "#p2", "#p3"):
        w.clicks(one)
    w.clicks("#archive")
    w.clicks("#nav-search")
    w.arrives("**/search")
    w.types("[name=q]", "spring")
    w.clicks("#go")
    w.arrives("**/search?q=spring")
    w.clicks("#nav-settings")
    w.arrives("**/settings")
    w.types("[name=name]", "Oak")
    w.types("[name=note]", "some words")
    w.clicks("[name=letter]")
    w.scrolls()
    w.submits("#save")
    w.sees("h1", "Settings")
    w.clicks("#nav-home")
    w.sees("h1", "Good morning")


def plants(w: Walker) -> None:
    w.clicks("#water", times=2)
    w.clicks("#dead")
    w.clicks("#nav-plants")
    w.types("#filter", "a")
    w.presses("Backspace")
    for one in ("Fern", "Cactus", "Aloe"):
        w.clicks(f"[data-plant={one}]")
    w.clicks("#open")
    w.sees("h1", "One plant")
    w.goes_back()
    w.clicks("[data-plant=Ivy]")
    w.clicks("#nav-settings")
    w.types("[name=name]", "Palm house")
    w.clicks("[name=news]")
    w.clicks("#save")
    w.sees("[role=status]", "Saved.")
    w.scrolls()
    w.clicks("#nav-home")
    w.sees("h1", "Greenhouse")


def vue(w: Walker) -> None:
    w.clicks("#order", times=2)
    w.clicks("#dead")
    w.clicks("#nav-dishes")
    for one in ("Soup", "Pasta", "Pie"):
        w.clicks(f"[data-dish={one}]")
    w.clicks("#nav-settings")
    w.types("[name=name]", "Harbour")
    w.clicks("#save")
    w.sees("[role=status]", "Saved.")
    w.scrolls()
    w.clicks("#nav-home")


def strict(w: Walker) -> None:
    w.clicks("#open")
    w.clicks("#dead")
    for one in ("Contracts", "Invoices"):
        w.clicks(w.page.get_by_text(one))
    w.types("#note-form input", "mine")
    w.clicks("#keep")
    w.sees("#rows", "One more")
    w.scrolls()
    w.clicks("#nav-search")
    w.types("[name=q]", "lease")
    w.clicks("#go")
    w.arrives("**/search?q=lease")
    w.clicks("#nav-home")
    w.sees("h1", "Vault")


def modal(w: Walker) -> None:
    for note in ("first", "second"):
        w.clicks("#open")
        w.types("#note", note)
        w.clicks("#dead")
        w.clicks("#keep")
        w.sees("#notes", note)
        w.page.locator("#keep").wait_for(state="hidden")
    w.clicks("#open")
    w.clicks("#close")
    w.page.locator("#close").wait_for(state="hidden")
    w.scrolls()


def shadow(w: Walker) -> None:
    for control, said in (("#inside", "open"), ("#deep", "deep"), ("#closed-host", "closed")):
        w.clicks(control)
        w.sees("#said", said)
    w.clicks("#dead")
    w.clicks("#deep-dead")
    w.types("#field", "words")
    w.scrolls()


def frames(w: Walker) -> None:
    w.clicks("#outside")
    w.clicks("#dead")
    inside = w.page.frame_locator("#same")
    # Inside a frame the page itself hears nothing.
    w.clicks(inside.locator("#inner"), useful=False)
    w.types(inside.locator("#typed"), "words")
    w.scrolls()


def big(w: Walker) -> None:
    cells = w.page.locator("#cells span")
    for number in (3, 40, 77, 151):
        w.clicks(cells.nth(number))
        w.sees("#said", f"Cell {number}")
    w.clicks("#dead")
    w.scrolls()
    w.types("[name=q]", "77")
    w.clicks("#go")
    w.arrives("**/?q=77")
    w.clicks(cells.nth(9))
    w.sees("#said", "Cell 9")


def restless(w: Walker) -> None:
    w.clicks("#buy", times=4)
    w.sees("#said", "Bought: 4")
    w.clicks("#dead")
    w.scrolls()


def clobbered(w: Walker) -> None:
    for name in ("id", "tagName", "nodeType", "action", "parentNode", "getAttribute"):
        w.types(f"[name={name}]", "x")
    w.clicks("#send")
    w.sees("#said", "Sent: 1")
    w.scrolls()


def zone(w: Walker) -> None:
    rows = w.page.locator("#view li")
    for number in (0, 1, 2):
        w.clicks(rows.nth(number))
    w.clicks("#dead")
    w.clicks("#all")
    w.sees("#view li:nth-child(5)", "✓")
    w.scrolls()


def hotkeys(w: Walker) -> None:
    w.clicks("#dead")
    w.presses("k")
    w.sees("#done", "keyup k")
    w.scrolls()


WALKS: dict[str, Callable[[Walker], None]] = {
    "plain": plain,
    "react": plants,
    "hash": plants,
    "vue": vue,
    "strict": strict,
    "strict-dynamic": strict,
    "strict-origin": strict,
    "radix": modal,
    "mui": modal,
    "dialog": modal,
    "shadow": shadow,
    "frames": frames,
    "big": big,
    "restless": restless,
    "clobbered": clobbered,
    "zone": zone,
    "hotkeys": hotkeys,
}
