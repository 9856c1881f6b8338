"""One tenant with its ingest processes, fed as the gateway feeds it."""

import asyncio
import base64
import contextlib
import secrets
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import nkeys
import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from redis.asyncio import Redis
from tests.event_ids import event_id
from tests.runtime.processes import DEADLINE, RuntimeProcess, eventually, start_runtime

from handrail_contracts import intake, names, signals, subjects, times
from handrail_contracts.signals import Signal

if TYPE_CHECKING:
    from tests.conftest import MakeTenant, RunningServers, Tenant


@dataclass
class Person:
    """Makes one user's events; `clock` (seconds from now) is moved by hand."""

    user_id: str
    session_id: str = field(default_factory=lambda: f"s-{secrets.token_hex(6)}")
    clock: float = -120.0
    path: str = "/projects"
    base: datetime = field(default_factory=lambda: datetime.now(UTC))

    def does(
        self, event_type: str, selector: str | None = None, *, after: float = 1.0, tag: str = "", **properties: object
    ) -> dict[str, Any]:
        self.clock += after
        return {
            "event_id": event_id(),
            "event_type": event_type,
            "user_id": self.user_id,
            "session_id": self.session_id,
            "timestamp": (self.base + timedelta(seconds=self.clock)).isoformat(),
            "url": f"https://app.example.test{self.path}?q=1",
            "target_element": {"selector": selector, "tag": tag} if selector else None,
            "properties": properties,
        }

    def views(self, path: str, *, after: float = 1.0) -> dict[str, Any]:
        self.path = path
        return self.does("page_view", after=after)

    def rages(self, selector: str = "#save", clicks: int = 4, *, every: float = 0.2) -> list[dict[str, Any]]:
        return [self.does("click", selector, after=every) for _ in range(clicks)]


def framed(found: list[dict[str, Any]], *, request_id: str = "r1", **context: object) -> bytes:
    """One batch, as the gateway frames it."""
    body = msgspec.json.encode({"events": found, "sent_at": datetime.now(UTC).isoformat(), "context": context})
    meta = intake.BatchMeta(times.micros(datetime.now(UTC)), 0, True, request_id)
    return intake.frame(meta, body)


@dataclass
class World:
    """A tenant's streams, database and Redis, and its ingest processes."""

    servers: "RunningServers"
    tenant: "Tenant"
    folder: Path
    nats: Client
    pool: asyncpg.Pool
    redis: Redis
    processes: list[RuntimeProcess] = field(default_factory=list)

    async def start(self, *, wait: bool = True, folder: Path | None = None) -> RuntimeProcess:
        log = self.folder / f"ingest-{len(self.processes)}.log"
        ingest = await start_runtime(self.tenant, self.servers.nats_url, "ingest", log, secrets=folder)
        self.processes.append(ingest)
        if wait:
            await eventually(ingest.answers)
        return ingest

    async def publish(self, *messages: bytes) -> None:
        """As the gateway does: acknowledged by the stream."""
        js = self.nats.jetstream(timeout=10)
        for message in messages:
            await js.publish(subjects.EVENTS, message)

    async def rows(self, query: str, *values: object) -> list[Any]:
        return list(await self.pool.fetch(query, *values))

    async def value(self, query: str, *values: object) -> Any:
        return await self.pool.fetchval(query, *values)

    async def stored(self, count: int) -> None:
        async def check() -> bool:
            return bool(await self.value("SELECT count(*) FROM events") == count)

        await eventually(check)

    async def settled(self) -> None:
        """Nothing waits in the stream any more."""
        js = await self.reader("ingest")

        async def check() -> bool:
            info = await js.jetstream().consumer_info(names.EVENTS_STREAM, names.INGEST_CONSUMER)
            return not info.num_pending and not info.num_ack_pending

        try:
            await eventually(check)
        finally:
            await js.close()

    async def reader(self, role: str) -> Client:
        client = Client()
        await client.connect(
            [self.servers.nats_url], user_credentials=str(self.tenant.secrets / names.creds_file(role))
        )
        return client

    async def signals(self, count: int, within: float = DEADLINE) -> list[Signal]:
        """The first `count` signals on the stream, taken with the agent's credentials, in order of time."""
        client = await self.reader("agent")
        found: list[Msg] = []
        try:
            pull = await client.jetstream().pull_subscribe_bind(names.AGENT_CONSUMER, names.SIGNALS_STREAM)
            async with asyncio.timeout(within):
                while len(found) < count:
                    with contextlib.suppress(TimeoutError):
                        fetched = await pull.fetch(count, timeout=1)
                        # At once: what is not acknowledged in time comes again, as if it were there twice.
                        for message in fetched:
                            await message.ack()
                        found += fetched
            await client.flush()
        finally:
            await client.close()
        return sorted((signals.decode(message.data) for message in found), key=lambda one: one.occurred_at)


@pytest.fixture
async def make_world(
    make_tenant: "MakeTenant", servers: "RunningServers", tmp_path: Path
) -> AsyncIterator[Callable[..., Awaitable[World]]]:
    """`await make_world(spec)`: a tenant without a process yet; all is closed after the test."""
    worlds: list[World] = []

    async def make(
        spec: dict[str, object] | None = None, *, migrate: bool = True, ack_wait: float | None = None
    ) -> World:
        tenant = await make_tenant(spec=spec, migrate=migrate, ack_wait=ack_wait)
        publish = tenant.record.publish
        assert publish is not None
        client = Client()
        await client.connect(
            [servers.nats_url],
            user_jwt_cb=lambda: publish.jwt.encode(),
            signature_cb=_signer(publish.seed),
        )
        pool = await asyncpg.create_pool(tenant.text(names.DATABASE_URL_FILE).strip(), min_size=0, max_size=2)
        redis = Redis.from_url(tenant.text(names.REDIS_URL_FILE).strip())
        world = World(servers, tenant, tmp_path, client, pool, redis)
        worlds.append(world)
        return world

    yield make
    for world in worlds:
        for process in world.processes:
            with contextlib.suppress(TimeoutError):
                await process.stop(signal.SIGKILL)
        await world.nats.close()
        await world.pool.close()
        await world.redis.aclose()


def _signer(seed: str) -> Callable[[str], bytes]:
    def sign(nonce: str) -> bytes:
        return base64.b64encode(nkeys.from_seed(seed.encode()).sign(nonce.encode()))

    return sign


@pytest.fixture
def person() -> type[Person]:
    return Person


@pytest.fixture
def frame() -> Callable[..., bytes]:
    return framed


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    return eventually
