"""From POST to socket frame: ours, through gateway, ingest, agent and realtime with everything on, beside the least
that takes the same way (`floors/nudge_loop.py`).

Every trigger is one click counted five times, of a user whose socket is open and who was not nudged just before. The
full run also sends 1,000 triggers a second with 10,000 other events a second behind them, and looks at what waits in
both streams. The first nudge of a fresh agent is measured apart.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from uuid import uuid4

import asyncpg
from floors.nudge_loop import TABLES
from harness import Arm, Figures, Results, alternate, cpu_seconds, main, many_files, memory_bytes, percentile, report
from hops import profile
from ingest import messages, publisher
from intake import without_limits
from nats.aio.client import Client
from sockets import Browsers, browsers, ways_in
from world import Tenant, World, until_open, world

from handrail_cli.embedded.ports import free_ports
from handrail_contracts import names, subjects
from handrail_contracts.event_ids import uuid7
from handrail_contracts.tenant_spec import TenantSpec

HERE = Path(__file__).parent
PATIENCE = 30.0
"""Seconds after which what has not come counts as lost."""
REST = 5.0
"""Seconds until a user may be nudged again."""
WARM = (50, 4.0)
"""Triggers a second and seconds before anything is measured, so that every process knows its statements."""
LOADED = "ours 1000/s, 10,000 ev/s"
SPEC = {
    "nudges": {
        "confidenceThreshold": 0.0,
        "cooldown": "1s",
        "expiresAfter": "3s",
        "attentionBudget": {"nudges": 1000, "per": "1s"},
    }
}
GOALS = {
    "P8 p99 at 100/s, ours / raw loop": "<= 3",
    "P8 p99 at 100/s, ours, ms": "< 25 on a quiet machine",
    "P9 p99, ms": "< 150",
    "P9 growth of backlog, share of what was sent": "0",
}


@dataclass
class Side:
    """Ours or the floor, its sockets open."""

    port: int
    headers: str
    pids: dict[str, int]
    users: list[str]
    browsers: Browsers
    watcher: Client
    at: int = 0
    number: int = 0
    sent: dict[int, float] = field(default_factory=dict)
    seen: dict[int, float] = field(default_factory=dict)
    """Of the last run: seconds since 1970 by number."""

    async def run(self, rate: int, seconds: float) -> Figures:
        """`rate` triggers a second, evenly, whatever becomes of those before. Times count from when a trigger was
        due, so that a sender that is late itself hides nothing."""
        count = max(2, int(rate * seconds))
        doors = await Doors.opened(self.port, 4 + rate // 20)
        self.sent, self.seen = {}, {}
        posts: set[asyncio.Task[None]] = set()
        before = {name: cpu_seconds([pid]) for name, pid in self.pids.items()}
        watched = asyncio.create_task(self._watch())
        began, began_at = time.perf_counter(), time.time()
        late = []
        for at in range(count):
            await asyncio.sleep(max(0.0, began + at / rate - time.perf_counter()))
            late.append(1000 * (time.perf_counter() - began - at / rate))
            self.number += 1
            request = self._request(self.number, self._user())
            self.sent[self.number] = began_at + at / rate
            posts.add(asyncio.create_task(doors.post(request)))
        wall = time.perf_counter() - began
        deadline = time.monotonic() + PATIENCE
        while len(self.seen) < count and time.monotonic() < deadline:
            found = await self.browsers.frames()
            self.seen |= {number: when for number, when in found.items() if number in self.sent}
            await asyncio.sleep(0.02)
        await asyncio.gather(*posts)
        watched.cancel()
        doors.close()
        spent = {name: cpu_seconds([pid]) - before[name] for name, pid in self.pids.items()}
        took = [1000 * (self.seen[number] - self.sent[number]) for number in self.seen]
        found_waiting = self.waiting[: max(2, int(wall))]
        half = len(found_waiting) // 2
        growth = max(found_waiting[half:], default=0) - max(found_waiting[:half], default=0)
        return {
            "p50_ms": percentile(took, 0.5),
            "p99_ms": percentile(took, 0.99),
            "lost": float(count - len(self.seen)),
            "sent_per_s": count / wall,
            "sender_p99_ms": percentile(late, 0.99),
            "backlog": float(max(found_waiting, default=0)),
            "growth": max(0.0, float(growth)) / count,
            "all_us": sum(1e6 * used / count for used in spent.values()),
            **{f"{name}_us": 1e6 * used / count for name, used in spent.items()},
        }

    async def _watch(self) -> None:
        """How many messages wait in both streams, once a second."""
        self.waiting: list[int] = []
        js = self.watcher.jetstream(timeout=10)
        while True:
            infos = [await js.stream_info(stream) for stream in (names.EVENTS_STREAM, names.SIGNALS_STREAM)]
            self.waiting.append(sum(info.state.messages for info in infos))
            await asyncio.sleep(1)

    def _user(self) -> str:
        self.at = (self.at + 1) % len(self.users)
        return self.users[self.at]

    def _request(self, number: int, user: str) -> bytes:
        now = datetime.now(UTC).isoformat()
        event = {
            "event_id": uuid7(datetime.now(UTC), os.urandom(10)),
            "event_type": "click",
            "user_id": user,
            "session_id": f"s-{user}",
            "timestamp": now,
            "url": f"https://app.example.test/p/n={number}",
            "target_element": {"selector": "#dead"},
            "properties": {"reacted": True, "count": 5},
        }
        body = json.dumps({"sent_at": now, "events": [event]} if self.headers else event).encode()
        head = (
            "POST /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            f"{self.headers}Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


class Doors:
    """Connections kept alive, as many as are needed at once."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self._all: list[asyncio.StreamWriter] = []

    @classmethod
    async def opened(cls, port: int, count: int) -> "Doors":
        doors = cls(port)
        doors._free = [await doors._open() for _ in range(count)]
        return doors

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._all.append(writer)
        return reader, writer

    async def post(self, request: bytes) -> None:
        reader, writer = self._free.pop() if self._free else await self._open()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 202 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode("latin-1") + (await reader.read(2000)).decode("latin-1"))
        length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if length and length[0]:
            await reader.readexactly(length[0])
        self._free.append((reader, writer))

    def close(self) -> None:
        for writer in self._all:
            writer.close()


