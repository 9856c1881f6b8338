"""One tenant with real agents, in this process or in their own.

A test puts signals on the stream as ingest does, and reads what was decided.
"""

import asyncio
import contextlib
import json
import secrets
import signal as signals_of_the_system
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from nats.aio.client import Client
from redis.asyncio import Redis
from tests.runtime.agent.cases import BASELINE
from tests.runtime.processes import DEADLINE, RuntimeProcess, eventually, start_runtime

from handrail_contracts import names, signals, subjects, times
from handrail_contracts.nudges import Nudge, NudgeNotice
from handrail_contracts.signals import Signal, SignalKind
from handrail_runtime.agent.role import AgentRole
from handrail_runtime.roles import Resources
from handrail_runtime.running import _resources
from handrail_runtime.settings import Settings

if TYPE_CHECKING:
    from tests.conftest import MakeTenant, RunningServers, Tenant


def make_signal(user_id: str, kind: SignalKind = "rage_click", *, ago: float = 1.0, **given: Any) -> Signal:
    """A finding on the projects page while `new-project` is awaited; `ago` in seconds."""
    defaults: dict[str, Any] = {
        "signal_id": str(uuid.uuid4()),
        "session_id": f"s-{user_id}"[:200],
        "stuck_point": "first-project/new-project",
        "path": "/projects",
        "selector": "#new-project",
        "baseline": "first-project",
        "step": "new-project",
        "evidence": {"clicks": 5, "within_ms": 800, "element": "#settings-icon"},
        "trace": {"request_id": "req-1"},
    }
    at = times.micros(datetime.now(UTC) - timedelta(seconds=ago))
    return Signal(kind=kind, user_id=user_id, occurred_at=at, **(defaults | given))


@dataclass
class World:
    """A tenant's stream, database and Redis, its agent processes, and what realtime would hear."""

    servers: "RunningServers"
    tenant: "Tenant"
    folder: Path
    ingest: Client
    realtime: Client
    pool: asyncpg.Pool
    redis: Redis
    stack: contextlib.AsyncExitStack
    agents: list[RuntimeProcess] = field(default_factory=list)
    notices: list[tuple[str, NudgeNotice]] = field(default_factory=list)

    def resources(self) -> contextlib.AbstractAsyncContextManager[Resources]:
        """An agent's adapters, as the composition root makes them."""
        settings = Settings(
            tenant=self.tenant.name,
            nats_url=self.servers.nats_url,
            secrets=self.tenant.secrets,
            redis_prefix=self.tenant.redis_prefix,
        )
        return _resources(settings, "agent")

    async def work(self) -> AgentRole:
        """An agent in this process."""
        role = AgentRole(await self.stack.enter_async_context(self.resources()))
        self.stack.push_async_callback(_cancel, asyncio.create_task(role.run()))
        return role

    async def start(self, *, roles: str = "agent", wait: bool = True, **environment: str) -> RuntimeProcess:
        """An agent in a process of its own, or with other roles in one."""
        log = self.folder / f"agent-{len(self.agents)}.log"
        agent = await start_runtime(self.tenant, self.servers.nats_url, roles, log, environment=environment)
        self.agents.append(agent)
        if wait:
            await eventually(agent.answers)
        return agent

    async def user(self, *, present: bool = True, state: dict[str, Any] | None = None, user_id: str = "") -> str:
        """A user as ingest stores one, with an open socket as realtime tells it; else idle for a minute."""
        user_id = user_id or f"u-{secrets.token_hex(4)}"
        await self.pool.execute(
            "INSERT INTO users (user_id, signup_date, last_seen_time) VALUES ($1, now() - interval '1 hour', now())",
            user_id,
        )
        await self.pool.execute(
            "INSERT INTO sessions (session_id, user_id, start_time, last_seen_time, state)"
            " VALUES ($1, $2, now() - interval '1 hour', now() - $4::int * interval '1 s', $3::text::jsonb)",
            f"s-{user_id}", user_id, json.dumps(state or {"path": "/projects"}), 0 if present else 60,
        )  # fmt: skip
        if present:
            await self.appears(user_id)
        return user_id

    async def appears(self, user_id: str) -> None:
        await self.redis.set(names.presence_key(self.tenant.redis_prefix, user_id), "here", ex=60)

    async def event(self, user_id: str, event_type: str, *, ago: float, url: str = "", **more: Any) -> None:
        await self.pool.execute(
            "INSERT INTO events (event_id, user_id, session_id, event_type, target_element, timestamp, url, properties,"
            " received_at) VALUES (gen_random_uuid(), $1, $2, $3, $4::text::jsonb, now() - $5::float8 * interval '1 s',"
            " $6, $7::text::jsonb, now())",
            user_id, f"s-{user_id}", event_type, json.dumps(more.pop("target", None)), ago, url, json.dumps(more),
        )  # fmt: skip

    async def publish(self, *found: Signal) -> None:
        js = self.ingest.jetstream(timeout=10)
        for one in found:
            await js.publish(subjects.signal(one.kind), signals.encode(one), headers={"Nats-Msg-Id": one.signal_id})

    async def publish_again(self, one: Signal) -> None:
        """As it comes after the stream has forgotten the first."""
        await self.ingest.jetstream(timeout=10).publish(subjects.signal(one.kind), signals.encode(one))

    async def decision(self, one: Signal, within: float = DEADLINE) -> dict[str, Any]:
        async def look() -> Any:
            rows = await self.pool.fetch("SELECT * FROM decisions WHERE signal_id = $1", uuid.UUID(one.signal_id))
            return dict(rows[0]) if rows else None

        found = await eventually(look, within)
        found["gates"] = json.loads(found["gates"])
        return dict(found)

    async def decide(self, one: Signal) -> dict[str, Any]:
        await self.publish(one)
        return await self.decision(one)

    async def nudges(self, user_id: str) -> list[dict[str, Any]]:
        """As the table has them, `content` parsed by the contract."""
        rows = await self.pool.fetch("SELECT * FROM nudges WHERE user_id = $1 ORDER BY seq", user_id)
        return [dict(row) | {"content": Nudge.model_validate_json(row["content"])} for row in rows]

    async def acknowledge(self, user_id: str, *, sent_ago: float = 0) -> None:
        """All of the user's nudges were displayed; they count as sent `sent_ago` seconds earlier than they were."""
        await self.pool.execute(
            "UPDATE nudges SET status = 'acknowledged', acknowledged_at = now(),"
            " sent_at = sent_at - $2::float8 * interval '1 s' WHERE user_id = $1",
            user_id, float(sent_ago),
        )  # fmt: skip

    async def settled(self) -> None:
        """Nothing waits in the stream any more."""
        client = Client()
        await client.connect([self.servers.nats_url], user_credentials=self.creds("agent"))

        async def check() -> bool:
            info = await client.jetstream().consumer_info(names.SIGNALS_STREAM, names.AGENT_CONSUMER)
            return not info.num_pending and not info.num_ack_pending

        try:
            await eventually(check, 45)
        finally:
            await client.close()

    async def runs_kept(self) -> int:
        return int(await self.value("SELECT count(DISTINCT thread_id) FROM checkpoints"))

    async def value(self, query: str, *values: object) -> Any:
        return (await self.pool.fetch(query, *values))[0][0]

    def creds(self, role: str) -> str:
        return str(self.tenant.secrets / names.creds_file(role))


