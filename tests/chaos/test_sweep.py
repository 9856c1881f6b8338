"""Ingest and agent die after each of their steps in turn and start again: what is left is what would have been."""

import asyncio
import json
import signal
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from nats.aio.client import Client
from redis.asyncio import Redis
from tests.chaos import histories
from tests.runtime.processes import RuntimeProcess, eventually, start_runtime

from handrail_contracts import intake, names, subjects, times
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.plans import with_ack_wait
from handrail_operator.provision import nats_claims, nats_connection
from handrail_operator.provision.tenant import provision_tenant

if TYPE_CHECKING:
    from tests.conftest import MakeTenant, RunningServers, Tenant

    from handrail_operator.provision.platform import Platform

ACK_WAIT = 1.0
"""Seconds; what a dead process held comes again so soon."""
MOST_STEPS = 120
"""More than any history here has; a sweep that gets so far never ended."""
_QUERIES = {
    "events": "SELECT event_id, event_type, timestamp, url, target_element::text AS target, properties::text AS props "
    "FROM events WHERE user_id = $1 ORDER BY timestamp, event_id",
    "sessions": "SELECT session_id, start_time, last_seen_time, event_count, state::text AS state "
    "FROM sessions WHERE user_id = $1",
    "signals": "SELECT kind, stuck_point, occurred_at, (payload - 'signal_id')::text AS payload, "
    "published_at IS NOT NULL AS published FROM signals WHERE user_id = $1 ORDER BY kind, occurred_at",
    "decisions": "SELECT signal_kind, stuck_point, outcome, reason, confidence FROM decisions WHERE user_id = $1",
    "nudges": "SELECT stuck_point, nudge_type, seq, status, content ->> 'body' AS body FROM nudges WHERE user_id = $1",
    "escalations": "SELECT stuck_point, status FROM escalations WHERE user_id = $1",
    "dead_letters": "SELECT kind, reason FROM dead_letters",
    "failed_runs": "SELECT node, error FROM failed_runs",
}
Rows = dict[str, list[dict[str, Any]]]


