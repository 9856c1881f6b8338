"""Ingest beside the least that could be done (floors/ingest_loop.py), the same events again, and a backlog.

Both work off the same messages, joined as the gateway joins them, each on a stream and in a database of its own, with
the servers' real settings. A process is held (SIGSTOP) while its stream is filled, so that neither starting nor
filling is counted.
"""

import argparse
import asyncio
import base64
import contextlib
import os
import random
import signal
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import msgspec
import nkeys
from floors.ingest_loop import TABLE
from harness import Arm, Figures, alternate, cpu_seconds, main, percentile, report
from nats.aio.client import Client
from world import Tenant, World, world

from handrail_contracts import intake, names, signals, subjects, times

BATCH = 10
"""Events that a browser sends at once."""
GROUP = 16
"""Batches that the gateway joins under load."""
LIVE_EVERY = 1.0
FULL = (200_000, 1_000_000)
"""Events of one round, and of the backlog."""
QUICK = (30_000, 60_000)
SETTLE = 1.5
"""Seconds. What has come in the last second is stored ahead of its turn (ingest/fresh.py), which is another figure."""
SPEC = {
    "baselines": [
        {
            "name": "first-project",
            "success": {"event": "submit", "selector": "form#project"},
            "steps": [
                {"name": "open-projects", "event": "page_view", "path": "/projects"},
                {"name": "new-project", "event": "click", "selector": "#new-project", "within": "2m"},
                {"name": "save", "event": "submit", "selector": "form#project", "within": "5m"},
            ],
        }
    ]
}
GOALS = {
    "P10 events per core: ours / raw loop": ">= 0.6",
    "duplicates / first delivery, events per core": ">= 1.0",
    "duplicates / first delivery, events per second": ">= 1.0",
    "P11 backlog / steady, events per second": ">= 0.8",
    "P11 live signal behind, s, worst": "<= 2",
}


