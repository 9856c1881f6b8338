"""A tooltip stands at its element, whatever the page and the window do, and moves nothing in the page."""

from typing import Any

import pytest
from tests.browser.ui.conftest import TARGET, document

pytestmark = pytest.mark.browser

MOST_BEHIND = 20
"""Pixels from the middle of an element that moves 40 at a time."""
SCROLLER = f"""
<div id="outer" style="height: 260px; width: 500px; overflow: auto"><div style="height: 120px"></div>
<div id="inner" style="height: 200px; overflow: auto"><div style="height: 60px"></div>{TARGET}
<div style="height: 600px"></div></div><div style="height: 900px"></div></div>
"""


def test_it_follows_scrolling_resizing_and_moving(hand: Any) -> None:
    one = hand(document(SCROLLER))
    target = one.page.locator("#target")
    one.shows()
    one.soon(lambda: one.beside(target), "it stands there")
    for how in (
        "outer.scrollTop = 40",
        "inner.scrollTop = 30",
        "scrollTo(0, 50)",
        "target.style.marginLeft = '150px'",
        "target.style.width = '300px'",
        "target.style.cssText += ';transition: translate .2s; translate: 60px 20px'",
    ):
        before = target.bounding_box()
        one.page.evaluate(how)
        one.soon(lambda was=before: target.bounding_box() != was, f"moved by {how}")
        one.soon(lambda: one.beside(target), how)
    one.page.set_viewport_size({"width": 600, "height": 420})
    one.soon(lambda: one.beside(target) and one.inside_the_window(), "another window")


def test_a_page_that_renders_anew_keeps_it_without_a_flicker(hand: Any) -> None:
    one = hand(document(f'<i style="width: 300px"></i>{TARGET}'))
    one.shows()
    one.soon(lambda: one.beside(one.page.locator("#target")), "it stands there")
    one.page.evaluate(
        """() => {
          window.gone = 0;
          window.behind = 0;
          const middle = (element) => {
            const {x, width} = element.getBoundingClientRect();
            return x + width / 2;
          };
          const card = () => document.querySelector("handrail-root")?.shadowRoot.querySelector("[data-hr-nudge]");
          const first = card();
          const watch = () => {
            if (card() !== first || !first.checkVisibility()) gone += 1;
            else behind = Math.max(behind, Math.abs(middle(first) - middle(document.querySelector("#target"))));
            requestAnimationFrame(watch);
          };
          watch();
          window.rounds = 0;
          const again = setInterval(() => {
            const old = document.querySelector("main");
            old.replaceWith(old.cloneNode(true));
            document.querySelector("#target").style.marginLeft = `${(rounds += 1) * 40}px`;
            if (rounds === 10) clearInterval(again);
          }, 50);
        }"""
    )
    one.soon(lambda: one.page.evaluate("rounds") == 10, "rendered anew")
    one.soon(lambda: one.beside(one.page.locator("#target")), "it stands at the last one")
    assert one.page.evaluate("gone") == 0
    assert one.page.evaluate("behind") < MOST_BEHIND
    assert one.told == ["nudge_shown n1"]


@pytest.mark.parametrize(("direction", "language"), [("ltr", "en"), ("rtl", "ar")])
def test_it_stays_in_the_window(hand: Any, direction: str, language: str) -> None:
    one = hand(document(html=f'lang="{language}" dir="{direction}"'))
    target = one.page.locator("#target")
    one.shows(language=language)
    for corner in ("left: 0; top: 0", "right: 0; top: 0", "right: 0; bottom: 0", "left: 0; bottom: 0"):
        one.page.evaluate(f"target.style.cssText = 'position: fixed; {corner}'")
        one.soon(lambda: one.beside(target) and one.inside_the_window(), f"beside, and inside: {corner}")


LONG = {
    "title": "Three ways to begin",
    "body": "You can start with:\n\n- a **template** for your team\n- an *empty* project, with `K`\n- an import\n\n"
    * 2,
    "actions": [
        {"id": "ok", "label": "Got it", "kind": "dismiss", "url": None},
        {"id": "go", "label": "Show me what it looks like", "kind": "event", "url": None},
    ],
}
ON_TOP = """(button) => {
  const {x, y, width, height} = button.getBoundingClientRect();
  return button.contains(button.getRootNode().elementFromPoint(x + width / 2, y + height / 2));
}"""
PHONE, ZOOMED = {"width": 320, "height": 568}, {"width": 320, "height": 256}
"""A phone; and 1280 x 1024 at 400 %, which lays out like this."""


@pytest.mark.parametrize("size", [PHONE, ZOOMED], ids=["phone", "zoomed"])
def test_small_windows_show_all_of_it(hand: Any, size: Any) -> None:
    one = hand(viewport=size)
    for show in (one.shows, one.chats):
        card = show(**LONG)
        one.soon(one.inside_the_window, "inside the window")
        one.pictures_it(f"{card.get_attribute('data-hr-kind')}-{size['height']}")
        assert one.page.evaluate("document.documentElement.scrollWidth") == 320
        # Reached by scrolling inside, and really on top there.
        for button in card.locator("button").all():
            button.scroll_into_view_if_needed()
            assert button.evaluate(ON_TOP)
        card.get_by_role("button", name="Got it").click()
        one.soon(lambda: one.card.count() == 0, "gone")


def test_it_moves_nothing_and_is_not_printed(hand: Any) -> None:
    one = hand()
    layout = "JSON.stringify([...document.querySelectorAll('body, body *')].map((e) => e.getBoundingClientRect()))"
    before = one.page.evaluate(layout)
    one.page.evaluate(
        """() => {
          window.shifts = [];
          new PerformanceObserver((list) => shifts.push(...list.getEntries().map((e) => e.value)))
            .observe({type: "layout-shift", buffered: true});
        }"""
    )
    one.shows()
    one.gives(message=True, kind="chat", target=None, title="", body="Hello")
    one.soon(lambda: one.card.count() == 2, "both are shown")
    assert one.page.evaluate(layout) == before
    assert one.page.evaluate("shifts") == []
    one.page.emulate_media(media="print")
    assert one.card.count() == 0


def test_a_theme_places_the_chat_and_dresses_it(hand: Any) -> None:
    one = hand()
    one.page.evaluate("ui.theme = {accent: '#0f6e6e', radius: 0, position: 'start', background: '#fff7e6'}")
    card = one.chats()
    assert card.bounding_box()["x"] == 20
    look = "(e) => { const s = getComputedStyle(e); return [s.backgroundColor, s.borderRadius] }"
    assert card.evaluate(look) == ["rgb(255, 247, 230)", "0px"]
    assert card.get_by_role("button", name="Got it").evaluate(look)[0] == "rgb(15, 110, 110)"
    card.get_by_role("button", name="Close").click()
    # A page that turns dark takes it along, unless the tenant chose.
    one.page.evaluate("ui.theme = {}")
    card = one.shows()
    one.page.evaluate("document.body.className = 'dark'")
    one.soon(lambda: card.evaluate(look)[0] == "rgb(29, 35, 48)", "dark")
