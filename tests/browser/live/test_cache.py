"""The back/forward cache: a page with the snippet comes back as it was, and its socket and events go on."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = [pytest.mark.browser, pytest.mark.whole_browser]

WATCH = "window.returns = []; addEventListener('pageshow', (event) => returns.push(event.persisted))"
BLOCKED = "<script>navigator.locks.request('the page itself', () => new Promise(() => {}))</script>"


def there_and_back(page: Page, address: str) -> list[bool]:
    page.goto(f"{address}projects")
    # A page out of the cache does not load.
    page.go_back(wait_until="commit")
    page.wait_for_function("window.returns?.length")
    found: list[bool] = page.evaluate("returns")
    return found


def kinds(server: Any, user: str, address: str) -> Counter[str]:
    return Counter(event["event_type"] for event in server.events(user_id=user) if event["url"] == address)


def test_a_page_with_the_snippet_stays_in_the_cache(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    plain, blocked, ours = new_person(), new_person(), new_person()
    for person in (plain, blocked, ours):
        person.page.add_init_script(WATCH)
    said = traffic(ours)
    lines: list[str] = []
    ours.page.on("console", lambda line: lines.append(line.text))
    address = site("plain")
    ours.opens(address)

    for person, given, kept in (
        (plain, site("plain", snippet=None), True),
        (blocked, site("plain", snippet=None, head=BLOCKED), False),
    ):
        person.opens(given)
        assert (True in there_and_back(person.page, given)) is kept

    until(lambda: len(said.open) == 1, look.seconds, "the socket is open")
    ours.page.evaluate("window.same = true")
    assert there_and_back(ours.page, address) == [False, True]
    assert ours.page.evaluate("window.same")
    until(lambda: said.open and len(said.sockets) == 2, look.seconds, "a socket is open again")
    # The first one was closed: of what happens to a page in the cache the browser tells nothing.
    until(lambda: server.sockets() == 1, look.seconds, "it is the only one")
    ours.clicks(ours.page.locator("#area"))
    user = ours.page.evaluate(look.anonymous)
    until(lambda: Counter(click=1, page_view=2) <= kinds(server, user, address), look.seconds, "all is stored")
    # Also what the page between has left, which nobody else would send.
    until(lambda: kinds(server, user, f"{address}projects")["page_view"] == 1, look.seconds, "and of the other page")
    waiting = lambda: [key for key in look.at_rest(ours.page)["local"] if ".q." in key]  # noqa: E731
    until(lambda: not waiting(), look.seconds, "nothing is at rest")
    assert lines == []
