"""What the snippet costs a page when it is not wanted, when it is there twice, when nobody answers, when it breaks."""

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WATCH = """
  window.long = []; window.thrown = [];
  new PerformanceObserver((list) => long.push(...list.getEntries().map((one) => one.duration))).observe(
    {type: "longtask", buffered: true});
  addEventListener("error", (event) => thrown.push(event.message), true);
  addEventListener("unhandledrejection", (event) => thrown.push(String(event.reason)));
"""
BREAKS = """
  const real = Date.prototype.toISOString;
  let times = 5;
  Date.prototype.toISOString = function () {
    if (times-- > 0) throw Error("planted");
    return real.call(this);
  };
  for (let n = 0; n < 9; n++) handrail.track("x");
"""
FILES = (
    "performance.getEntriesByType('resource').map((one) => one.name.split('/').pop())"
    ".filter((name) => name.includes('.mjs'))"
)
TWICE = '<script async src="{src}" data-key="{key}"></script>'


@contextlib.contextmanager
def listening(answer: bytes | None) -> Iterator[str]:
    """A server that takes every connection and answers so, or not at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                kept.append(connection)
                if answer is not None:
                    with contextlib.suppress(OSError):
                        connection.recv(65536)
                        connection.sendall(answer)
                        connection.close()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}"
        finally:
            server.shutdown(socket.SHUT_RDWR)
            for one in kept:
                one.close()
    thread.join(5)


FAULTY = b"HTTP/1.1 500 No\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


def test_a_gateway_that_is_away_costs_nothing(site: Callable[..., str], new_person: Callable[..., Any]) -> None:
    with listening(None) as silent, listening(FAULTY) as faulty, socket.create_server(("127.0.0.1", 0)) as gone:
        refusing = f"http://127.0.0.1:{gone.getsockname()[1]}"
        gone.close()
        visits: list[tuple[Any, list[str], float]] = []
        for endpoint in (silent, faulty, refusing):
            person = new_person(quiet=False)
            red: list[str] = []
            person.page.on("console", lambda line, red=red: red.append(line.text) if line.type == "error" else None)
            person.page.add_init_script(WATCH)
            opened = time.monotonic()
            person.opens(site("plain", options={"endpoint": endpoint}))
            person.clicks(person.page.locator("#area"), times=12)
            person.page.evaluate("handrail.identify('ada'); handrail.track('x'); void handrail.flush()")
            visits.append((person.page, red, opened))
        # The last of them, and with it the others.
        visits[-1][0].wait_for_timeout(2_500)
        for page, red, opened in visits:
            assert page.evaluate("document.readyState") == "complete"
            assert page.evaluate("thrown") == []
            # Whoever waits for an answer would wait longer.
            assert sum(page.evaluate("long")) < 1_000, "the page was not held up"
            # Config, identify, a batch, tried again once a second at most; no socket, nothing but what sends.
            assert len(red) <= 3 + (time.monotonic() - opened), red
            assert set(page.evaluate(FILES)) <= {"delivery.mjs"}
            page.context.close()


def test_twice_in_a_page_is_once(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    key = up.status["tenants"]["acme"]["publishable_key"]
    src = f"{up.status['gateway']}/sdk/v1/onboarding-agent-sdk.js"
    tags, mixed = new_person(), new_person()
    said = [traffic(tags), traffic(mixed)]
    again = TWICE.format(src=src, key=key)
    tags.opens(site("plain", head=again + again))
    mixed.opens(site("plain", snippet="npm", head=again))
    for person in (tags, mixed):
        person.page.wait_for_function("window.handrail?.version")
        person.page.evaluate("handrail.track('once')")
        person.clicks(person.page.locator("#area"))
    for person, heard in zip((tags, mixed), said, strict=True):
        until(lambda heard=heard: heard.open, look.seconds, "live")
        user = person.page.evaluate(look.anonymous)
        kinds = lambda user=user: sorted(  # noqa: E731
            event["event_type"]
            for event in server.events(user_id=user)
            if event["event_type"] in ("page_view", "click", "custom")
        )
        until(lambda kinds=kinds: kinds() == ["click", "custom", "page_view"], look.seconds, "each once")
        assert len(heard.sockets) == 1


def test_the_switch_reaches_open_pages_and_a_share_stays_the_same(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, look: Any, until: Any, snippet_config: Any
) -> None:
    person = new_person()
    said = traffic(person)
    address = site("plain")
    person.opens(address)
    until(lambda: said.open, look.seconds, "live")
    snippet_config(enabled=False)
    until(lambda: not said.open, look.seconds, "switched off by the socket")
    before = len(said.called("/api/v1/"))
    person.clicks(person.page.locator("#dead"), times=5)
    person.page.evaluate("handrail.track('x'); handrail.flush()")
    person.page.reload()
    person.clicks(person.page.locator("#area"))
    person.page.evaluate("handrail.flush()")
    person.page.wait_for_timeout(2_500)
    assert len(said.called("/api/v1/")) == before
    assert not said.open
    # A share of nobody: the same silence, for a new visitor.
    snippet_config(enabled=True, percent=0)
    visitor = new_person()
    heard = traffic(visitor)
    visitor.opens(address)
    visitor.page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.config'))")
    visitor.clicks(visitor.page.locator("#area"))
    visitor.page.evaluate("handrail.track('x'); handrail.flush()")
    visitor.page.wait_for_timeout(2_500)
    assert heard.called("/api/v1/") == []
    assert heard.sockets == []


def test_a_snippet_that_breaks_says_so_once_and_is_quiet(
    site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    person = new_person()
    said = traffic(person)
    lines: list[str] = []
    person.page.on("console", lambda line: lines.append(line.type))
    person.opens(site("plain"))
    until(lambda: said.open, look.seconds, "live")
    user = person.page.evaluate(look.anonymous)
    # A page may do anything to what the snippet builds on.
    person.page.evaluate(BREAKS)
    until(lambda: not said.open, look.seconds, "the snippet has ended")
    reports = lambda: [  # noqa: E731
        event["properties"] for event in server.events(user_id=user) if event["event_type"] == "error"
    ]
    until(reports, look.seconds, "it is told")
    # Quiet also on the next page of this visit, and in another tab.
    count = len(said.requests)
    person.page.reload()
    other = person.page.context.new_page()
    other.goto(person.page.url)
    for page in (person.page, other):
        page.wait_for_function("window.handrail.version")
        page.evaluate("handrail.track('x'); handrail.flush()")
    other.wait_for_timeout(1_500)
    assert [one.url for one in said.requests[count:] if "onboarding-agent-sdk.js" not in one.url] == []
    assert reports() == [{"kind": "snippet", "count": 1}]
    assert set(lines) <= {"debug"}


def test_restart_and_revoked_key(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], traffic: Any, server: Any, look: Any, until: Any
) -> None:
    made = server.new_key()
    person = new_person(quiet=False)
    said = traffic(person)
    person.opens(site("plain", options={"key": made["key"]}))
    until(lambda: said.open, look.seconds, "live")
    gateway = next(one["pid"] for one in up.status["processes"] if one["name"] == "gateway")
    # The pid may be an earlier one's.
    with contextlib.suppress(ProcessLookupError):
        os.kill(gateway, signal.SIGTERM)
        until(lambda: len(said.sockets) >= 2 and len(said.open) == 1, look.seconds, "back after a restart")
    count = len(said.sockets)
    server.revoke(made["key_id"])
    until(lambda: not said.open, look.seconds, "closed with the key")
    person.page.wait_for_timeout(2_500)
    assert len(said.sockets) == count, "and not opened again"