@dataclass
class Ours(Side):
    """With its tenant, and the files its roles log to."""

    tenant: Tenant | None = None
    owner: str = ""
    logs: list[Path] = field(default_factory=list)
    hops: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    """Of the last run at each rate."""

    async def run(self, rate: int, seconds: float) -> Figures:
        since = datetime.now(UTC)
        figures = await super().run(rate, seconds)
        self.hops[f"{rate}/s"] = await profile(self.owner, self.logs, since, self.sent, self.seen)
        return figures


@contextlib.asynccontextmanager
async def ours(place: World, users: list[str]) -> AsyncIterator[tuple[Ours, dict[str, float]]]:
    tenant = await place.tenant(SPEC)
    realtime = await place.runtime(tenant, "realtime")
    ingest = await place.runtime(tenant, "ingest")
    agent = await place.runtime(tenant, "agent")
    await place.republish(tenant, TenantSpec.model_validate(tenant.record.spec), [realtime.url])
    await without_limits(place, tenant)
    gateway = await place.gateway()
    sockets = ways_in(place, tenant, users)
    pids = {"gateway": gateway.pid, "ingest": ingest.pid, "agent": agent.pid, "realtime": realtime.pid}
    pids |= place.server_pids
    async with browsers(place, gateway.port, sockets, greets=True) as open_ones, place.administrator(tenant) as watcher:
        side = Ours(gateway.port, f"X-API-Key: {tenant.key()}\r\n", pids, users, open_ones, watcher)
        side.tenant, side.owner = tenant, tenant.owner
        side.logs = [program.log for program in (ingest, agent, realtime)]
        first = await side.run(1, 2)
        fresh = {"first_nudge_ms": first["p99_ms"], "agent_mib": memory_bytes([agent.pid]) / 2**20}
        await side.run(*WARM)
        yield side, fresh


