"""One gateway's link: many browsers' sockets over one WebSocket, bounded both ways.

A link that cannot keep up is closed rather than left to grow: the gateway attaches its sockets again, and what was
lost with the queue is read from the table.
"""

import asyncio
import contextlib

import msgspec
import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from handrail_contracts import frames, link
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.delivery import Delivery
from handrail_runtime.realtime.presence import Presence
from handrail_runtime.realtime.registry import Registry, Socket

log = structlog.get_logger()

MOST_QUEUED = 32 * 1024 * 1024
"""Bytes of frames waiting for one link: well above what one look can bring, or a fast link would be closed, too."""
MESSAGE = 256 * 1024
"""Bytes of frames that share one message, about."""
SLOW_AFTER = 10.0
"""Seconds one message may take to be sent."""
MOST_SOCKETS = 100_000

CLOSE_MALFORMED = 1003
CLOSE_SLOW = 1013


class Link:
    """One open link. `serve` returns when it has ended and all its sockets are detached."""

    def __init__(self, websocket: WebSocket, registry: Registry, delivery: Delivery, presence: Presence) -> None:
        self._websocket = websocket
        self._registry = registry
        self._delivery = delivery
        self._presence = presence
        self._sockets: dict[int, Socket] = {}
        self._queue: list[link.ToBrowser] = []
        self._queued = 0
        self._wake = asyncio.Event()
        self._too_slow = False

    async def serve(self) -> None:
        tasks = {asyncio.create_task(self._read()), asyncio.create_task(self._write())}
        metrics.LINKS.inc()
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            code, reason = next(iter(done)).result()
            if code:
                metrics.BROKEN_LINKS.labels(reason).inc()
                log.warning("link closed", reason=reason, sockets=len(self._sockets))
                with contextlib.suppress(RuntimeError, OSError, WebSocketDisconnect, TimeoutError):
                    async with asyncio.timeout(1):
                        await self._websocket.close(code, reason)
        finally:
            metrics.LINKS.dec()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            for sid in list(self._sockets):
                self._detach(sid)

    def send(self, socket: Socket, seq: int, text: str, config: str = "") -> None:
        """Queues a frame. The socket's link is closed where too much waits."""
        if self._too_slow:
            return
        self._queue.append(link.ToBrowser(socket.sid, seq, text, config))
        self._queued += len(text) + 32
        if self._queued > MOST_QUEUED:
            self._too_slow = True
            self._queue.clear()
        self._wake.set()

    async def _write(self) -> tuple[int, str]:
        while not self._too_slow:
            await self._wake.wait()
            self._wake.clear()
            while self._queue and not self._too_slow:
                try:
                    async with asyncio.timeout(SLOW_AFTER):
                        await self._websocket.send_bytes(link.encode(self._take()))
                except TimeoutError:
                    self._too_slow = True
                except (WebSocketDisconnect, RuntimeError, OSError):
                    return 0, ""
        return CLOSE_SLOW, "slow"

    def _take(self) -> list[link.ToRealtime] | list[link.ToGateway]:
        taken: list[link.ToGateway] = []
        size = 0
        for frame in self._queue:
            taken.append(frame)
            size += len(frame.text) + 32
            if size >= MESSAGE:
                break
        del self._queue[: len(taken)]
        self._queued -= size
        return taken

    async def _read(self) -> tuple[int, str]:
        while True:
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return 0, ""
            try:
                received = link.decode_for_realtime(message.get("bytes") or b"")
            except msgspec.MsgspecError:
                return CLOSE_MALFORMED, "malformed"
            for frame in received:
                self._handle(frame)
            # A gateway that attaches thousands at once leaves room for the others.
            await asyncio.sleep(0)

    def _handle(self, frame: link.ToRealtime) -> None:
        if isinstance(frame, link.FromBrowser):
            self._from_browser(frame)
        elif isinstance(frame, link.Attach):
            self._attach(frame)
        else:
            self._detach(frame.sid)

    def _attach(self, frame: link.Attach) -> None:
        self._detach(frame.sid)
        if len(self._sockets) >= MOST_SOCKETS:
            log.error("a link holds too many sockets", most=MOST_SOCKETS)
            return
        passed = frame.last_seq if frame.greeted else 0
        # Without a digest the browser's config is taken for the present one: it was told of every change so far.
        config = frame.config or (self._delivery.config_digest if frame.greeted else "")
        socket = Socket(self, frame.sid, frame.user_id, passed=passed, config=config)
        self._sockets[frame.sid] = socket
        if self._registry.add(socket):
            self._presence.changed(frame.user_id)
        self._delivery.attach(socket, greeted=frame.greeted)
        self._count()

    def _detach(self, sid: int) -> None:
        socket = self._sockets.pop(sid, None)
        if socket is not None:
            if self._registry.remove(socket):
                self._presence.changed(socket.user_id)
            self._count()

    def _from_browser(self, frame: link.FromBrowser) -> None:
        socket = self._sockets.get(frame.sid)
        if socket is None:
            return  # detached a moment ago
        try:
            said = frames.decode_client(frame.text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            metrics.REFUSED_FRAMES.inc()
            return
        if isinstance(said, frames.Ack):
            self._delivery.acknowledge(socket.user_id, said.seq)
        else:
            self._delivery.resume(socket, said.last_seq)

    def _count(self) -> None:
        metrics.SOCKETS.set(self._registry.socket_count)
        metrics.USERS.set(self._registry.user_count)
