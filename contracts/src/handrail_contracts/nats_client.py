"""The NATS client of every deployable: nats-py's, with one line of its handshake read right, and nothing left open by
one that is cancelled while it connects."""

import asyncio
from typing import Any

from nats.aio.client import Client as _Client
from nats.aio.transport import TcpTransport

_PING, _PONG = b"PING\r\n", b"PONG\r\n"


class _Transport(TcpTransport):
    async def readline(self) -> bytes:
        """Read by lines is the handshake alone. A server that was busy for two seconds sends a PING before it answers
        ours; nats-py takes that for the answer, and stays half connected for as long as the server lives."""
        while True:
            line: bytes = await super().readline()  # type: ignore[no-untyped-call]
            if line != _PING:
                return line
            self.write(_PONG)  # type: ignore[no-untyped-call]

    def __bool__(self) -> bool:
        """nats-py takes another in its place where this one is false."""
        return True


class Client(_Client):
    """As nats-py's, over TCP and TLS."""

    def __init__(self) -> None:
        super().__init__()
        self._transport = _Transport()  # type: ignore[no-untyped-call]

    async def connect(self, *arguments: Any, **options: Any) -> None:
        try:
            await super().connect(*arguments, **options)
        except asyncio.CancelledError:
            # Whoever waits no longer has nothing to close.
            if self._transport is not None:
                self._transport.close()
            raise
