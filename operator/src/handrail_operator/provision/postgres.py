"""The administrator's few connections to PostgreSQL, shared by everything that is provisioned."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from asyncpg.exceptions import InterfaceError, PostgresError

AT_ONCE = 3
"""Connections to the server's own database, at most."""
INSIDE_AT_ONCE = 2
"""Connections into tenants' databases, at most."""
_CONNECT = 10.0
_STATEMENT = 60.0
_IDLE = 60.0
"""Seconds."""


class Administrator:
    """Connects when something is to be done, and again after a loss. Errors are asyncpg's and OSError."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._free = asyncio.Semaphore(AT_ONCE)
        self._inside = asyncio.Semaphore(INSIDE_AT_ONCE)
        self._idle: list[tuple[Any, float]] = []
        self._closed = False

    @asynccontextmanager
    async def server(self) -> AsyncIterator[Any]:
        """A connection for statements that need no certain database."""
        async with self._free:
            connection = self._reused() or await self.connect()
            try:
                yield connection
            except BaseException:
                # It may be in the middle of an answer.
                connection.terminate()
                raise
            if self._closed:
                await connection.close()
            else:
                self._idle.append((connection, asyncio.get_running_loop().time()))

    @asynccontextmanager
    async def inside(self, database: str) -> AsyncIterator[Any]:
        """A connection into one database, for a moment."""
        async with self._inside:
            connection = await self.connect(database)
            try:
                yield connection
            finally:
                connection.terminate() if connection.is_closed() else await _close(connection)

    async def connect(self, database: str | None = None) -> Any:
        """A connection of the caller's own."""
        url = self._url
        if database is not None:
            url = urlunsplit(urlsplit(url)._replace(path=f"/{database}"))
        return await asyncpg.connect(url, timeout=_CONNECT, command_timeout=_STATEMENT)

    def _reused(self) -> Any | None:
        now = asyncio.get_running_loop().time()
        found = None
        while self._idle and found is None:
            connection, since = self._idle.pop()
            if connection.is_closed():
                continue
            if now - since > _IDLE:
                connection.terminate()
                continue
            found = connection
        return found

    async def close(self) -> None:
        self._closed = True
        while self._idle:
            await _close(self._idle.pop()[0])


async def _close(connection: Any) -> None:
    try:
        await connection.close(timeout=5)
    except (OSError, TimeoutError, PostgresError, InterfaceError):
        connection.terminate()
