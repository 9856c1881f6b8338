"""What counts as shown was really to be seen: the element there, in sight, uncovered, on a page that is seen."""

from typing import Any

import pytest
from tests.browser.ui.conftest import TARGET, document

pytestmark = pytest.mark.browser

CALM_MS = 500
"""Longer than it takes to show a nudge."""
TICK_MS = 100
COVER = """{
  const cover = document.body.appendChild(document.createElement("div"));
  cover.id = "cover";
  cover.style.cssText = "position: fixed; inset: 0; background: #fff";
}"""


def test_it_waits_for_its_element_and_goes_and_comes_with_it(hand: Any) -> None:
    one = hand(document("<span id=slot></span>"))
    one.gives()
    one.page.wait_for_timeout(CALM_MS)
    assert one.told == []
    one.page.evaluate(f"slot.innerHTML = '{TARGET}'")
    one.soon(lambda: one.told == ["nudge_shown n1"], "shown when it came")
    assert one.page.evaluate("ui.acks") == [1]
    for gone, back in (
        ("target.style.display = 'none'", "target.style.display = ''"),
        ("target.style.visibility = 'hidden'", "target.style.visibility = ''"),
        ("window.kept = slot.firstChild; kept.remove()", "slot.append(kept)"),
        ("scrollTo(0, 3000)", "scrollTo(0, 0)"),
        (COVER, "cover.remove()"),
        ("slot.style.cssText = 'height: 0; overflow: hidden; display: block'", "slot.style.cssText = ''"),
        ("document.querySelector('main').inert = true", "document.querySelector('main').inert = false"),
    ):
        one.page.evaluate(gone)
        one.soon(lambda: one.card.count() == 0, f"not to be seen: {gone}")
        one.page.evaluate(back)
        one.soon(lambda: one.card.count() == 1, f"seen again: {back}")
        one.soon(lambda: one.beside(one.page.locator("#target")), f"in its place: {back}")
    assert one.told == ["nudge_shown n1"]


@pytest.mark.parametrize(
    "unseen",
    ["target.style.display = 'none'", "target.style.marginTop = '3000px'", COVER],
    ids=["hidden", "below the window", "covered"],
)
def test_what_nobody_could_see_was_not_shown(hand: Any, unseen: str) -> None:
    one = hand()
    one.page.evaluate(unseen)
    first = one.gives()
    one.page.wait_for_timeout(CALM_MS)
    assert (one.told, one.page.evaluate("ui.acks"), one.card.count()) == ([], [], 0)
    # It holds nobody up.
    one.chats()
    assert first not in str(one.told)


def test_a_page_that_hides_itself_has_shown_nothing(hand: Any) -> None:
    """As pages do until an experiment or their own styles are there."""
    one = hand()
    one.page.evaluate("document.documentElement.style.display = 'none'")
    one.gives(kind="chat", target=None)
    one.gives(message=True, kind="chat", target=None)
    one.page.wait_for_timeout(CALM_MS)
    assert (one.told, one.page.evaluate("ui.acks")) == ([], [])
    one.page.evaluate("document.documentElement.style.display = ''")
    one.soon(lambda: sorted(one.page.evaluate("ui.acks")) == [1, 2], "both, when the page is there")
    assert one.told == ["nudge_shown n1"]


def test_a_page_nobody_looks_at_shows_nothing(hand: Any) -> None:
    look_away = """(state) => {
      Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
      document.dispatchEvent(new Event("visibilitychange"));
    }"""
    one = hand()
    one.page.evaluate(look_away, "hidden")
    one.gives()
    one.gives(kind="chat", target=None)
    one.gives(message=True, kind="chat", target=None)
    one.page.wait_for_timeout(CALM_MS)
    assert (one.told, one.page.evaluate("ui.acks")) == ([], [])
    one.page.evaluate(look_away, "visible")
    one.soon(lambda: len(one.page.evaluate("ui.acks")) == 2, "one of them, and what was said")
    assert len(one.told) == 1