@contextlib.asynccontextmanager
async def floor(place: World, users: list[str]) -> AsyncIterator[Side]:
    tenant = await place.tenant()
    database = await asyncpg.connect(tenant.owner)
    await database.execute(TABLES)
    await database.close()
    given = tenant.record.publish
    assert given is not None
    port, link = free_ports(2)
    file = place.folder / "loop.json"
    file.write_text(
        json.dumps(
            {
                "port": port,
                "link": link,
                "nats": place.servers.access().nats_url,
                "jwt": given.jwt,
                "seed": given.seed,
                "secrets": str(tenant.secrets),
                "prefix": tenant.provisioned.redis_prefix,
            }
        )
    )
    started: dict[str, asyncio.subprocess.Process] = {}
    try:
        for role in ("gateway", "ingest", "agent", "realtime"):
            started[role] = await asyncio.create_subprocess_exec(
                sys.executable, str(HERE / "floors" / "nudge_loop.py"), str(file), role
            )
            if role == "gateway":
                await until_open(link)
        sockets = [{"path": f"/ws/{user}", "protocols": []} for user in users]
        pids = {role: process.pid for role, process in started.items()} | place.server_pids
        async with browsers(place, port, sockets, greets=False) as open_ones, place.administrator(tenant) as watcher:
            side = Side(port, "", pids, users, open_ones, watcher)
            await side.run(*WARM)
            yield side
    finally:
        for process in started.values():
            process.kill()
            await process.wait()


async def with_load(side: Ours, place: World, rate: int, seconds: float) -> Figures:
    """Triggers, with 10,000 other events a second on the same stream."""
    assert side.tenant is not None
    prepared = list(messages(int(10_000 * seconds), users=2000))
    per_second = len(prepared) / seconds

    async def behind(client: Client) -> None:
        js = client.jetstream(timeout=30)
        began = time.perf_counter()
        for at, message in enumerate(prepared):
            await asyncio.sleep(max(0.0, began + at / per_second - time.perf_counter()))
            await js.publish_async(subjects.EVENTS, message)

    async with publisher(place, side.tenant) as client:
        task = asyncio.create_task(behind(client))
        figures = await side.run(rate, seconds)
        await task
        return figures


async def benchmark(given: argparse.Namespace) -> None:
    many_files()
    rates = [100, 500] if given.quick else [1, 100, 500, 1000]
    seconds = 6.0 if given.quick else 10.0
    users = [f"anon-{uuid4()}" for _ in range(int(max(rates) * REST))]
    everything = Results()
    async with contextlib.AsyncExitStack() as stack:
        place = await stack.enter_async_context(world())
        own, fresh = await stack.enter_async_context(ours(place, users))
        raw = await stack.enter_async_context(floor(place, users))
        for rate in rates:
            arms = [
                Arm(f"ours {rate}/s", partial(own.run, rate, seconds)),
                Arm(f"raw loop {rate}/s", partial(raw.run, rate, seconds)),
            ]
            everything.rounds |= (await alternate(arms, given.rounds)).rounds
        if not given.quick:
            arms = [Arm(LOADED, partial(with_load, own, place, 1000, 60.0))]
            everything.rounds |= (await alternate(arms, 1)).rounds
    ratios = {
        f"p99 at {rate}/s, ours / raw loop": everything.ratio("p99_ms", f"ours {rate}/s", f"raw loop {rate}/s")
        for rate in rates
    }
    ratios["P8 p99 at 100/s, ours / raw loop"] = ratios.pop("p99 at 100/s, ours / raw loop")
    ratios["P8 p99 at 100/s, ours, ms"] = everything.median("ours 100/s", "p99_ms")
    ratios["first nudge of a fresh agent, ms"] = fresh["first_nudge_ms"]
    if not given.quick:
        ratios["P9 p99, ms"] = everything.median(LOADED, "p99_ms")
        ratios["P9 growth of backlog, share of what was sent"] = everything.median(LOADED, "growth")
    for name, hops in own.hops.items():
        print(f"ours {name}, p50 / p99 ms of each hop: {hops}", file=sys.stderr)
    report("nudge_latency", everything, ratios, goals=GOALS, more={**fresh, "hops": own.hops})


if __name__ == "__main__":
    main(benchmark, __doc__ or "")
