"""Cheap browsers: many WebSockets in one process, frames unmasked by hand, JSON of what they saw on stdout.

Takes a JSON file: port, sockets (each: path, protocols). Says "open" when all have had their hello, and on each line
on stdin gives number and time of arrival (seconds since 1970) of each frame since the last line; a frame's text
holds `n=<number>`.
"""

import asyncio
import base64
import json
import os
import re
import resource
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

_NUMBER = re.compile(rb"n=([0-9]+)")
AT_ONCE = 50


class Seen:
    def __init__(self) -> None:
        self.frames: list[tuple[int, float]] = []
        self.closed = 0


class Browser(asyncio.Protocol):
    """One socket: the handshake, then frames of the server, none of which is ever fragmented."""

    def __init__(self, request: bytes, seen: Seen, greets: bool) -> None:
        self._request = request
        self._seen = seen
        self._buffer = b""
        self._open = False
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._greets = greets

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer = buffer = self._buffer + data
        if not self._open:
            head, found, buffer = buffer.partition(b"\r\n\r\n")
            if not found:
                return
            if b" 101 " not in head:
                self.ready.set_exception(RuntimeError(head[:300].decode("latin-1")))
                return
            self._open = True
            if not self._greets:
                self._now_ready()
        while len(buffer) >= 2:
            size, at = buffer[1] & 127, 2
            if size == 126:
                size, at = int.from_bytes(buffer[2:4], "big"), 4
            elif size == 127:
                size, at = int.from_bytes(buffer[2:10], "big"), 10
            if len(buffer) < at + size:
                break
            self._frame(buffer[0] & 15, buffer[at : at + size])
            buffer = buffer[at + size :]
        self._buffer = buffer

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:
            self._transport.write(bytes([0x8A, 0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        elif opcode == 8:
            self._seen.closed += 1
        elif found := _NUMBER.search(payload):
            self._seen.frames.append((int(found[1]), time.time()))
        else:
            self._now_ready()

    def _now_ready(self) -> None:
        if not self.ready.done():
            self.ready.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self._seen.closed += 1
        if not self.ready.done():
            self.ready.set_exception(RuntimeError(f"closed: {exc!r}"))


async def main(given: dict[str, Any]) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    loop = asyncio.get_running_loop()
    seen = Seen()
    places = asyncio.Semaphore(AT_ONCE)

    async def browse(number: int, socket: dict[str, Any]) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        protocols = f"Sec-WebSocket-Protocol: {', '.join(socket['protocols'])}\r\n" if socket["protocols"] else ""
        request = (
            f"GET {socket['path']} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n{protocols}\r\n"
        ).encode()
        async with places, asyncio.timeout(120):
            # One address has fewer ports than there are browsers in the world.
            local = (f"127.0.0.{1 + number % 50}", 0)
            _, browser = await loop.create_connection(
                lambda: Browser(request, seen, given["greets"]), "127.0.0.1", given["port"], local_addr=local
            )
            await browser.ready

    await asyncio.gather(*(browse(number, socket) for number, socket in enumerate(given["sockets"])))
    print("open", flush=True)
    while await loop.run_in_executor(None, sys.stdin.readline):
        found, seen.frames = seen.frames, []
        print(json.dumps({"frames": found, "closed": seen.closed}), flush=True)


uvloop.run(main(json.loads(Path(sys.argv[1]).read_text())))
