"""A process that kills itself after so many effects, for tests of what a crash leaves behind. Off unless asked for.

`HANDRAIL_FAULT_AFTER=n` numbers every effect on the outside (a writing statement, a commit, a message or an
acknowledgement put into the buffer and handed to the kernel, a writing Redis command) and sends SIGKILL right after
the n-th. The composition root gives the roles adapters that count; the roles know nothing of it.
"""

import os
import signal
from dataclasses import dataclass
from typing import Any

import asyncpg
import structlog
from redis.asyncio import Connection as RedisConnection

from handrail_contracts.nats_client import Client
from handrail_runtime.settings import Settings

log = structlog.get_logger()

_READS = ("select", "begin", "show", "set", "fetch", "declare", "close", "deallocate", ";")
_WRITING_COMMANDS = (b"SET\r\n", b"ZADD\r\n", b"ZREM\r\n", b"DEL\r\n", b"EXPIRE\r\n", b"HSET\r\n", b"PUBLISH\r\n")
_ASKING = ("$JS.API.",)


class NotHere(Exception):
    """A fault point was asked for where it must not be: only a process that listens to this machine alone has any."""


class Fuse:
    """Counts effects, and ends the process with the last of them."""

    def __init__(self, after: int) -> None:
        self._after = after
        self._done = 0

    def burn(self, what: str) -> None:
        self._done += 1
        if self._done == self._after:
            log.critical("the fault point is reached; this process kills itself", step=self._done, after=what)
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True)
class Adapters:
    """What the composition root makes connections of."""

    nats: type[Client] = Client
    database: type[asyncpg.Connection] = asyncpg.Connection
    redis: "type[RedisConnection]" = RedisConnection


def adapters(settings: Settings) -> Adapters:
    """The plain ones, or ones that count. Raises NotHere."""
    if not settings.fault_after:
        return Adapters()
    if settings.host not in ("127.0.0.1", "::1", "localhost"):
        raise NotHere("HANDRAIL_FAULT_AFTER is for tests on one machine; unset it.")
    log.critical("THIS PROCESS WILL KILL ITSELF: HANDRAIL_FAULT_AFTER is set", after=settings.fault_after)
    fuse = Fuse(settings.fault_after)
    return Adapters(_nats(fuse), _database(fuse), _redis(fuse))


def _nats(fuse: Fuse) -> type[Client]:
    class Counting(Client):
        async def publish(self, subject: str, *args: Any, **kwargs: Any) -> None:
            await super().publish(subject, *args, **kwargs)
            if not subject.startswith(_ASKING):
                fuse.burn(f"buffered {subject}")  # lost with the process
                await self._flush_pending(force_flush=True)
                fuse.burn(f"sent {subject}")

    return Counting


def _database(fuse: Fuse) -> type[asyncpg.Connection]:
    class Counting(asyncpg.Connection):
        _wrote = False

        def _burn(self, query: str) -> None:
            first = query.split(None, 1)[0].lower()
            if first.startswith("commit") and self._wrote:
                self._wrote = False
                fuse.burn("committed")
            elif first.startswith("rollback"):
                self._wrote = False
            elif not first.startswith((*_READS, "commit")):
                self._wrote = True
                fuse.burn(f"ran {' '.join(query.split()[:3])}")

        async def execute(self, query: str, *args: Any, **kwargs: Any) -> Any:
            result = await super().execute(query, *args, **kwargs)
            self._burn(query)
            return result

        async def fetch(self, query: str, *args: Any, **kwargs: Any) -> Any:
            result = await super().fetch(query, *args, **kwargs)
            self._burn(query)
            return result

        async def fetchval(self, query: str, *args: Any, **kwargs: Any) -> Any:
            result = await super().fetchval(query, *args, **kwargs)  # type: ignore[no-untyped-call]
            self._burn(query)
            return result

        async def fetchrow(self, query: str, *args: Any, **kwargs: Any) -> Any:
            result = await super().fetchrow(query, *args, **kwargs)  # type: ignore[no-untyped-call]
            self._burn(query)
            return result

    return Counting


def _redis(fuse: Fuse) -> type[RedisConnection]:
    class Counting(RedisConnection):
        async def send_packed_command(self, command: Any, *args: Any, **kwargs: Any) -> None:
            await super().send_packed_command(command, *args, **kwargs)
            data = command if isinstance(command, bytes) else b"".join(bytes(part) for part in command)
            if any(word in data for word in _WRITING_COMMANDS):
                fuse.burn("wrote to Redis")

    return Counting