def _id() -> str:
    raw = (time.time_ns() // 1_000_000 << 80) | random.getrandbits(80)
    raw = raw & ~(0xF << 76) | 7 << 76
    return str(uuid.UUID(int=raw & ~(3 << 62) | 2 << 62))


@dataclass
class _User:
    """One who finds the way, or (one batch in fifty) clicks in anger."""

    user_id: str
    session_id: str
    turn: int = 0

    def batch(self, sent_at: datetime, *, rages: bool = False) -> bytes:
        self.turn += 1
        path = f"https://app.example.test/section/{self.turn % 7}"
        kinds = ["page_view", "click", "focus", "change", "click", "focus", "change", "click", "custom", "visibility"]
        found = []
        for number, kind in enumerate(kinds):
            target = {"selector": f"#part-{number}", "tag": "button", "role": "button", "name": f"Part {number}"}
            properties: dict[str, object] = {"reacted": True} if kind == "click" else {"ms": 120 * number}
            if kind == "custom":
                properties = {"name": "opened", "plan": "trial", "items": [1, 2, 3]}
            elif kind == "visibility":
                properties = {"state": "visible"}
            if rages and 1 <= number <= 4:
                kind, target = "click", target | {"selector": "#save"}
            at = sent_at - timedelta(seconds=(len(kinds) - number) * (0.2 if rages else 0.4))
            found.append(
                {
                    "event_id": _id(),
                    "event_type": kind,
                    "user_id": self.user_id,
                    "session_id": self.session_id,
                    "timestamp": at.isoformat(),
                    "url": path,
                    "target_element": target if kind not in ("page_view", "visibility", "custom") else None,
                    "properties": properties,
                }
            )
        body = msgspec.json.encode({"sent_at": sent_at.isoformat(), "sdk_version": "1.0.0", "events": found})
        now = times.micros(sent_at)
        return intake.frame(intake.BatchMeta(now, 0, True, f"r-{self.user_id}-{self.turn}"), body)


def messages(count: int, *, users: int) -> Iterator[bytes]:
    """`count` events of many users, joined into messages; each user's in order of time."""
    people = [_User(f"user-{number}@example.test", f"s-{uuid.uuid4()}") for number in range(users)]
    turns = max(1, count // BATCH)
    begin = datetime.now(UTC) - timedelta(seconds=4.0 * turns / users)
    waiting: list[bytes] = []
    for turn in range(turns):
        sent_at = begin + timedelta(seconds=4.0 * turn / users)
        waiting.append(people[turn % users].batch(sent_at, rages=turn % 50 == 49))
        if len(waiting) == GROUP:
            yield intake.join(waiting)
            waiting = []
    if waiting:
        yield intake.join(waiting)


@contextlib.asynccontextmanager
async def publisher(found: World, tenant: Tenant) -> AsyncIterator[Client]:
    """A connection as the gateway has it."""
    given = tenant.record.publish
    assert given is not None
    client = Client()
    await client.connect(
        [found.servers.access().nats_url],
        user_jwt_cb=lambda: given.jwt.encode(),
        signature_cb=lambda nonce: base64.b64encode(nkeys.from_seed(given.seed.encode()).sign(nonce.encode())),
    )
    try:
        yield client
    finally:
        await client.close()


@contextlib.asynccontextmanager
async def as_role(found: World, tenant: Tenant, role: str) -> AsyncIterator[Client]:
    client = Client()
    await client.connect(
        [found.servers.access().nats_url], user_credentials=str(tenant.secrets / names.creds_file(role))
    )
    try:
        yield client
    finally:
        await client.close()


async def fill(found: World, tenant: Tenant, wanted: list[bytes] | Iterator[bytes]) -> None:
    async with publisher(found, tenant) as client:
        js = client.jetstream(timeout=30)
        flights = []
        for message in wanted:
            flights.append(await js.publish_async(subjects.EVENTS, message))
            if len(flights) >= 64:
                await asyncio.gather(*flights)
                flights = []
        await asyncio.gather(*flights)


async def drained(found: World, tenant: Tenant, within: float = 900.0) -> None:
    async with as_role(found, tenant, "ingest") as client:
        js = client.jetstream(timeout=30)
        async with asyncio.timeout(within):
            while True:
                info = await js.consumer_info(names.EVENTS_STREAM, names.INGEST_CONSUMER)
                if not info.num_pending and not info.num_ack_pending:
                    return
                await asyncio.sleep(0.05)


class _Costs:
    """CPU of all parts from here on."""

    def __init__(self, found: World, pid: int) -> None:
        self._pids = {"python": pid, **found.server_pids}
        self._before = self._now()
        self._began = time.perf_counter()

    def _now(self) -> dict[str, float]:
        return {name: cpu_seconds([pid]) for name, pid in self._pids.items()}

    def figures(self, events: int) -> Figures:
        seconds = time.perf_counter() - self._began
        spent = {name: value - self._before[name] for name, value in self._now().items()}
        us = {f"{name}_us": 1e6 * value / events for name, value in spent.items()}
        together = sum(us.values())
        return {"events_per_s": events / seconds, **us, "all_us": together, "per_core": 1e6 / together}


async def _measured(found: World, tenant: Tenant, pid: int, wanted: list[bytes], events: int) -> Figures:
    os.kill(pid, signal.SIGSTOP)
    try:
        await fill(found, tenant, wanted)
        await asyncio.sleep(SETTLE)
        costs = _Costs(found, pid)
    finally:
        os.kill(pid, signal.SIGCONT)
    await drained(found, tenant)
    return costs.figures(events)


async def ours(found: World, events: int, users: int, *, again: bool = False) -> Figures:
    tenant = await found.tenant(SPEC)
    process = await found.runtime(tenant, "ingest")
    wanted = list(messages(events, users=users))
    figures = await _measured(found, tenant, process.pid, wanted, events)
    if again:
        figures = await _measured(found, tenant, process.pid, wanted, events)
    await process.stop()
    await _check(tenant, "events", events)
    return figures


async def raw(found: World, events: int, users: int) -> Figures:
    tenant = await found.tenant(SPEC)
    owner = await asyncpg.connect(tenant.owner)
    await owner.execute(TABLE)
    await owner.close()
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).parent / "floors" / "ingest_loop.py"),
        "--nats-url", found.servers.access().nats_url, "--secrets", str(tenant.secrets),
        "--prefix", tenant.provisioned.redis_prefix, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        assert process.stdout is not None
        if (await process.stdout.readline()).strip() != b"ready":
            raise RuntimeError("the raw loop did not start")
        return await _measured(found, tenant, process.pid, list(messages(events, users=users)), events)
    finally:
        process.kill()
        await process.wait()
        await _check(tenant, "floor_events", events)


