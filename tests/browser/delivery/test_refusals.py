"""What the server or something before it refuses costs only time; what must not be kept is not."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.sync_api import Response, Route
from tests.browser.delivery.ledger import Ground, Ledger, Walker

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 40
EVENTS = "**/api/v1/events"
FLOODS_SECONDS = 3
ONE_EVENT_BYTES = 900


@contextmanager
def flood(gateway: str, key: str) -> Iterator[None]:
    """So many requests of this machine that the door turns them away for a while."""
    ended = threading.Event()

    def run() -> None:
        with httpx2.Client(headers={"X-API-Key": key}) as client:
            while not ended.is_set():
                client.post(f"{gateway}/api/v1/events", content=b"{}", headers={"Content-Type": "application/json"})

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def test_the_door_asks_for_patience(ground: Ground) -> None:
    walker = ground.walker("patient")
    answers: list[tuple[float, int, str]] = []

    def seen(answer: Response) -> None:
        if answer.url.endswith("/api/v1/events"):
            answers.append((time.monotonic(), answer.status, answer.headers.get("retry-after", "")))

    walker.page.on("response", seen)
    # The small plan: 50 requests a second.
    walker.comes(ground.site("plain", tenant="globex"))
    key = str(ground.up.status["tenants"]["globex"]["publishable_key"])
    with flood(str(ground.up.status["gateway"]), key):
        deadline = time.monotonic() + ARRIVES_SECONDS
        while all(status != 429 for _, status, _ in answers):
            assert time.monotonic() < deadline, "the door never said 429"
            walker.acts_on(10)
            walker.page.wait_for_timeout(200)
    walker.acts_on(30)
    ground.until(lambda: ground.books("globex").faults(walker) == [], ARRIVES_SECONDS, "all numbers, once each")
    walker.page.wait_for_timeout(1)
    at, _, seconds = next(answer for answer in answers if answer[1] == 429)
    later = [moment for moment, _, _ in answers if moment > at]
    assert float(seconds) > 0
    assert min(later) - at > float(seconds) - 0.2


def test_a_proxy_that_takes_little_at_once(ground: Ground) -> None:
    walker = ground.walker("small")
    sizes: list[tuple[int, bool]] = []

    def proxy(route: Route) -> None:
        body = route.request.post_data_buffer or b""
        taken = len(body) < 4 * ONE_EVENT_BYTES
        sizes.append((len(body), taken))
        if taken:
            route.continue_()
        else:
            route.fulfill(status=413, headers={"Access-Control-Allow-Origin": "*"})

    walker.page.route(EVENTS, proxy)
    walker.comes(ground.site("plain"))
    walker.acts_on(40)
    # One that is too large whatever is done is given up, and the server is told of it.
    walker.page.evaluate("handrail.track('n', { text: 'x'.repeat(8000) })")
    walker.acts_on(10)
    ground.until(lambda: walker.waiting() == 0, ARRIVES_SECONDS, "nothing is left behind")
    ground.until(lambda: ground.books().faults(walker) == [], ARRIVES_SECONDS, "all numbers, once each")
    assert any(not taken for _, taken in sizes)


def signed(up: Any, tenant: str, user_id: str) -> str:
    """The identity token that the customer's server makes."""
    secret = (up.state / "secrets" / tenant / "handrail-identity" / "current").read_bytes()
    claims = {"sub": user_id, "exp": int(time.time()) + 300}
    return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret.strip()))


def test_a_user_who_signed_out_meanwhile(ground: Ground) -> None:
    walker = ground.walker("signed")
    user = f"ann.*>{walker.name}"
    address = ground.site("plain")
    walker.comes(address)
    with walker.page.expect_response("**/api/v1/identify"):
        walker.page.evaluate(
            "([user, token]) => handrail.identify(user, { token })", [user, signed(ground.up, "acme", user)]
        )
    walker.acts_on(3)
    ground.until(lambda: ground.books().faults(walker) == [], ARRIVES_SECONDS, "the token is good")
    ground.until(lambda: walker.waiting() == 0, ARRIVES_SECONDS, "nothing waits")
    assert walker.at_rest() == {"shelf": [], "mirror": []}, "no token rests where no event waits"

    walker.page.route(EVENTS, lambda route: route.abort())
    walker.acts_on(20)
    ground.until(
        lambda: any(".~" in key for key in walker.at_rest()["shelf"]), ARRIVES_SECONDS, "the token waits with them"
    )
    walker.page.evaluate("handrail.reset()")
    walker.acts_on(5)
    # The tab of the one who was signed in is gone; the next page knows nothing of that user.
    walker.page.close(run_before_unload=True)
    walker.page = walker.context.new_page()
    walker.comes(address)
    ground.until(lambda: walker.at_rest() == {"shelf": [], "mirror": []}, ARRIVES_SECONDS, "nothing is left behind")
    ground.until(lambda: ground.books().faults(walker) == [], ARRIVES_SECONDS, "all numbers, once each")
    users = {event["properties"]["n"]: event["user_id"] for event in mine(ground.books(), walker)}
    assert [users[n] == user for n in range(walker.acts)] == [True] * 23 + [False] * 5


def mine(books: Ledger, walker: Walker) -> list[dict[str, Any]]:
    return [event for event in books.events(event_type="custom") if event["properties"].get("who") == walker.name]


def test_no_means_that_nothing_stays(ground: Ground) -> None:
    walker = ground.walker("private")
    walker.comes(ground.site("plain"))
    walker.page.route(EVENTS, lambda route: route.abort())
    walker.acts_on(20)
    ground.until(lambda: len(walker.at_rest()["mirror"]) >= walker.acts, ARRIVES_SECONDS, "events wait in both places")
    walker.page.evaluate("handrail.consent('denied')")
    ground.until(lambda: walker.at_rest() == {"shelf": [], "mirror": []}, ARRIVES_SECONDS, "all is gone")


def test_pages_without_locks(ground: Ground) -> None:
    walker = ground.walker("insecure")
    walker.comes(ground.site("plain", host="plain.test"))
    assert walker.page.evaluate("[isSecureContext, 'locks' in navigator]") == [False, False]
    walker.page.route(EVENTS, lambda route: route.abort())
    walker.acts_on(15)
    walker.page.reload()
    walker.page.wait_for_function("window.handrail && handrail.version")
    walker.acts_on(5)
    walker.page.unroute(EVENTS)
    walker.page.reload()
    ground.until(lambda: walker.waiting() == 0, ARRIVES_SECONDS, "nothing is left behind")
    ground.until(lambda: ground.books().faults(walker) == [], ARRIVES_SECONDS, "all numbers, once each")
