"""A NATS connection that is always being kept: made in the background, made again when it ended for good."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from nats.errors import Error as NatsError

from handrail_contracts.nats_client import Client
from handrail_operator.provision import nats_connection
from handrail_operator.provision.ending import end

_FIRST = 3.0
_PAUSE = 1.0
"""Seconds before another is made; a connection ends for good only when the server refuses us."""


class Standing:
    """`client` is the connection as it is now, or None while there is none."""

    def __init__(self, url: str, account_seed: str, claims: dict[str, Any], name: str) -> None:
        self._dial = (url, account_seed, claims, name)
        self._client: Client | None = None
        self._error: Exception | None = None
        self._tried = asyncio.Event()

    @property
    def client(self) -> Client | None:
        return self._client if self._client is not None and self._client.is_connected else None

    async def required(self) -> Client:
        """Raises what the server last said against us, or ConnectionError. Waits a little for the first connection."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_FIRST):
                await self._tried.wait()
        if (client := self.client) is not None:
            return client
        raise self._error or ConnectionError()

    async def run(self) -> None:
        """Until cancelled."""
        try:
            while True:
                closed = asyncio.Event()
                try:
                    self._client = await nats_connection.connect(
                        *self._dial, patient=True, on_error=self._note, on_closed=closed.set
                    )
                    self._tried.set()
                    await closed.wait()
                except Exception as error:  # noqa: BLE001 - tried again, and told to who needs the connection
                    self._note(error)
                await asyncio.sleep(_PAUSE)
        finally:
            if self._client is not None:
                await self._client.close()

    def _note(self, error: Exception) -> None:
        # After a word against us the server hangs up; the word says more.
        if not (isinstance(error, ConnectionResetError) and isinstance(self._error, NatsError)):
            self._error = error
        self._tried.set()


@asynccontextmanager
async def standing(url: str, account_seed: str, claims: dict[str, Any], name: str) -> AsyncIterator[Standing]:
    """A connection that comes up when the server does and stays. Raises nothing for a server that is away."""
    kept = Standing(url, account_seed, claims, name)
    task = asyncio.create_task(kept.run(), name=f"nats-{name}")
    try:
        yield kept
    finally:
        await end(task)
