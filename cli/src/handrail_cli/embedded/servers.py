"""The three servers together: their commands, how to reach them, and when they answer."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
from asyncpg.exceptions import PostgresError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from handrail_cli.embedded.errors import NotReady
from handrail_cli.embedded.nats import Nats
from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.embedded.postgres import Postgres
from handrail_cli.embedded.valkey import Valkey
from handrail_cli.supervise.client import Command
from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Access, trust

PATIENCE = 60.0
"""Seconds until a server that does not answer counts as failed (a recovery after a power cut takes a while)."""


@dataclass(frozen=True)
class Ports:
    postgres: int
    nats: int
    valkey: int


@dataclass(frozen=True)
class Servers:
    """`durable=False` trades safety for speed, for tests alone."""

    state: Path
    ports: Ports
    secrets: ServerSecrets = field(repr=False)
    platform: PlatformSecrets = field(repr=False)
    durable: bool = True

    @property
    def postgres(self) -> Postgres:
        secrets = self.secrets
        return Postgres(
            self.state, secrets.identity, self.ports.postgres, secrets.postgres_password, durable=self.durable
        )

    @property
    def nats(self) -> Nats:
        return Nats(self.state, self.ports.nats, trust(self.platform), durable=self.durable)

    @property
    def valkey(self) -> Valkey:
        return Valkey(self.state, self.ports.valkey, self.secrets.redis_password)

    def access(self) -> Access:
        return Access(
            nats_url=self.nats.url,
            postgres_url=self.postgres.url,
            redis_url=self.valkey.url,
            secrets=self.platform,
            local=True,
        )

    def prepare(self) -> dict[str, Callable[[], Command]]:
        """Component -> what makes its folder and says how to run it (blocking; raises StartError)."""
        return {"postgres": self.postgres.prepare, "nats": self.nats.prepare, "valkey": self.valkey.prepare}

    def checks(self) -> dict[str, Callable[[], Awaitable[bool]]]:
        """Component -> whether it answers now."""
        return {"postgres": self._postgres_answers, "nats": self._nats_answers, "valkey": self._valkey_answers}

    async def _postgres_answers(self) -> bool:
        try:
            connection = await asyncpg.connect(self.postgres.url, timeout=5)
        except (OSError, PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    async def _nats_answers(self) -> bool:
        try:
            async with asyncio.timeout(5):
                reader, writer = await asyncio.open_connection("127.0.0.1", self.ports.nats)
                with contextlib.closing(writer):
                    line = await reader.readline()
        except (OSError, TimeoutError):
            return False
        return line.startswith(b"INFO ")

    async def _valkey_answers(self) -> bool:
        client = Redis.from_url(self.valkey.url, socket_connect_timeout=5, socket_timeout=5)
        try:
            return bool(await client.ping())
        except RedisError:
            return False
        finally:
            await client.aclose()


async def wait_until(check: Callable[[], Awaitable[bool]], what: str, seconds: float = PATIENCE) -> None:
    """Polls until the check holds. Raises NotReady."""
    deadline = time.monotonic() + seconds
    while not await check():
        if time.monotonic() > deadline:
            raise NotReady(f"{what} did not answer within {seconds:.0f} seconds; see its lines in the log above.")
        await asyncio.sleep(0.02)
