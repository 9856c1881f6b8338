"""Many tabs, one socket: help comes once, where the user looks, and outlives the tab that held the socket."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser


def nudges(*pages: Page) -> list[int]:
    return [page.locator("[data-hr-nudge]").count() for page in pages]


def focused(page: Page) -> None:
    """The browser says of all its tabs that they have the focus, until it is told not to."""
    page.context.new_cdp_session(page).send("Emulation.setFocusEmulationEnabled", {"enabled": False})


@pytest.mark.whole_browser
def test_tabs_share_a_socket_and_help_comes_once(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person()
    said = traffic(person)
    one = person.page
    address = site("plain")
    one.goto(address)
    two = one.context.new_page()
    two.goto(address)
    for page in (one, two):
        focused(page)
    # One tab sits, the other waits for its seat.
    until(lambda: two.evaluate(look.locks) == [1, 1], look.seconds, "both tabs are live")
    until(lambda: len(said.open) == 1, look.seconds, "the socket is open")
    # Made in one window, shown in the one that is worked in by then.
    one.bring_to_front()
    person.clicks(one.locator("#dead"), times=5)
    two.bring_to_front()
    until(lambda: [page.evaluate("document.hasFocus()") for page in (one, two)] == [False, True], 5, "the focus moves")
    two.locator("[data-hr-nudge]").wait_for(timeout=look.seconds * 1000)
    nudge_id = two.locator("[data-hr-nudge]").get_attribute("data-hr-nudge")
    user = one.evaluate(look.anonymous)
    shown = lambda: [  # noqa: E731
        event for event in server.events(user_id=user) if event["event_type"] == "nudge_shown"
    ]
    until(shown, look.seconds, "shown is told")
    assert nudges(one, two) == [0, 1]
    assert [event["properties"]["nudge_id"] for event in shown()] == [nudge_id]
    assert len(said.sockets) == 1
    # What is shown here is acknowledged there.
    two.locator("[data-hr-nudge]").get_by_role("button").last.click()
    until(lambda: [frame for frame in said.sent if '"ack"' in frame], look.seconds, "acknowledged")


def test_another_tab_takes_over(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person()
    said = traffic(person)
    one = person.page
    one.context.add_init_script(look.visibility)
    address = site("plain", tenant="globex")
    one.goto(address)
    until(lambda: len(said.open) == 1, look.seconds, "the first tab's socket is open")
    two = one.context.new_page()
    two.goto(address)
    until(lambda: two.evaluate(look.locks) == [1, 1], look.seconds, "the second tab waits")
    assert len(said.sockets) == 1
    # Frozen: it lets go by itself.
    one.evaluate("document.dispatchEvent(new Event('freeze'))")
    until(lambda: len(said.open) == 1 and len(said.sockets) == 2, look.seconds, "the second tab has the socket")
    one.evaluate("document.dispatchEvent(new Event('resume'))")
    until(lambda: two.evaluate(look.locks) == [1, 1], look.seconds, "the first tab waits now")
    # Hidden, it shows nothing: what it hears goes to the tab that is looked at.
    two.evaluate("look('hidden')")
    person.clicks(one.locator("#dead"), times=5)
    one.locator("[data-hr-nudge]").wait_for(timeout=look.seconds * 1000)
    assert nudges(one, two) == [1, 0]
    assert len(said.sockets) == 2
    # Stuck: it does not answer, and its seat is taken.
    two.evaluate("BroadcastChannel.prototype.postMessage = () => {}")
    one.evaluate("look('hidden'); look('visible')")
    until(lambda: len(said.sockets) == 3 and len(said.open) == 1, look.seconds, "the seat was taken")
    # Closed.
    two.close()
    one.evaluate("document.dispatchEvent(new Event('freeze'))")
    until(lambda: not said.open, look.seconds, "nobody holds a socket")
