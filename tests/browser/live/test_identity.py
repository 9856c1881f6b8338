"""Who uses the browser: a login joins what went before, all tabs follow, a logout leaves nobody behind."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Route

pytestmark = pytest.mark.browser


def names(server: Any, user: str) -> list[str]:
    found = [event["properties"].get("name") for event in server.events(user_id=user)]
    return sorted(filter(None, found))


def test_tabs_follow_a_login_and_a_logout(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person()
    said = traffic(person)
    ada = f"ada/{uuid4()}"
    one = person.page
    address = site("plain")
    one.goto(address)
    two = one.context.new_page()
    two.goto(address)
    until(lambda: two.evaluate(look.locks) == [1, 1] and said.open, look.seconds, "both tabs are live")
    visitor = one.evaluate(look.anonymous)
    one.evaluate("handrail.track('before')")
    one.evaluate("([user, token]) => handrail.identify(user, {token: () => token})", [ada, server.proof(ada)])
    until(lambda: [ws.url for ws in said.open if "ada%2F" in ws.url], look.seconds, "a socket of hers")
    until(lambda: len(said.open) == 1, look.seconds, "and the visitor's is closed")
    # The other tab speaks as her, with the token of the first.
    two.evaluate("handrail.track('elsewhere')")
    until(lambda: names(server, ada) == ["elsewhere"], look.seconds, "the other tab's event is hers")
    assert names(server, visitor) == ["before"]
    identified = [json.loads(one.post_data or "{}") for one in said.called("/api/v1/identify")]
    assert [body.get("anonymous_id") for body in identified if body["user_id"] == ada] == [visitor]
    joined = partial(server.user, ada.replace("/", "%2F"))
    until(lambda: joined()["anonymous_ids"] == [visitor], look.seconds, "her history is joined")
    two.evaluate("handrail.reset(); handrail.track('after')")
    until(lambda: [ws for ws in said.open if "ada" not in ws.url], look.seconds, "another visitor's socket")
    one.evaluate("handrail.track('after, too')")
    following = one.evaluate(look.anonymous)
    assert following != visitor
    until(lambda: names(server, following) == ["after", "after, too"], look.seconds, "both tabs are the new visitor's")
    assert names(server, ada) == ["elsewhere"]
    # Nobody finds her token in the browser.
    until(lambda: "eyJ" not in json.dumps(look.at_rest(one)), look.seconds, "no token is at rest")


def test_a_token_is_renewed_before_it_ends_and_replaced_when_refused(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person(quiet=False)
    said = traffic(person)
    bob = f"bob-{uuid4()}"

    def short(route: Route) -> None:
        """The first token is no good, and all seem to end soon."""
        answer = route.fetch()
        body = answer.json() | {"expires_in": 92}
        if not asked:
            body["token"] += "x"
        asked.append(json.loads(route.request.post_data or "{}"))
        route.fulfill(response=answer, json=body)

    asked: list[dict[str, Any]] = []
    person.page.route("**/api/v1/identify", short)
    # Batches would find the bad token before the socket does.
    person.page.route("**/api/v1/events", lambda route: route.fulfill(status=503, headers={"Retry-After": "60"}))
    person.opens(site("plain", options={"userId": bob, "token": server.proof(bob)}))
    until(lambda: len(said.sockets) >= 2 and len(said.open) == 1, look.seconds, "4401, and again with another token")
    until(lambda: said.open and len(asked) >= 4, look.seconds, "renewed by itself")
    proofs = [body for body in asked if "identity_token" in body]
    assert [body["user_id"] for body in asked] == [bob] * len(asked)
    assert len(proofs) == 2
    assert all("token" in body for body in asked[2:])
    assert len(said.sockets) == 2, "an open socket needs no new token"