def test_one_at_a_time_and_none_after_its_time(hand: Any) -> None:
    one = hand()
    one.page.clock.install()
    one.page.evaluate("ui.soon = (s) => new Date(Date.now() + s * 1000).toISOString()")
    one.page.evaluate("ui.take({kind: 'tooltip'}); ui.take({expires_at: ui.soon(60)}); ui.take({kind: 'chat'})")
    one.page.evaluate("ui.take({expires_at: ui.soon(-1)})")
    # A tooltip whose element the browser has not yet told of lets a chat pass.
    one.page.evaluate("new Promise((told) => new IntersectionObserver(told).observe(target)).then(() => {})")
    one.soon(lambda: one.told == ["nudge_shown n1"], "the first", ticks=TICK_MS)
    one.page.clock.run_for(70_000)
    one.card.get_by_role("button", name="Got it").click()
    one.soon(lambda: one.told[-1] == "nudge_shown n3", "the one that is in time", ticks=TICK_MS)
    assert one.card.count() == 1
    one.card.get_by_role("button", name="Close").click()
    one.page.clock.run_for(1_000)
    assert one.told == [
        *("nudge_shown n1", "nudge_clicked n1 ok", "nudge_dismissed n1 ok"),
        *("nudge_shown n3", "nudge_dismissed n3"),
    ]
    assert one.page.locator("handrail-root").count() == 0


def test_an_element_that_does_not_come_is_told_once(hand: Any) -> None:
    one = hand()
    one.page.clock.install()
    one.gives(target="#never")
    one.gives(target="div:has(((")
    one.page.clock.run_for(9_000)
    assert one.told == []
    one.page.clock.run_for(2_000)
    assert sorted(one.told) == ["nudge_target_missing n1", "nudge_target_missing n2"]
    assert sorted(one.page.evaluate("ui.acks")) == [1, 2]
    # Seen before it went: it was shown, and is not missing.
    one.gives()
    one.soon(lambda: "nudge_shown n3" in one.told, "shown", ticks=TICK_MS)
    # It came back in time: the time without it is forgotten.
    one.page.evaluate("window.kept = target; kept.remove()")
    one.page.clock.run_for(6_000)
    one.page.evaluate("document.querySelector('.row').prepend(kept)")
    one.page.clock.run_for(6_000)
    one.soon(lambda: one.card.count() == 1, "it is there again", ticks=TICK_MS)
    one.page.evaluate("target.remove()")
    one.page.clock.run_for(12_000)
    one.page.evaluate(f"document.querySelector('.row').innerHTML = '{TARGET}'")
    one.page.clock.run_for(1_000)
    assert one.told[2:] == ["nudge_shown n3"]
    assert one.page.locator("handrail-root").count() == 0


def test_an_equal_element_of_another_page_is_another_thing(hand: Any) -> None:
    one = hand()
    one.shows()
    again = "document.querySelector('.row').innerHTML = document.querySelector('.row').innerHTML"
    one.page.evaluate(f"history.pushState(null, '', '/other'); {again}")
    one.soon(lambda: one.card.count() == 0, "it stays behind")
    one.page.evaluate(f"history.back(); {again}")
    one.soon(lambda: one.card.count() == 1, "and is there on return")
    # An element that stays through a change of pages is the same.
    one.page.evaluate("history.pushState(null, '', '/third'); target.title = 'x'")
    one.page.wait_for_timeout(CALM_MS)
    assert one.card.count() == 1


def test_elements_in_shadow_roots_and_behind_labels(hand: Any) -> None:
    one = hand(
        document(
            """<x-box></x-box><label style="position: relative"><input type=checkbox id=hid style="opacity: 0;
            position: absolute"><span style="position: absolute; inset: 0; background: #ddd"></span>Agree to it</label>
            <script>document.querySelector("x-box").attachShadow({mode: "open"}).innerHTML =
            "<button class=deep>Deep</button>"</script>"""
        )
    )
    one.shows(target="x-box >>> .deep")
    one.soon(lambda: one.beside(one.page.locator(".deep")), "inside")
    one.card.get_by_role("button", name="Got it").click()
    one.shows(target="#hid")


def test_of_equal_elements_the_one_that_is_drawn_is_meant(hand: Any) -> None:
    """As a menu that stands in a page once for phones and once for large windows."""
    one = hand(document('<button class="twin" hidden>New</button><button class="twin">New</button>'))
    one.shows(target=".twin")
    one.soon(lambda: one.beside(one.page.locator(".twin").last), "at the second one")


def test_another_user_or_tab_takes_over(hand: Any) -> None:
    one = hand()
    one.shows()
    one.gives(kind="chat", target=None)
    one.page.evaluate("ui.withdraw()")
    one.card.get_by_role("button", name="Got it").click()
    one.page.wait_for_timeout(CALM_MS)
    assert one.told[-1] == "nudge_dismissed n1 ok"
    one.shows(nudge_id="n9")
    one.page.evaluate("ui.completed('n9')")
    one.soon(lambda: one.page.locator("handrail-root").count() == 0, "completed")
    one.shows(nudge_id="n10")
    one.page.evaluate("ui.end()")
    assert one.page.locator("handrail-root").count() == 0