@dataclass
class Sweep:
    """One tenant; each turn is another user with the same history."""

    servers: "RunningServers"
    tenant: "Tenant"
    folder: Path
    client: Client
    pool: asyncpg.Pool
    redis: Redis
    base: datetime = field(default_factory=lambda: datetime.now(UTC) - timedelta(seconds=30))
    running: list[RuntimeProcess] = field(default_factory=list)
    before: int = 0
    """Signals on the stream when the turn began."""

    async def turn(self, step: int, roles: str) -> tuple[bool, Rows]:
        """Whether the process died at that step (0: none is asked for), and what is left in the end."""
        user_id = f"anon-{uuid.UUID(int=step + 1)}"
        self.before = await self._on_stream()
        await self.client.jetstream().publish(subjects.EVENTS, self._batch(user_id))
        await self.redis.set(names.presence_key(self.tenant.redis_prefix, user_id), "here", ex=600)
        if step and not await self._dies(user_id, roles, step):
            return False, await self._rows(user_id)
        second = await self._start(roles, 0)
        try:
            await eventually(lambda: self._done(user_id, roles))
        finally:
            await second.stop()
        return step > 0, await self._rows(user_id)

    async def _dies(self, user_id: str, roles: str, step: int) -> bool:
        """Runs a process with this fault point until it has died, or has nothing left to do."""
        first = await self._start(roles, step)
        done = asyncio.create_task(eventually(lambda: self._done(user_id, roles)))
        ended = asyncio.create_task(first.ended())
        await asyncio.wait({done, ended}, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        await asyncio.gather(done, return_exceptions=True)
        code = await first.stop()
        assert code in (0, -signal.SIGKILL), first.log.read_text()[-3000:]
        return code != 0

    async def _start(self, roles: str, step: int) -> RuntimeProcess:
        given = {"HANDRAIL_FAULT_AFTER": str(step)} if step else {}
        log = self.folder / f"{roles}-{step}-{len(self.running)}.log"
        process = await start_runtime(self.tenant, self.servers.nats_url, roles, log, environment=given)
        self.running.append(process)
        return process

    def _batch(self, user_id: str) -> bytes:
        events = []
        for number, planned in enumerate(event for batch in histories.numbered(0) for event in batch):
            at = self.base + timedelta(seconds=number * 0.15)
            events.append(
                planned
                | {
                    "event_id": str(uuid.UUID(int=(7 << 76) | (2 << 62) | (_number(user_id) << 80) | number)),
                    "user_id": user_id,
                    "session_id": f"s-{user_id}",
                    "timestamp": at.isoformat(),
                }
            )
        meta = intake.BatchMeta(times.micros(self.base + timedelta(seconds=10)), 0, True, "sweep")
        return intake.frame(meta, msgspec.json.encode({"events": events}))

    async def _done(self, user_id: str, roles: str) -> bool:
        """Nothing is left to be done for anybody: streams worked off, outbox empty."""
        stored = await self.pool.fetchval("SELECT count(*) FROM events WHERE user_id = $1", user_id)
        waiting = await self.pool.fetchval("SELECT count(*) FROM signals WHERE published_at IS NULL")
        if not stored or waiting:
            return False
        js = self.client.jetstream()
        streams = [(names.EVENTS_STREAM, names.INGEST_CONSUMER)]
        if "agent" in roles:
            streams.append((names.SIGNALS_STREAM, names.AGENT_CONSUMER))
        for stream, consumer in streams:
            info = await js.consumer_info(stream, consumer)
            if info.num_pending or info.num_ack_pending:
                return False
        return True

    async def _rows(self, user_id: str) -> Rows:
        """Everything that is kept of a user, without what differs from user to user."""
        found: Rows = {}
        for table, query in _QUERIES.items():
            rows = await self.pool.fetch(query, *([user_id] if "$1" in query else []))
            text = json.dumps([dict(row) for row in rows], default=str)
            found[table] = json.loads(_alike(text, user_id))
        # Where no agent takes them, each stands on the stream, once.
        found["stream"] = [{"signals": await self._on_stream() - self.before}]
        return found

    async def _on_stream(self) -> int:
        return (await self.client.jetstream().stream_info(names.SIGNALS_STREAM)).state.messages


def _number(user_id: str) -> int:
    return uuid.UUID(user_id.removeprefix("anon-")).int


def _alike(text: str, user_id: str) -> str:
    """The ids of a user's events begin with the user's number."""
    prefix = str(uuid.UUID(int=(7 << 76) | (2 << 62) | (_number(user_id) << 80)))[:18]
    return text.replace(user_id, "USER").replace(prefix, "EVENT")


@pytest.fixture
async def sweep(servers: "RunningServers", platform: "Platform", make_tenant: "MakeTenant", tmp_path: Path):
    tenant = await make_tenant(spec=histories.SPEC)
    short = replace(platform, access=replace(platform.access, plans=with_ack_wait(platform.access.plans, ACK_WAIT)))
    spec = TenantSpec.model_validate({"displayName": "Sweep", "plan": "small", **histories.SPEC})
    await provision_tenant(short, tenant.name, spec.plan, tenant.keyring)
    pool = await asyncpg.create_pool(tenant.text(names.DATABASE_URL_FILE), min_size=0, max_size=2)
    client = await nats_connection.connect(
        servers.nats_url, tenant.keyring.account_seed, nats_claims.administrator(), "sweep"
    )
    redis = Redis.from_url(tenant.text(names.REDIS_URL_FILE))
    made = Sweep(servers, tenant, tmp_path, client, pool, redis)
    yield made
    for process in made.running:
        await process.stop(signal.SIGKILL)
    await client.close()
    await redis.aclose()
    await pool.close()


async def sweep_over(sweep: Sweep, roles: str, steps: Iterator[int]) -> int:
    """Every one of these steps until a run ends without dying; the last one at which it died."""
    _, undisturbed = await sweep.turn(0, roles)
    assert [len(undisturbed[table]) for table in ("events", "sessions", "signals")] == [30, 1, 1]
    assert [len(undisturbed[table]) for table in ("decisions", "nudges")] == [int("agent" in roles)] * 2
    last = 0
    for step in steps:
        died, rows = await sweep.turn(step, roles)
        assert rows == undisturbed, f"died after step {step}" if died else f"did not die at step {step}"
        if not died:
            break
        last = step
    return last


INGEST_AT_LEAST, AGENT_AT_LEAST = 8, 14
"""Steps that one history has at the least, as far as this test knows."""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_ingest_dies_after_some_of_its_steps(sweep):
    """Around the commit, the acknowledgement, the publishing of signals and its mark; all of them in `make soak`."""
    assert await sweep_over(sweep, "ingest", iter(range(2, MOST_STEPS, 3))) >= INGEST_AT_LEAST


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_agent_dies_after_some_of_its_steps(sweep):
    assert await sweep_over(sweep, "ingest,agent", iter((13, 16, 18, 20))) >= AGENT_AT_LEAST


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("roles", "least"), [("ingest", INGEST_AT_LEAST), ("ingest,agent", AGENT_AT_LEAST)])
async def test_roles_die_after_each_of_their_steps(sweep, roles, least):
    last = await sweep_over(sweep, roles, iter(range(1, MOST_STEPS)))
    assert least <= last < MOST_STEPS - 1
