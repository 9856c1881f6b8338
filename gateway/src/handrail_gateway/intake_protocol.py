"""`POST /api/v1/events` below ASGI: the same steps as `Intake.__call__`, without a task, a scope and a queue for each
request, which cost more than all its checks.

Only what is plain is taken here: HTTP/1.1, the key in a header, a small body of known length, nothing in flight
before it. All else (beacons with the key in the body, chunks, large bodies, `Expect`, pipelining, clients that do not
read) goes on to ASGI as every other path does.
"""

import time
from collections.abc import Iterable
from typing import Any, cast

import structlog
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from handrail_contracts.problems import Problem
from handrail_gateway import door
from handrail_gateway import intake as events
from handrail_gateway.gateway import Gateway
from handrail_gateway.http_protocol import HttpProtocol
from handrail_gateway.intake import Opened, Taken

log = structlog.get_logger()

MOST = 64 * 1024
"""Bytes of a body taken here: what uvicorn reads before it waits for an application to take some."""
_URL = events.PATH.encode()


class _Nobody:
    """uvicorn wakes the application with it; here none waits."""

    def set(self) -> None:
        """Nothing to do."""


class _Request:
    """One request in the place of uvicorn's own cycle, with those attributes that its protocol uses."""

    __slots__ = ("began", "body", "disconnected", "keep_alive", "opened", "request_id", "response_complete")

    message_event = _Nobody()

    def __init__(self, request_id: str, *, keep_alive: bool) -> None:
        self.began = time.perf_counter()
        self.body = b""
        self.disconnected = False
        self.keep_alive = keep_alive
        self.opened: Opened | None = None
        """None: refused by its head already."""
        self.request_id = request_id
        self.response_complete = False


class IntakeProtocol(HttpProtocol):
    """To be used as `http_protocol.protocol` gives it."""

    gateway: Gateway

    def on_message_begin(self) -> None:
        # A scope is made only for what needs one.
        self.url = b""
        self.headers = []
        self.begin_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        head = dict(self.headers)
        if not self._is_plain(head):
            self._begin_asgi()
            return
        self.end_head()
        request = _Request(door.given_request_id(head.get(b"x-request-id")), keep_alive=self.parser.should_keep_alive())
        try:
            address = self.gateway.door.address_of(self._peer(), head.get(b"x-forwarded-for", b"").decode("latin-1"))
            request.opened = self.gateway.intake.open(head, address)
        except Problem as problem:
            self._refuse_soon(request, problem)
        self.cycle = cast("Any", request)

    def _peer(self) -> str:
        return self.client[0] if self.client else ""

    def _begin_asgi(self) -> None:
        """Catches up on what uvicorn does with a request from its first byte on."""
        url, headers = self.url, self.headers
        HttpToolsProtocol.on_message_begin(self)
        self.url = url
        self.headers += headers
        self.expect_100_continue = any(
            name == b"expect" and value.lower() == b"100-continue" for name, value in headers
        )
        super().on_headers_complete()

    def _is_plain(self, head: door.Head) -> bool:
        if self.url != _URL or self.parser.get_method() != b"POST" or self.parser.get_http_version() != "1.1":
            return False
        # A header that comes twice is not for a dictionary.
        if len(head) != len(self.headers) or b"expect" in head or b"upgrade" in head or self.flow.write_paused:
            return False
        before = cast("Any", self.cycle)
        if before is not None and not before.response_complete:
            return False
        length = head.get(b"content-length", b"")
        return bool(head.get(door.KEY_HEADER)) and length.isdigit() and int(length) <= MOST

    def on_body(self, body: bytes) -> None:
        request: object = self.cycle
        if not isinstance(request, _Request):
            super().on_body(body)
        elif not request.response_complete:
            request.body = request.body + body if request.body else body

    def on_message_complete(self) -> None:
        request: object = self.cycle
        if not isinstance(request, _Request):
            super().on_message_complete()
            return
        self.end_message()
        if (opened := request.opened) is None:
            return
        request.opened = None
        try:
            taken = self.gateway.intake.take(opened, request.body, request.request_id)
            request.body = b""
            self.gateway.intake.store(taken, lambda problem: self._stored(request, taken, problem))
        except Problem as problem:
            self._refuse_soon(request, problem)
        except Exception:
            # A fault of ours; let through, it would reach the parser, which takes it for the client's bad request.
            log.exception("a request failed", request_id=request.request_id, method="POST")
            self._refuse_soon(request, Problem("internal"))

    def _refuse_soon(self, request: _Request, problem: Problem) -> None:
        # Not from within the parser, which may have more of the connection in hand.
        self.loop.call_soon(self._refuse_batch, request, problem)

    def _stored(self, request: _Request, taken: Taken, problem: Problem | None) -> None:
        if problem is not None:
            self._refuse_batch(request, problem)
        else:
            self._answer(request, 202, _ACCEPTED, taken.answer)

    def _refuse_batch(self, request: _Request, problem: Problem) -> None:
        if problem.status != 500:
            self.gateway.metrics.refused.labels(problem.code).inc()
        headers = [(name.encode(), value.encode()) for name, value in door.problem_headers(problem).items()]
        body = door.problem_body(problem, request.request_id)
        self._answer(request, problem.status, _lines([*door.CORS, door.NOSNIFF, *headers]), body)

    def _answer(self, request: _Request, status: int, headers: bytes, body: bytes) -> None:
        """`headers`: their lines, without those that every answer has its own of."""
        request.response_complete = True
        self.gateway.metrics.count_request(events.PATH, "POST", status, time.perf_counter() - request.began)
        if request.disconnected:
            return
        default = _default.lines(self.server_state.default_headers)
        close = b"" if request.keep_alive else b"connection: close\r\n"
        self.transport.write(
            b"%b%b%bx-request-id: %b\r\ncontent-length: %d\r\n%b\r\n%b"
            % (STATUS_LINE[status], default, headers, request.request_id.encode(), len(body), close, body)
        )
        if not request.keep_alive:
            self.transport.close()
        self.on_response_complete()


def _lines(headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    return b"".join([b"%b: %b\r\n" % header for header in headers])


class _Default:
    """The lines of uvicorn's own headers: a new list every second, for the date."""

    def __init__(self) -> None:
        self._seen: list[tuple[bytes, bytes]] = []
        self._lines = b""

    def lines(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        if headers is not self._seen:
            self._seen, self._lines = headers, _lines(headers)
        return self._lines


_default = _Default()
_ACCEPTED = _lines([*door.CORS, door.NOSNIFF, (b"content-type", b"application/json")])