MakeWorld = Callable[..., Awaitable[World]]
MakeSignal = Callable[..., Signal]
Until = Callable[..., Awaitable[Any]]


@pytest.fixture
async def make_world(make_tenant: "MakeTenant", servers: "RunningServers", tmp_path: Path) -> AsyncIterator[MakeWorld]:
    """`await make_world(spec)`: a tenant with an agent in this process; all is closed after the test."""
    async with contextlib.AsyncExitStack() as stack:

        async def make(
            spec: dict[str, Any] | None = None, *, start: bool = True, ack_wait: float | None = None
        ) -> World:
            given: dict[str, Any] = {"baselines": [BASELINE]}
            tenant = await make_tenant(spec=given | (spec or {}), ack_wait=ack_wait)
            ingest, realtime = Client(), Client()
            for client, role in ((ingest, "ingest"), (realtime, "realtime")):
                await client.connect([servers.nats_url], user_credentials=str(tenant.secrets / names.creds_file(role)))
                stack.push_async_callback(client.close)
            pool = await asyncpg.create_pool(tenant.text(names.DATABASE_URL_FILE), min_size=0, max_size=2)
            stack.push_async_callback(pool.close)
            redis = Redis.from_url(tenant.text(names.REDIS_URL_FILE))
            stack.push_async_callback(redis.aclose)
            world = World(servers, tenant, tmp_path, ingest, realtime, pool, redis, stack)

            async def heard(message: Any) -> None:
                world.notices.append((message.subject, msgspec.json.decode(message.data, type=NudgeNotice)))

            await realtime.subscribe(subjects.NUDGES_ALL, cb=heard)
            await realtime.flush()
            stack.push_async_callback(_stop, world)
            if start:
                await world.work()
            return world

        yield make


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _stop(world: World) -> None:
    for agent in world.agents:
        with contextlib.suppress(TimeoutError):
            await agent.stop(signals_of_the_system.SIGKILL)


@pytest.fixture
def a_signal() -> MakeSignal:
    return make_signal


@pytest.fixture
def until() -> Until:
    return eventually
