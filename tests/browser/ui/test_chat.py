"""The conversation: what is written is sent once, told what became of it, and never lost from sight unread."""

from typing import Any

import pytest

pytestmark = pytest.mark.browser


def test_what_is_written_is_sent_and_told(hand: Any) -> None:
    one = hand()
    card = one.chats()
    field, send = card.get_by_role("textbox"), card.get_by_role("button", name="Send")
    for nothing in ("", "   ", " \n "):
        field.fill(nothing)
        field.press("Enter")
        send.click(force=True)
    assert one.page.evaluate("ui.said") == []
    field.fill("x" * 1_900)
    assert card.locator(".room").inner_text() == "1900 / 2000"
    field.fill("x" * 2_034)
    assert card.locator(".room").inner_text() == "34 characters too many"
    assert field.get_attribute("aria-invalid") == "true"
    field.press("Enter")
    assert one.page.evaluate("ui.said") == []
    # Nothing of it is lost.
    assert len(field.input_value()) == 2_034
    field.fill("x" * 2_000)
    send.click()
    field.fill("Where is **it**? <b>x</b>")
    field.press("Enter")
    # The first reply is about the nudge, which it ends.
    assert one.page.evaluate("ui.said.map((text) => text.length)") == [2_004, 25]
    assert field.input_value() == ""
    # As it was written.
    card.get_by_text("Where is **it**? <b>x</b>", exact=True).wait_for()
    one.soon(lambda: card.locator(".state:visible").all_inner_texts() == ["Sent"], "the last one says so")


def test_without_a_connection_it_says_so_and_tries_again(hand: Any) -> None:
    one = hand()
    card = one.chats()
    one.page.evaluate("ui.online = false")
    card.get_by_role("textbox").fill("Hello?")
    card.get_by_role("textbox").press("Enter")
    again = card.get_by_role("button", name="Try again")
    again.wait_for()
    assert "Not sent yet" in card.get_by_role("log").inner_text()
    one.pictures_it("chat-offline")
    # Not by its own clock, which would try again, too.
    one.page.evaluate("window.kept = setTimeout; window.setTimeout = () => 0")
    again.click()
    again.wait_for()
    one.page.evaluate("ui.online = true; dispatchEvent(new Event('online'))")
    card.get_by_text("Sent", exact=True).wait_for()
    one.page.evaluate("window.setTimeout = kept")
    assert again.count() == 0
    # An answer joins it, be it a message or another nudge.
    one.chats("Now?")
    assert one.page.locator(".log").inner_text().count("?") == 3
    # Sent once, whoever asked how often.
    assert one.page.evaluate("ui.said") == ["n1: Hello?"]


def test_what_comes_meanwhile_waits_with_a_number_until_it_is_seen(hand: Any) -> None:
    one = hand()
    page = one.page
    card = one.chats()
    card.get_by_role("textbox").fill("a draft")
    card.get_by_role("button", name="Minimise").click()
    assert one.card.count() == 0
    for text in ("One", "Two"):
        one.gives(message=True, kind="chat", target=None, title="", body=text)
    page.locator(".badge").get_by_text("2").wait_for()
    assert page.get_by_role("status").inner_text() == "2 unread"
    one.pictures_it("launcher")
    assert page.evaluate("ui.acks") == [1]
    page.get_by_role("button", name="Open chat").click()
    one.soon(lambda: sorted(page.evaluate("ui.acks")) == [1, 2, 3], "seen")
    assert card.get_by_role("textbox").input_value() == "a draft"
    card.get_by_role("button", name="Close").click()
    assert page.locator("handrail-root").count() == 0
    one.gives(message=True, kind="chat", target=None, title="", body="Three")
    one.soon(lambda: 4 in page.evaluate("ui.acks"), "a new word opens it again")
    assert one.card.get_by_role("log").inner_text().split() == ["How", "can", "I", "help?", "One", "Two", "Three"]
    assert one.told == ["nudge_shown n1"]


def test_its_buttons_and_its_end(hand: Any) -> None:
    one = hand()
    card = one.chats(
        actions=[
            {"id": "go", "label": "Show me", "kind": "event", "url": None},
            {"id": "docs", "label": "Read", "kind": "link", "url": "https://page.test/docs"},
            {"id": "bad", "label": "Bad", "kind": "link", "url": "javascript:alert(1)"},
        ]
    )
    assert card.locator("[data-hr-action]").all_inner_texts() == ["Show me", "Read"]
    card.get_by_role("button", name="Show me").click()
    one.soon(lambda: one.card.count() == 0, "done")
    card = one.chats()
    card.get_by_role("button", name="Close").click()
    assert one.told == [
        *("nudge_shown n1", "nudge_clicked n1 go", "action n1 go"),
        *("nudge_shown n2", "nudge_dismissed n2"),
    ]
    card = one.chats(actions=[{"id": "docs", "label": "Read", "kind": "link", "url": "https://page.test/docs"}])
    card.get_by_role("link", name="Read").click()
    one.page.wait_for_url("**/docs")
