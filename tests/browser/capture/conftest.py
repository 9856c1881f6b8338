"""What the snippet makes of what somebody does, heard at the host's own `beforeSend`."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from playwright.sync_api import Page

HEARD_MS = 15_000
STEP_MS = 50

Event = dict[str, Any]


@dataclass(frozen=True)
class Walk:
    """Somebody on a test site, and the events of it in the order they were told."""

    person: Any
    events: list[Event]
    up: Any

    @property
    def page(self) -> Page:
        page: Page = self.person.page
        return page

    def of(self, kind: str) -> list[Event]:
        return [event for event in self.events if event["event_type"] == kind]

    def hears(self, kind: str, count: int = 1) -> list[Event]:
        """The events of this type, once there are so many."""
        for _ in range(HEARD_MS // STEP_MS):
            if len(self.of(kind)) >= count:
                break
            self.page.wait_for_timeout(STEP_MS)
        found = self.of(kind)
        assert len(found) == count, found
        return found

    def stored(self, kind: str, count: int = 1) -> list[Event]:
        """What the platform has of it, in order: an event of a page's last moment is told to nobody else."""
        user = self.events[0]["user_id"]
        found: list[Event] = []
        for _ in range(HEARD_MS // STEP_MS):
            all_of_it = self.up.read("acme", "/api/v1/events", limit="500", user_id=user)
            found = sorted(
                (one for one in all_of_it if one["event_type"] == kind), key=lambda one: str(one["event_id"])
            )
            if len(found) >= count:
                break
            self.page.wait_for_timeout(STEP_MS * 4)
        assert len(found) == count, found
        return found

    def settles(self) -> None:
        """All that was done until now is told: what a custom event follows. For what must not be told; what must be is
        heard sooner by `hears`."""
        self.page.wait_for_timeout(1_300)
        before = len(self.of("custom"))
        self.page.evaluate("handrail.track('settled')")
        self.hears("custom", before + 1)

    def adds(self, markup: str) -> None:
        """To the end of the page; goes through the parser, so inline handlers work."""
        self.page.evaluate("(markup) => document.body.insertAdjacentHTML('beforeend', markup)", markup)

    def finds(self, event: Event) -> str:
        """The id of what the event's selector finds in the page now, or its tag."""
        selector = event["target_element"]["selector"]
        found = self.page.evaluate(
            """(selector) => {
                 const all = document.querySelectorAll(selector);
                 return all.length === 1 ? all[0].id || all[0].localName : `${all.length} found`;
               }""",
            selector,
        )
        return str(found)


@pytest.fixture
def walk(up: Any, site: Callable[..., str], new_person: Callable[..., Any]) -> Callable[..., Walk]:
    """`walk("plain", path="projects", options="iframes: true", head="…")`: a new person on a site. `options` is the
    inside of an object literal."""

    def begin(name: str, *, path: str = "", options: str = "", head: str = "", quiet: bool = True) -> Walk:
        gateway, key = up.status["gateway"], up.status["tenants"]["acme"]["publishable_key"]
        init = f"key: {json.dumps(key)}, beforeSend: (event) => {{ window.heard(event); return event; }}, {options}"
        markup = (
            f'{head}<script nonce="{{{{nonce}}}}">window.handrail = [["init", {{ {init} }}]];</script>'
            f'<script async nonce="{{{{nonce}}}}" src="{gateway}/sdk/v1/onboarding-agent-sdk.js"></script>'
        )
        events: list[Event] = []
        person = new_person(quiet=quiet)
        person.page.expose_function("heard", lambda event: events.append(event))
        found = Walk(person, events, up)
        person.opens(site(name, snippet=None, head=markup) + path)
        found.hears("page_view")
        return found

    return begin
