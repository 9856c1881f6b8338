"""Pages with what shows nudges in them, and a hand that gives it nudges and reads what it tells: no platform is needed.

`hand(html)` opens a page of our own, `hand(address=...)` one of the test sites. Screenshots as in ../conftest.py.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Route
from tests.browser.sites.pages import Mount
from tests.browser.sites.server import Sites

HERE = Path(__file__).parent
AXE = HERE.parents[2] / "sdk-js" / "node_modules" / "axe-core" / "axe.min.js"
ADDRESS = "https://page.test/"
SECONDS = 20
TEXT = "Everything your team is working on, and what it could begin. " * 60
STYLE = """
body { margin: 0; background: #f6f7fb; color: #1d2433; font: 16px/1.5 system-ui; }
main { padding: 24px; }
.row { display: flex; flex-wrap: wrap; gap: 12px; }
button, input { font: inherit; padding: 8px 16px; }
.dark { background: #10141c; color: #e8ecf4; }
"""
TARGET = '<button id="target" type="button">New project</button>'


def document(body: str = TARGET, *, html: str = 'lang="en"', head: str = "", classes: str = "") -> str:
    return (
        f'<!doctype html><html {html}><head><meta charset="utf-8"><title>Projects</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style>{head}</head>'
        f'<body class="{classes}"><main><h1>Projects</h1><div class="row">{body}'
        f'<label>Search <input id="field"></label></div><p>{TEXT}</p></main></body></html>'
    )


@dataclass(frozen=True)
class Hand:
    """Gives nudges to the page and reads what became of them."""

    page: Page
    until: Callable[..., Any]
    pictures: Path

    def gives(self, *, message: bool = False, **nudge: Any) -> str:
        """Returns the id."""
        return str(self.page.evaluate("([nudge, message]) => ui.take(nudge, message)", [nudge, message]))

    def shows(self, **nudge: Any) -> Locator:
        """The card, as soon as it counts as seen."""
        nudge_id = self.gives(**nudge)
        self.until(lambda: f"nudge_shown {nudge_id}" in self.told, SECONDS, f"{nudge_id} is shown")
        return self.page.locator("[data-hr-nudge]:visible")

    def chats(self, text: str = "How can I help?", **nudge: Any) -> Locator:
        return self.shows(**{"kind": "chat", "target": None, "title": "Need a hand?", "body": text} | nudge)

    @property
    def told(self) -> list[str]:
        return list(self.page.evaluate("ui.told"))

    @property
    def card(self) -> Locator:
        return self.page.locator("[data-hr-nudge]:visible")

    def soon(self, check: Callable[[], Any], what: str, *, ticks: int = 0) -> None:
        """`ticks`: ms that a clock which the test has stopped goes on between two looks; what the browser itself tells
        of, as that an element is in sight, comes when it will, and timers are set only then."""

        def looked() -> Any:
            if ticks:
                self.page.clock.run_for(ticks)
            return check()

        self.until(looked, SECONDS, what)

    def beside(self, target: Locator, card: Locator | None = None) -> bool:
        """Whether the tooltip stands at the element: an edge apart, and overlapping along it."""
        a, b = (card or self.card).bounding_box(), target.bounding_box()
        if a is None or b is None:
            return False
        down = max(a["y"], b["y"]) - min(a["y"] + a["height"], b["y"] + b["height"])
        right = max(a["x"], b["x"]) - min(a["x"] + a["width"], b["x"] + b["width"])
        return (right < 0 and 8 <= down <= 16) or (down < 0 and 8 <= right <= 16)

    def inside_the_window(self) -> bool:
        box = self.card.bounding_box()
        size = self.page.viewport_size
        assert box is not None
        assert size is not None
        return (
            box["x"] >= 0
            and box["y"] >= 0
            and box["x"] + box["width"] <= size["width"]
            and box["y"] + box["height"] <= size["height"]
        )

    def focused(self) -> str:
        """Id, name or tag of what has the focus, through shadow roots."""
        return str(
            self.page.evaluate(
                """() => {
                  let at = document.activeElement;
                  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
                  return at.id || at.ariaLabel || at.textContent.slice(0, 20) || at.localName;
                }"""
            )
        )

    def pictures_it(self, name: str) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.pictures / f"ui-{name}.png", animations="disabled")


@pytest.fixture(scope="session")
def harness(tmp_path_factory: pytest.TempPathFactory) -> str:
    """harness.ts as one script."""
    folder = tmp_path_factory.mktemp("harness")
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    assert node is not None, "the browser tests need Node: run `make install-dev`"
    made = subprocess.run([node, HERE / "bundle.mjs", folder], capture_output=True, text=True, check=False, cwd=HERE)
    assert made.returncode == 0, made.stderr
    return (folder / "harness.js").read_text()


@pytest.fixture
def hand(browser: Browser, harness: str, until: Any, tmp_path: Path) -> Iterator[Callable[..., Hand]]:
    """`hand(html, address=..., **context)`. No script may fail, and nothing of ours may be caught by its guard."""
    hands: list[Hand] = []
    errors: list[str] = []

    def make(html: str | None = None, *, address: str = "", early: str = "", **context: Any) -> Hand:
        page = browser.new_context(**{"viewport": {"width": 1040, "height": 600}} | context).new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.route(f"{ADDRESS}**", lambda route: _answer(route, html or document()))
        if early:
            page.add_init_script(early)
        page.goto(address or ADDRESS)
        page.evaluate(harness)
        made = Hand(page, until, Path(os.environ.get("HANDRAIL_SCREENSHOTS") or tmp_path))
        hands.append(made)
        return made

    yield make
    for one in hands:
        with suppress(Exception):
            errors += one.page.evaluate("ui.faults")
        one.page.context.close()
    assert errors == []


def _answer(route: Route, html: str) -> None:
    route.fulfill(content_type="text/html", body=html)


@pytest.fixture
def bare_site(sites: Sites) -> Callable[[str], str]:
    """The address of a test site without the snippet."""
    return lambda name: sites.mount(Mount(name, gateway="", key="", snippet=None))


@pytest.fixture
def axe() -> Callable[[Page], list[str]]:
    """What axe finds in our root, as `rule: element`."""
    script = AXE.read_text()

    def violations(page: Page) -> list[str]:
        page.evaluate(script)
        found = page.evaluate("axe.run({include: [['handrail-root']]}, {resultTypes: ['violations']})")
        return [f"{one['id']}: {node['html']}" for one in found["violations"] for node in one["nodes"]]

    return violations


@pytest.fixture
def read_aloud() -> Callable[[Page], list[str]]:
    """Texts of the accessibility tree in its order: what a screen reader walks through."""

    def texts(page: Page) -> list[str]:
        nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
        by_id = {node["nodeId"]: node for node in nodes}

        def walk(node: dict[str, Any]) -> Iterator[str]:
            if node.get("role", {}).get("value") == "StaticText" and not node.get("ignored"):
                yield re.sub(r"\s+", " ", str(node["name"]["value"]))
            for child in node.get("childIds", []):
                if child in by_id:
                    yield from walk(by_id[child])

        return list(walk(nodes[0]))

    return texts