async def _check(tenant: Tenant, table: str, events: int) -> None:
    connection = await asyncpg.connect((tenant.secrets / names.DATABASE_URL_FILE).read_text().strip())
    stored = await connection.fetchval(f"SELECT count(*) FROM {table}")
    await connection.close()
    if stored != events:
        raise RuntimeError(f"{stored} of {events} events are stored")


async def backlog(found: World, events: int, users: int) -> Figures:
    """Filled while ingest is down; then one user after another is stuck, live, while it is worked off."""
    tenant = await found.tenant(SPEC)
    await fill(found, tenant, messages(events, users=users))
    process = await found.runtime(tenant, "ingest")
    costs = _Costs(found, process.pid)
    behind: list[float] = []
    done = asyncio.Event()
    live = asyncio.create_task(_live(found, tenant, done, behind))
    connection = await asyncpg.connect((tenant.secrets / names.DATABASE_URL_FILE).read_text().strip())
    already = await connection.fetchval("SELECT count(*) FROM events")
    await drained(found, tenant)
    figures = costs.figures(events - already)
    done.set()
    await live
    await connection.close()
    await process.stop()
    figures |= {"live_p50_s": percentile(behind, 0.5), "live_max_s": max(behind), "live": float(len(behind))}
    return figures


async def _live(found: World, tenant: Tenant, done: asyncio.Event, behind: list[float]) -> None:
    sent: dict[str, float] = {}
    async with publisher(found, tenant) as client, as_role(found, tenant, "agent") as agent:
        pull = await agent.jetstream().pull_subscribe_bind(names.AGENT_CONSUMER, names.SIGNALS_STREAM)
        js = client.jetstream(timeout=30)
        begun = 0
        next_at = time.monotonic()
        deadline = float("inf")
        while not done.is_set() or (sent and time.monotonic() < deadline):
            if done.is_set() and deadline == float("inf"):
                deadline = time.monotonic() + 60
            if not done.is_set() and time.monotonic() >= next_at:
                begun += 1
                next_at += LIVE_EVERY
                user = _User(f"live-{begun}", f"s-{uuid.uuid4()}")
                sent[user.user_id] = time.monotonic()
                await js.publish(subjects.EVENTS, user.batch(datetime.now(UTC), rages=True))
            with contextlib.suppress(TimeoutError):
                for message in await pull.fetch(200, timeout=0.1):
                    arrived = signals.decode(message.data)
                    await message.ack()
                    if arrived.kind == "rage_click" and (at := sent.pop(arrived.user_id, None)) is not None:
                        behind.append(time.monotonic() - at)
        behind.extend(60.0 for _ in sent)


async def benchmark(given: argparse.Namespace) -> None:
    events, waiting = QUICK if given.quick else FULL
    users = 2_000
    rounds = min(given.rounds, 2) if given.quick else given.rounds
    async with world() as found:
        results = await alternate(
            [
                Arm("ours", lambda: ours(found, events, users)),
                Arm("raw loop", lambda: raw(found, events, users)),
                Arm("ours, duplicates", lambda: ours(found, events, users, again=True)),
            ],
            rounds,
        )
        late = await alternate([Arm("ours, backlog", lambda: backlog(found, waiting, users))], 1)
    results.rounds |= late.rounds
    ratios = {
        "P10 events per core: ours / raw loop": results.ratio("per_core", "ours", "raw loop"),
        "events per second: ours / raw loop": results.ratio("events_per_s", "ours", "raw loop"),
        "duplicates / first delivery, events per core": results.ratio("per_core", "ours, duplicates", "ours"),
        "duplicates / first delivery, events per second": results.ratio("events_per_s", "ours, duplicates", "ours"),
        "P11 backlog / steady, events per second": results.ratio("events_per_s", "ours, backlog", "ours"),
        "P11 live signal behind, s, worst": results.median("ours, backlog", "live_max_s"),
    }
    report("ingest", results, ratios, goals=GOALS, more={"events": events, "backlog": waiting})


if __name__ == "__main__":
    main(benchmark, __doc__ or "")
