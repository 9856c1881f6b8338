"""Inside modals that hold the focus and close on clicks outside, of four makes: the nudge is read and used there."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.browser.ui.conftest import TARGET, document

pytestmark = pytest.mark.browser

# As libraries do it: on focus events of the document, in both phases, and on presses and clicks outside.
TRAP = """
<div id="trap" role="dialog" aria-label="Files" style="padding: 20px">
<input id="note"><button id="dead">Attach</button></div>
<script>
  const trap = document.querySelector("#trap");
  let last = null;
  for (const capture of [true, false]) {
    document.addEventListener("focusin", (event) => {
      if (trap.contains(event.target)) last = event.target; else last?.focus();
    }, capture);
    document.addEventListener("focusout", (event) => {
      if (event.relatedTarget && !trap.contains(event.relatedTarget)) last?.focus();
    }, capture);
    for (const type of ["pointerdown", "mousedown", "mouseup", "touchstart", "click", "focus", "focusin"])
      document.addEventListener(type, (event) => {
        if (!trap.contains(event.target)) trap.dataset.closed = type;
      }, capture);
  }
</script>
"""
MAKES = ["radix", "mui", "dialog", "own"]


@pytest.mark.parametrize("make", MAKES)
def test_a_nudge_is_usable_in_a_modal(make: str, hand: Any, bare_site: Callable[[str], str]) -> None:
    one = hand(document(TARGET + TRAP)) if make == "own" else hand(address=bare_site(make))
    page = one.page
    if make != "own":
        page.locator("#open").click()
    page.locator("#note").click()
    page.keyboard.type("no")
    tooltip = one.shows(target="#dead")
    one.soon(lambda: one.beside(page.locator("#dead")), "in its place")
    one.pictures_it(f"modal-{make}")
    page.keyboard.type("te")
    one.gives(message=True, kind="chat", target=None, title="", body="What are you up to?")
    one.soon(lambda: one.card.count() == 2, "the chat, too")
    # By mouse.
    page.get_by_role("textbox", name="Write a message").click()
    page.keyboard.type("attach a file")
    assert page.get_by_role("textbox", name="Write a message").input_value() == "attach a file"
    page.keyboard.press("Enter")
    assert page.evaluate("ui.said") == ["n2: attach a file"] or page.evaluate("ui.said") == ["attach a file"]
    # By keyboard, and back into the modal.
    page.locator("#note").focus()
    page.keyboard.press("F6")
    assert one.focused() == "Got it"
    page.keyboard.press("Escape")
    assert one.focused() == "note"
    page.keyboard.type("!")
    assert page.locator("#note").input_value() == "note!"
    assert tooltip.count() == 1  # the chat is still there
    page.get_by_role("button", name="Minimise").click()
    page.get_by_role("button", name="Open chat").click()
    # Nothing of it closed the modal.
    if make == "own":
        assert page.locator("#trap").get_attribute("data-closed") is None
        page.mouse.click(400, 580)
        assert page.locator("#trap").get_attribute("data-closed") is not None
        return
    assert page.locator("#dead").is_visible()
    page.locator("#close").click()
    page.locator("#dead").wait_for(state="hidden")
    # The modal takes nothing along.
    one.soon(lambda: one.card.count() == 1, "the chat outlives it")
    page.get_by_role("textbox", name="Write a message").fill("still here")


def test_it_stands_above_dialogs_opened_before_and_after(hand: Any) -> None:
    one = hand(
        document(
            TARGET + '<dialog id="first"><input id="in-first"></dialog><dialog id="second"><input id="in-second">'
            '</dialog><div id="pop" popover>Menu</div>'
        )
    )
    page = one.page
    on_top = """() => {
      const host = document.querySelector("handrail-root");
      const box = host?.shadowRoot.querySelector(".chat")?.getBoundingClientRect();
      return !!box && document.elementFromPoint(box.x + box.width / 2, box.y + 10) === host;
    }"""
    cover = "Object.assign(document.querySelector('{}').style, {{inset: '0', width: '100vw', height: '100vh'}})"
    for name in ("#first", "#second", "#pop"):
        page.evaluate(cover.format(name))
    page.evaluate("first.showModal()")
    one.chats()
    assert page.evaluate(on_top)
    field = page.get_by_role("textbox", name="Write a message")
    for opens in ("second.showModal()", "pop.showPopover()"):
        page.evaluate(opens)
        one.soon(lambda: page.evaluate(on_top), f"above {opens}")
        field.click()
        page.keyboard.type("x")
    assert field.input_value() == "xx"
    page.evaluate("second.remove()")
    one.soon(lambda: page.evaluate(on_top), "it does not go with a dialog that is removed")
    page.evaluate("first.close()")
    one.soon(lambda: page.evaluate(on_top) and one.page.locator("html > handrail-root").count() == 1, "at home again")
    # Where nothing is inert, what comes last to the top layer is above.
    page.evaluate("pop.hidePopover(); pop.showPopover()")
    one.soon(lambda: page.evaluate(on_top), "above a popover of the page")
    assert field.input_value() == "xx"


def test_leaving_a_field_is_still_seen_by_the_page(hand: Any) -> None:
    """A page that saves when a field is left must see it, where no trap is to be feared."""
    one = hand()
    one.page.evaluate(
        "document.querySelector('main').addEventListener('focusout', () => window.left = (window.left ?? 0) + 1)"
    )
    one.page.locator("#field").focus()
    one.chats()
    one.page.get_by_role("textbox", name="Write a message").click()
    assert one.page.evaluate("left") == 1


def test_a_drag_of_the_page_may_end_above_it(hand: Any) -> None:
    one = hand()
    one.page.evaluate("addEventListener('mouseup', () => window.ended = true)")
    card = one.chats().bounding_box()
    one.page.mouse.move(30, 30)
    one.page.mouse.down()
    one.page.mouse.move(card["x"] + 20, card["y"] + 20)
    one.page.mouse.up()
    assert one.page.evaluate("ended") is True
