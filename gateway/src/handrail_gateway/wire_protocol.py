"""uvicorn's WebSocket protocol with what browsers' sockets need beyond ASGI.

ASGI knows no ping, no look at the write buffer and no forced end. This subclass closes with 4408 after two
unanswered pings and with 4413 on a frame too large, and hands the application a `Wire` in
`scope["extensions"]["handrail.wire"]`: writes without a task or queue for each socket, the transport's own
buffer being the bounded queue.
"""

import logging
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.frames import CloseCode
from websockets.protocol import State
from websockets.server import ServerProtocol

from handrail_contracts import frames
from handrail_gateway.limits import Rate, spend

EXTENSION = "handrail.wire"
MAX_BUFFER = 256 * 1024
"""Bytes a browser may leave unread before it is let go."""
MOST_UNANSWERED = 2
FRAME_RATE = Rate(per_second=20, burst=60)
"""Of one socket: its messages; and, counted apart, pieces of messages, pings and pongs."""
_FINAL_TEXT = 0x81
_ABORT_AFTER = 2.0
_LINGER = 0.5
# uvicorn logs each handshake with its query, and a query may hold a token.
_quiet = logging.getLogger("handrail_gateway.socket")
_quiet.setLevel(logging.ERROR)
# Nor is a browser's text that is no UTF-8 an error of ours.
_quiet.addFilter(lambda record: not record.getMessage().startswith("Invalid UTF-8"))


class _ServerProtocol(ServerProtocol):
    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """The code a browser sees for a frame too large is ours."""
        if code == CloseCode.MESSAGE_TOO_BIG:
            super().fail(frames.CLOSE_TOO_LARGE, "frame too large")
        else:
            super().fail(code, reason)


class SocketProtocol(WebSocketsSansIOProtocol):
    """Use with `ws_ping_timeout=None`: the pings are counted here."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn = _ServerProtocol(max_size=self.config.ws_max_size, logger=_quiet)
        self.ping_timeout = None
        self._unanswered = 0
        self._failed = False
        self._recovered = 0.0
        self.on_lost: Callable[[], None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self.on_lost is not None:
            self.on_lost()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # After a failure the rest of the browser's message is read and dropped: with unread data the kernel would
        # end the connection by a reset, and the browser would never see the code.
        if not self._failed:
            super().data_received(data)

    def handle_parser_exception(self) -> None:
        self._failed = True
        close = self.conn.close_sent
        code, reason = (close.code, close.reason) if close is not None else (CloseCode.ABNORMAL_CLOSURE, "")
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.stop_keepalive()
        self.close_sent = True
        self.transport.write(b"".join(self.conn.data_to_send()))
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_LINGER, self.transport.close)

    async def run_asgi(self) -> None:
        extensions = cast("dict[str, Any]", self.scope["extensions"])
        extensions[EXTENSION] = Wire(self)
        await super().run_asgi()

    async def send(self, message: Any) -> None:
        await super().send(message)
        if message["type"] == "websocket.accept":
            # The handshake's headers, the token among them, are not kept for as long as the socket is open.
            self.request = self.response = cast("Any", None)
        if message["type"] == "websocket.http.response.body":
            # A refusal is an answer as well; without this the log calls every one of them an error.
            self.handshake_complete = True

    def handle_events(self) -> None:
        super().handle_events()
        if self.close_sent:
            # What came of a message that never ends.
            self.frames.clear()

    def handle_cont(self, event: Any) -> None:
        if self._in_time():
            super().handle_cont(event)

    def handle_ping(self) -> None:
        if self._in_time():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        if self._in_time():
            self._unanswered = 0
            super().handle_pong(event)

    def _in_time(self) -> bool:
        """Whether this piece of a message or control frame may be. Whole messages are counted where they are read."""
        if self.close_sent:
            return False
        self._recovered, wait = spend(self._recovered, FRAME_RATE, self.loop.time())
        if wait:
            self.close_now(frames.CLOSE_TOO_FAST, "too many frames")
        return not wait

    def send_keepalive_ping(self) -> None:
        if self._unanswered >= MOST_UNANSWERED:
            self.close_now(frames.CLOSE_PING, "two pings unanswered")
            return
        self._unanswered += 1
        super().send_keepalive_ping()

    def send_now(self, text: str) -> bool:
        """Writes a frame. False: the browser does not read and should be let go, or is gone."""
        if self.disconnected or self.close_sent or self.transport.is_closing():
            return False
        if self.transport.get_write_buffer_size() > MAX_BUFFER:
            return False
        if self.conn.state is not State.OPEN:
            return False
        self.transport.write(_text_frame(text.encode()))
        return True

    def close_now(self, code: int, reason: str) -> None:
        """Says why and ends, even with a browser that neither reads nor answers."""
        if self.disconnected or self.close_sent:
            return
        self.stop_keepalive()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            pass
        else:
            self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # What waits to be received is of no interest any more, the browser's own close frame is.
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(_ABORT_AFTER, self.transport.abort)


def _text_frame(payload: bytes) -> bytes:
    """One whole frame of a server without extensions. Made by the library it costs more than all else of a relay."""
    size = len(payload)
    if size < 126:
        return bytes((_FINAL_TEXT, size)) + payload
    if size < 1 << 16:
        return bytes((_FINAL_TEXT, 126)) + size.to_bytes(2, "big") + payload
    return bytes((_FINAL_TEXT, 127)) + size.to_bytes(8, "big") + payload


class Wire:
    """A browser's socket as the application holds it."""

    __slots__ = ("_protocol",)

    def __init__(self, protocol: SocketProtocol) -> None:
        self._protocol = protocol

    def send(self, text: str) -> bool:
        return self._protocol.send_now(text)

    def close(self, code: int, reason: str = "") -> None:
        self._protocol.close_now(code, reason)

    @property
    def unread(self) -> int:
        """Bytes that wait in this process for the browser to read."""
        return self._protocol.transport.get_write_buffer_size()
