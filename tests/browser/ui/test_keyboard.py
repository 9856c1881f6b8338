"""By keyboard alone: nothing takes the focus, F6 goes in, Esc comes out, and the page's keys stay the page's."""

from typing import Any

import pytest
from tests.browser.ui.conftest import TARGET, document

pytestmark = pytest.mark.browser

HOTKEYS = """
for (const [target, capture] of [[window, false], [document, false], [document, true]])
  for (const type of ["keydown", "keypress", "keyup", "input", "paste"])
    target.addEventListener(type, (event) => (window.heard ??= []).push(`${type} ${event.key}`), capture);
"""


def test_a_walk_by_keyboard_alone(hand: Any) -> None:
    one = hand()
    page, press = one.page, one.page.keyboard.press
    page.locator("#field").focus()
    page.keyboard.type("spring")
    one.shows(actions=[{"id": "go", "label": "Show me", "kind": "event", "url": None}])
    page.keyboard.type(" la unch ")
    assert page.locator("#field").input_value() == "spring la unch "
    press("F6")
    assert one.focused() == "Show me"
    press("Tab")
    assert one.focused() == "Close"
    press("Shift+Tab")
    assert one.focused() == "Show me"
    press("F6")
    assert one.focused() == "field"
    press("F6")
    press("Enter")
    one.soon(lambda: one.card.count() == 0, "acted")
    assert one.focused() == "field"
    assert one.told == ["nudge_shown n1", "nudge_clicked n1 go", "action n1 go"]

    one.chats()
    assert one.focused() == "field"
    press("F6")
    assert one.focused() == "Write a message"
    page.keyboard.type("Hi k/b?")
    press("Shift+Enter")
    page.keyboard.type("there")
    press("Enter")
    assert page.evaluate("ui.said") == ["n2: Hi k/b?\nthere"]
    press("Escape")
    # It holds a conversation: put away, not lost.
    assert one.focused() == "field"
    assert one.card.count() == 0
    press("F6")
    assert one.focused() == "Open chat"
    press("Enter")
    assert one.focused() == "Write a message"
    press("Escape")
    assert one.told[3:] == ["nudge_shown n2"]


def test_esc_leaves_and_returns_the_focus(hand: Any) -> None:
    one = hand()
    one.page.locator("#field").focus()
    for show in (one.shows, one.chats):
        show()
        one.page.keyboard.press("F6")
        one.page.keyboard.press("Escape")
        one.soon(lambda: one.card.count() == 0, "gone")
        assert one.focused() == "field"
    assert [line for line in one.told if "dismissed" in line] == ["nudge_dismissed n1", "nudge_dismissed n2"]


@pytest.mark.parametrize(
    ("script", "theirs"),
    [
        ("", False),
        ("addEventListener('keydown', (e) => e.key === 'Escape' && e.preventDefault())", True),
        ("addEventListener('keydown', () => document.body.append('x'), {once: true})", True),
        ("document.addEventListener('keydown', (e) => e.key === 'Escape' && (field.value = ''))", True),
    ],
    ids=["nobody", "prevented", "answered", "emptied"],
)
def test_esc_in_the_page_is_the_pages_when_it_wants_it(hand: Any, script: str, theirs: bool) -> None:
    one = hand(document(TARGET + f"<script>{script}</script>"))
    one.page.locator("#field").fill("abc")
    one.shows()
    one.page.keyboard.press("Escape")
    one.page.wait_for_timeout(100)
    assert one.card.count() == (1 if theirs else 0)


def test_a_native_dialog_has_the_first_esc(hand: Any) -> None:
    one = hand(document(TARGET + "<dialog id=dialog><input id=inner></dialog>"))
    one.page.evaluate("dialog.showModal()")
    one.shows(target="#inner")
    one.page.keyboard.press("Escape")
    one.soon(lambda: not one.page.evaluate("dialog.open"), "the dialog closes")
    assert [line for line in one.told if "dismissed" in line] == []


def test_the_pages_hotkeys_do_not_hear_what_is_typed_here(hand: Any) -> None:
    one = hand(early=HOTKEYS)
    one.chats()
    one.page.keyboard.press("F6")
    one.page.evaluate("window.heard = []")
    one.page.keyboard.type("add k/b?")
    one.page.keyboard.press("Control+a")
    one.page.keyboard.press("Control+c")
    one.page.keyboard.press("Control+v")
    one.page.keyboard.press("Enter")
    # Whoever listens on window was there before us and hears bubbling events no more than document does.
    assert one.page.evaluate("heard") == []
    assert one.page.evaluate("ui.said") == ["n1: add k/b?"]
    one.page.locator("#field").focus()
    one.page.keyboard.type("k")
    assert len(one.page.evaluate("heard")) > 3


def test_pressing_a_button_takes_the_focus_from_nobody(hand: Any) -> None:
    one = hand()
    one.page.locator("#field").focus()
    for show in (one.shows, one.chats):
        card = show()
        box = card.locator("button").last.bounding_box()
        one.page.mouse.move(box["x"] + 10, box["y"] + 10)
        one.page.mouse.down()
        assert one.focused() == "field"
        one.page.mouse.move(1, 1)
        one.page.mouse.up()
        card.get_by_role("button", name="Got it").click()
        assert one.focused() == "field"
        one.page.keyboard.type("x")
    assert one.page.locator("#field").input_value() == "xx"
