"""What the snippet owes its host pages: nothing lost, nothing twice."""

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 30


def anonymous_id(page: Page) -> str:
    """Who this browser is to the tenant."""
    found = page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))[1]")
    return str(found)


def at_rest(page: Page) -> int:
    """Events that the browser still keeps."""
    return int(page.evaluate("Object.keys(localStorage).filter((key) => key.includes('.q.')).length"))


def clicked(up: Any, tenant: str, user_id: str) -> list[str]:
    """Selectors of the user's stored clicks in the order of the browser's clock, which the ids carry."""
    events = up.read(tenant, "/api/v1/events", limit="500", user_id=user_id)
    found = []
    for event in sorted(events, key=lambda event: str(event["event_id"])):
        if event["event_type"] == "click":
            found += [event["target_element"]["selector"]] * event["properties"].get("count", 1)
    return found


def test_clicks_of_an_outage_arrive_once_each_over_page_loads(
    up: Any, new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person(quiet=False)
    page = person.page
    person.opens(up.demo("acme"))
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.config'))")
    gateway = up.pid("gateway")
    os.kill(gateway, signal.SIGSTOP)
    try:
        wanted = walk_through_an_outage(person)
        user = anonymous_id(page)
        assert at_rest(page) >= len(wanted)
    finally:
        os.kill(gateway, signal.SIGCONT)
    page.reload()
    until(lambda: len(clicked(up, "acme", user)) >= len(wanted), ARRIVES_SECONDS, "all clicks are stored")
    until(lambda: at_rest(page) == 0, ARRIVES_SECONDS, "nothing is left behind")
    assert clicked(up, "acme", user) == wanted


def walk_through_an_outage(person: Any) -> list[str]:
    """The clicks made on the way."""
    page = person.page
    for link in ("Projects", "People", "Help", "Overview"):
        person.goes_to(link)
        page.wait_for_load_state()
    person.clicks(page.get_by_role("heading", name="Good to see you"), times=2)
    page.reload()
    return ["#nav-items", "#nav-team", "#nav-help", "#nav-dashboard", "h1", "h1"]
