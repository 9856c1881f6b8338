"""Nothing before a yes, nothing after a no, and the browser's own signals count: traffic and storage are searched."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

SIGNAL = "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', {get: () => true})"
NOTHING = {"local": {}, "session": {}, "cookie": "", "databases": [], "names": []}


def loaded(said: Any, since: int = 0) -> list[str]:
    """Calls but for the snippet's own file, from the so-many-th on."""
    return [one.url for one in said.called("/")[since:] if "onboarding-agent-sdk.js" not in one.url]


def acts(pages: Sequence[Page], name: str) -> None:
    """In all of them somebody clicks, and the page tells something."""
    for page in pages:
        page.locator("#dead").click()
        page.evaluate("(name) => { handrail.track(name); return handrail.flush(); }", name)


def test_nothing_before_a_yes_and_nothing_after_a_no(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    waiting, private, asked = new_person(), new_person(), new_person()
    said, hushed, usual = traffic(waiting), traffic(private), traffic(asked)
    private.page.add_init_script(SIGNAL)
    address = site("plain", options={"consent": "pending"})
    waiting.opens(address)
    private.opens(site("plain"))
    # Nobody asks this one to wait: when all of theirs is there, it would be there of the others, too.
    asked.opens(site("plain"))
    for person in (waiting, private, asked):
        person.clicks(person.page.locator("#area"))
        person.page.wait_for_function("window.handrail.version")
        person.page.evaluate("handrail.track('planted'); handrail.flush()")
    until(lambda: usual.open, look.seconds, "a socket of who is not asked")
    theirs = asked.page.evaluate(look.anonymous)
    until(lambda: len(server.events(user_id=theirs)) >= 3, look.seconds, "and events")
    for person, heard in ((waiting, said), (private, hushed)):
        assert look.at_rest(person.page) == NOTHING
        assert loaded(heard) == []
        assert heard.sockets == []

    # A yes: what was captured while waiting is sent.
    for person in (waiting, private):
        person.page.evaluate("handrail.consent('granted')")
    until(lambda: said.open and hushed.open, look.seconds, "sockets open after the yes")
    user = waiting.page.evaluate(look.anonymous)
    until(lambda: server.events(user_id=user), look.seconds, "events arrive after the yes")

    # Another page and another tab know it; a no in one tab ends it in both.
    other = waiting.page.context.new_page()
    other.goto(address)
    other.wait_for_function("Object.keys(localStorage).some((key) => key.includes('.q.'))")
    waiting.page.evaluate("handrail.consent('denied')")
    until(lambda: not said.open, look.seconds, "the socket is closed")
    other.wait_for_function("Object.keys(localStorage).length === 1")
    before = len(said.requests)
    acts((waiting.page, other), "planted")
    other.reload()
    other.wait_for_function("window.handrail.version")
    before_theirs = len(usual.sockets)
    asked.page.reload()
    until(lambda: len(usual.sockets) > before_theirs, look.seconds, "who is not asked is live again")
    key = next(iter(look.at_rest(other)["local"]))
    assert look.at_rest(other) == NOTHING | {"local": {key: "denied"}}
    assert key.endswith(".consent")
    assert loaded(said, before) == []


def test_asked_again_after_a_yes_everything_stops_in_all_tabs(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person()
    heard = traffic(person)
    address = site("plain", options={"consent": "pending"})
    person.opens(address)
    person.page.evaluate("handrail.consent('granted')")
    other = person.page.context.new_page()
    other.goto(address)
    acts((person.page, other), "agreed")
    user = person.page.evaluate(look.anonymous)
    until(lambda: heard.open, look.seconds, "a socket after the yes")
    until(lambda: named(server, user).count("agreed") == 2, look.seconds, "events after the yes")

    person.page.evaluate("handrail.consent('pending')")
    until(lambda: not heard.open, look.seconds, "the socket is closed")
    other.wait_for_function("!Object.keys(localStorage).some((key) => key.endsWith('.consent'))")
    before = len(heard.requests)
    acts((person.page, other), "while asked")
    assert loaded(heard, before) == []
    person.page.evaluate("handrail.consent('granted')")
    person.page.evaluate("handrail.track('agreed again'); handrail.flush()")
    # Who is asked anew is nobody known, as at a first visit.
    until(lambda: "agreed again" in named(server, None), look.seconds, "events after the next yes")
    assert {"agreed again", "while asked"}.isdisjoint(named(server, user))


def named(server: Any, user: str | None) -> list[str]:
    """What pages have told by themselves, of one user or of all."""
    events = server.events(**({"user_id": user} if user else {}))
    return [event["properties"]["name"] for event in events if event["event_type"] == "custom"]
