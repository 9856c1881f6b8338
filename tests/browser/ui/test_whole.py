"""Both kinds over the whole platform: from what a user does or asks to what is stored of the answer."""

import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from handrail_contracts.event_ids import uuid7

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 40


def stored(up: Any, event_type: str, nudge_id: str) -> list[dict[str, Any]]:
    found = up.read("acme", "/api/v1/events", limit="500")
    return [
        one["properties"]
        for one in found
        if one["event_type"] == event_type and one["properties"].get("nudge_id") == nudge_id
    ]


def test_help_in_a_modal_by_keyboard_alone(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person()
    page = person.page
    person.opens(site("radix"))
    # React renders after the page's own load, and keys wait for nothing.
    page.locator("#open").wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.locator("#dead").wait_for()
    page.locator("#dead").focus()
    for _ in range(5):
        page.keyboard.press("Space")
    nudge = person.sees_help()
    assert page.evaluate("document.activeElement.id") == "dead"
    person.pictures_it("radix")
    nudge_id = str(nudge.get_attribute("data-hr-nudge"))
    page.keyboard.press("F6")
    assert page.evaluate("document.activeElement.localName") == "handrail-root"
    page.keyboard.press("Enter")
    nudge.wait_for(state="detached")
    assert page.evaluate("document.activeElement.id") == "dead"
    until(lambda: stored(up, "nudge_clicked", nudge_id), ARRIVES_SECONDS, "clicked")
    assert stored(up, "nudge_shown", nudge_id)


def test_a_question_is_sent_and_answered_in_one_conversation(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person()
    page = person.page
    person.opens(site("plain"))
    find = "Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))?.[1]"
    user_id = until(lambda: page.evaluate(find), ARRIVES_SECONDS, "an id")
    asks(up, user_id, "Where do I find my invoices?")
    chat = person.sees_help()
    assert chat.get_attribute("data-hr-kind") == "chat"
    nudge_id = str(chat.get_attribute("data-hr-nudge"))
    person.clicks(chat.get_by_role("textbox"))
    page.keyboard.type("I do not see it, where is it?")
    page.keyboard.press("Enter")
    person.pictures_it("chat")
    until(lambda: stored(up, "user_message", nudge_id), ARRIVES_SECONDS, "what was written is stored")
    assert [one["text"] for one in stored(up, "user_message", nudge_id)] == ["I do not see it, where is it?"]
    chat.get_by_text("Sent", exact=True).wait_for()
    until(lambda: chat.locator(".them").count() == 2, ARRIVES_SECONDS, "answered")
    assert page.locator("[data-hr-nudge]").count() == 1
    assert page.evaluate("JSON.stringify({...localStorage})").count("I do not see it") == 0


def asks(up: Any, user_id: str, text: str) -> None:
    """As another page of the same user would send it."""
    now = datetime.now(UTC)
    event = {
        "event_id": uuid7(now, os.urandom(10)),
        "event_type": "user_message",
        "user_id": user_id,
        "session_id": "another-page",
        "timestamp": now.isoformat(),
        "properties": {"text": text},
    }
    key = up.status["tenants"]["acme"]["publishable_key"]
    answer = httpx2.post(
        f"{up.status['gateway']}/api/v1/events", json={"api_key": key, "sent_at": now.isoformat(), "events": [event]}
    )
    assert answer.status_code == 202, answer.text
