"""uvicorn's HTTP protocol with bounds on what nobody has a key for yet: a request's head and the time it may take.

Without them a head may be as large as memory, and a connection that never ends its request stays for ever. What is
no HTTP at all gets the one error body, too.
"""

import asyncio
import logging
from functools import partial
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from handrail_contracts.problems import Problem
from handrail_gateway import door
from handrail_gateway.connections import Connections
from handrail_gateway.wire_protocol import SocketProtocol

MAX_HEAD = 64 * 1024
"""Bytes of the request line and all headers."""
# uvicorn has a line in plain text for each unreadable request; a metric counts them.
_quiet = logging.getLogger("handrail_gateway.http")
_quiet.setLevel(logging.ERROR)


class _HeadTooLarge(Exception):
    """Raised within the parser, which ends at it."""


class HttpProtocol(HttpToolsProtocol):
    """To be used as `protocol` gives it."""

    head_seconds: float
    """For the head, from the opening of the connection or the request's first byte on."""
    body_seconds: float
    crowd: Connections

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self._address: str | None = None
        self._in_head = True
        self._head_size = 0
        self._data_size = 0
        self._too_large = False
        # One timer for a connection, looked at when it fires, and not three for each request.
        self._due: float | None = None
        self._wanted: float | None = None
        """Seconds for what has begun and has no deadline yet; most has come wholly before it would need one."""
        self._timer: asyncio.TimerHandle | None = None

    # --- the head's size -------------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._address is None:
            return
        in_head_before = self._in_head
        self._data_size = len(data)
        super().data_received(data)
        if in_head_before and self._in_head and not self.transport.is_closing():
            self._head_size += len(data)
            if self._head_size > MAX_HEAD:
                self._too_large = True
                self.send_400_response("")
        if self._wanted is not None:
            self._expect(self._wanted)
            self._wanted = None

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.begin_head()

    def begin_head(self) -> None:
        """A request's first byte has come."""
        self._in_head = True
        self._head_size = 0
        self._wanted = self.head_seconds

    def on_headers_complete(self) -> None:
        self.end_head()
        super().on_headers_complete()

    def end_head(self) -> None:
        """The head has come; its body is awaited."""
        # No head is larger than what has come, so most need not be measured.
        come = self._head_size + self._data_size
        if (
            come > MAX_HEAD
            and len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers) > MAX_HEAD
        ):
            self._too_large = True
            raise _HeadTooLarge
        self._in_head = False
        self._wanted = self.body_seconds

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the problem says it
        self.crowd.unreadable()
        problem = Problem("too_large", f"At most {MAX_HEAD} bytes of headers are taken.")
        if not self._too_large:
            problem = Problem("bad_request", "This is not HTTP that can be read.")
        self._refuse(problem)

    def _refuse(self, problem: Problem) -> None:
        """Says it to whoever there is, and ends the connection."""
        request_id = door.new_request_id()
        body = door.problem_body(problem, request_id)
        # Which path it is for may not be known, so pages may read it in any case.
        headers = door.common_headers(request_id, browser=True)
        headers += [(name.encode(), value.encode()) for name, value in door.problem_headers(problem).items()]
        headers += [(b"content-length", str(len(body)).encode()), (b"connection", b"close")]
        lines = [name + b": " + value + b"\r\n" for name, value in [*self.server_state.default_headers, *headers]]
        self.transport.write(b"".join([STATUS_LINE[problem.status], *lines, b"\r\n", body]))
        self.transport.close()

    # --- its time --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._address = self.crowd.enter(self.client[0] if self.client else "")
        if self._address is None:
            self._refuse(Problem("rate_limited", "This address holds too many connections.", retry_after=5))
            return
        self._expect(self.head_seconds)

    def on_message_complete(self) -> None:
        self.end_message()
        super().on_message_complete()

    def end_message(self) -> None:
        """All of a request has come."""
        self._due = self._wanted = None
        # None where no request came before one that becomes a socket.
        before = cast("Any", self.cycle)
        if before is not None and before.response_complete:
            self._expect(self.timeout_keep_alive)

    def on_response_complete(self) -> None:
        # As uvicorn does it, but for its timer, which it makes for every answer.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        elif self._due is None and self._wanted is None:
            self._expect(self.timeout_keep_alive)

    def _should_upgrade(self) -> bool:
        # The socket's protocol ends any other method without a word; here it gets its answer.
        return super()._should_upgrade() and self.parser.get_method() == b"GET"

    def handle_websocket_upgrade(self) -> None:
        self._stop_timer()
        super().handle_websocket_upgrade()
        # From here on the socket's protocol hears of the connection's end.
        # It keeps nothing of this one, which ends here: there are many sockets, and most are idle.
        address, self._address = self._address, None
        if address is not None:
            cast("SocketProtocol", self.transport.get_protocol()).on_lost = partial(self.crowd.leave, address)
        self.cycle = self.scope = self.headers = self.parser = cast("Any", None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._leave()
        super().connection_lost(exc)

    def _leave(self) -> None:
        if self._address is not None:
            self.crowd.leave(self._address)
            self._address = None

    def _expect(self, seconds: float) -> None:
        now = self.loop.time()
        self._due = now + seconds
        if self._timer is None:
            self._look_again(now, self._due)

    def _look_again(self, now: float, due: float) -> None:
        # Never later than the shortest wait from now on, for what is due may change until then.
        self._timer = self.loop.call_at(min(due, now + self.head_seconds, now + self.body_seconds), self._look_at_time)

    def _look_at_time(self) -> None:
        self._timer = None
        if self._due is None:
            return
        now = self.loop.time()
        if now < self._due:
            self._look_again(now, self._due)
            return
        # The application, if it waits for more of the body, hears that the client is gone.
        self.transport.close()

    def _stop_timer(self) -> None:
        self._due = self._wanted = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def protocol(
    kind: type[HttpProtocol], crowd: Connections, *, head_seconds: float, body_seconds: float, **more: object
) -> type[HttpProtocol]:
    """The protocol for uvicorn, which makes it itself and hands on no settings of ours. `more`: what `kind` wants."""
    given = {"head_seconds": head_seconds, "body_seconds": body_seconds, "crowd": crowd, **more}
    return cast("type[HttpProtocol]", type(kind.__name__, (kind,), given))
