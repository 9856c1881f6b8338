"""What holding browsers' sockets costs: gateway and realtime with thousands idle, then nudges each to one user.

Beside it the floor: uvicorn's websockets-sansio with a bare application that relays core NATS to sockets
(`floors/sansio_sockets.py`). Ours reads each nudge from PostgreSQL and sends it through two processes; the floor has
the whole text in the NATS message. CPU and memory of gateway and realtime are counted apart.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx2
from harness import Arm, Figures, alternate, cpu_seconds, main, many_files, memory_bytes, percentile, precedence, report
from intake import without_limits
from joserfc.jwk import KeySet
from msgspec import json as msgspec_json
from nats.aio.client import Client
from world import Tenant, World, until_open, world

from handrail_cli.embedded.ports import free_port
from handrail_contracts import frames, names, subjects
from handrail_contracts.nudges import NudgeNotice
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway.identity import UserToken, UserTokens

HERE = Path(__file__).parent
FULL_ROUNDS = 6
"""Messages to each at full rate: CPU is counted in steps of 10 ms, so there must be many."""
RATE = 1000
"""Messages a second of the slower half of a round."""
ABOUT = __doc__ or ""
_INSERT = """
INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq, sent_at,
                    expires_at, config_revision)
SELECT gen_random_uuid(), told.user_id, 's', gen_random_uuid(), 'p', 'tooltip', told.content::jsonb, told.seq, now(),
       now() + interval '1 hour', 'r'
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS told(user_id, content, seq)
"""


def text(number: int) -> str:
    """A nudge of about 330 bytes that says its number."""
    return json.dumps(
        {
            "nudge_id": str(uuid4()),
            "kind": "tooltip",
            "stuck_point": "first-project/save",
            "target": "form#project button",
            "title": "One step left",
            "body": f"Press **Save** and your first project is there. n={number}",
            "actions": [{"id": "ok", "label": "Got it", "kind": "dismiss", "url": None}],
            "language": "en",
            "expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }
    )


@dataclass
class Browsers:
    """The process that holds the other ends."""

    process: asyncio.subprocess.Process

    async def frames(self) -> dict[int, float]:
        """Arrivals by number, since the last call."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(b"\n")
        found = json.loads(await self.process.stdout.readline())
        if found["closed"]:
            raise RuntimeError(f"{found['closed']} sockets were closed")
        return {int(number): at for number, at in found["frames"]}


@dataclass
class Side:
    """Ours or the floor, with its sockets open."""

    pids: dict[str, int]
    users: list[str]
    browsers: Browsers
    publish: Callable[[list[tuple[int, str]]], Awaitable[float]]
    """(number, user) of each message. Returns when the telling began (seconds since 1970): what rests in PostgreSQL by
    then was put there by others."""
    idle: Figures = field(default_factory=dict)
    number: int = 0
    metrics: str = ""
    """Of realtime, where there is one."""

    async def looks(self) -> tuple[float, float]:
        """Looks into the table so far, and seconds spent in them."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            lines = (await client.get(self.metrics)).text.splitlines()
        name = "handrail_realtime_look_seconds"
        count, seconds = (
            next(float(line.split()[-1]) for line in lines if line.startswith(f"{name}_{part}"))
            for part in ("count", "sum")
        )
        return count, seconds

    async def cpu(self) -> dict[str, float]:
        return {name: cpu_seconds([pid]) for name, pid in self.pids.items()}

    async def run(self, seconds: float) -> Figures:
        found = dict(self.idle)
        found |= await self._full(rounds=FULL_ROUNDS)
        found |= await self._paced(seconds)
        return found

    def _next(self, count: int, start: int = 0) -> list[tuple[int, str]]:
        told = [(self.number + at, self.users[(start + at) % len(self.users)]) for at in range(count)]
        self.number += count
        return told

    async def _full(self, rounds: int) -> Figures:
        """One message to everybody, again and again, as fast as it goes."""
        before, began = await self.cpu(), time.perf_counter()
        count = 0
        for _ in range(rounds):
            told = self._next(len(self.users))
            count += len(told)
            await self.publish(told)
            await self._arrived({number for number, _ in told})
        wall = time.perf_counter() - began
        after = await self.cpu()
        per = {f"{name}_us_full": 1e6 * (after[name] - before[name]) / count for name in before}
        return {**per, "us_full": sum(per.values()), "per_s_full": count / wall}

    async def _paced(self, seconds: float) -> Figures:
        """`RATE` a second in groups of ten milliseconds."""
        group = RATE // 100
        sent: dict[int, float] = {}
        looks = await self.looks() if self.metrics else (0.0, 0.0)
        before, began = await self.cpu(), time.perf_counter()
        for tick in range(int(seconds * 100)):
            await asyncio.sleep(max(0.0, began + tick / 100 - time.perf_counter()))
            told = self._next(group, start=tick * group)
            told_at = await self.publish(told)
            sent |= dict.fromkeys((number for number, _ in told), told_at)
        arrived = await self._arrived(set(sent))
        after = await self.cpu()
        late = [1000 * (arrived[number] - sent[number]) for number in sent]
        per = sum(1e6 * (after[name] - before[name]) / len(sent) for name in before)
        found = {"us_1000": per, "p50_ms": percentile(late, 0.5), "p99_ms": percentile(late, 0.99)}
        if self.metrics:
            count, spent = (late - early for early, late in zip(looks, await self.looks(), strict=True))
            found["look_ms"] = 1000 * spent / max(1.0, count)
        return found

    async def _arrived(self, numbers: set[int]) -> dict[int, float]:
        found: dict[int, float] = {}
        async with asyncio.timeout(60):
            while not numbers <= found.keys():
                found |= await self.browsers.frames()
                await asyncio.sleep(0.05)
        return found


@contextlib.asynccontextmanager
async def browsers(world: World, port: int, sockets: list[dict[str, Any]], *, greets: bool) -> AsyncIterator[Browsers]:
    file = world.folder / f"browsers-{port}.json"
    file.write_text(json.dumps({"port": port, "sockets": sockets, "greets": greets}))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(HERE / "load" / "idle_sockets.py"),
        str(file),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=64 * 1024 * 1024,
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(180):
            if not await process.stdout.readline():
                raise RuntimeError("the sockets could not be opened")
        yield Browsers(process)
    finally:
        process.kill()
        await process.wait()


def ways_in(world: World, tenant: Tenant, users: list[str]) -> list[dict[str, Any]]:
    """Path and sub-protocols of each user's socket at a gateway that has been started, good for two hours."""
    keys = KeySet.import_key_set(json.loads((world.folder / "gateway" / names.USER_TOKEN_KEYS_FILE).read_text()))
    tokens = UserTokens(keys)
    found = []
    for user in users:
        token = tokens.sign(tenant.name, UserToken(user, time.time() + 7200, time.time(), proven=True))
        protocols = [frames.SUBPROTOCOL, f"{frames.KEY_PROTOCOL}{tenant.key()}", f"{frames.TOKEN_PROTOCOL}{token}"]
        found.append({"path": f"/ws/{user}", "protocols": protocols})
    return found


async def settled(side_pids: dict[str, int]) -> None:
    """Until nothing of the opening is still being worked at."""
    before = -1.0
    while (now := cpu_seconds(side_pids.values())) - before > 0.05:
        before = now
        await asyncio.sleep(1)


@contextlib.asynccontextmanager
async def opened(
    world: World,
    pids: dict[str, int],
    port: int,
    sockets: list[dict[str, Any]],
    users: list[str],
    publish: Callable[[list[tuple[int, str]]], Awaitable[float]],
    *,
    greets: bool,
) -> AsyncIterator[Side]:
    empty = {name: memory_bytes([pid]) for name, pid in pids.items()}
    began = cpu_seconds(pids.values())
    async with browsers(world, port, sockets, greets=greets) as other_end:
        await settled(pids)
        kib = {f"{name}_kib": (memory_bytes([pid]) - empty[name]) / 1024 / len(users) for name, pid in pids.items()}
        connect = 1000 * (cpu_seconds(pids.values()) - began) / len(users)
        idle = {**kib, "kib_per_socket": sum(kib.values()), "connect_cpu_ms": connect}
        yield Side(pids, users, other_end, publish, idle)


@contextlib.asynccontextmanager
async def ours(world: World, tenant: Tenant, users: list[str], client: Client) -> AsyncIterator[Side]:
    realtime = await world.runtime(tenant, "realtime")
    spec = TenantSpec.model_validate(tenant.record.spec)
    await world.republish(tenant, spec, [realtime.url])
    await without_limits(world, tenant)
    gateway = await world.gateway()
    sockets = ways_in(world, tenant, users)
    database = await asyncpg.connect(tenant.owner)

    async def publish(told: list[tuple[int, str]]) -> float:
        whom = [user for _, user in told]
        numbers = [number for number, _ in told]
        if len(told) > RATE // 10:
            # What was sent before is over, or every look would read it again.
            await database.execute("TRUNCATE nudges CASCADE")
        await database.execute(_INSERT, whom, [text(number) for number in numbers], [n + 1 for n in numbers])
        told_at = time.time()
        for number, user in told:
            await client.publish(subjects.nudge(user), msgspec_json.encode(NudgeNotice(user, number + 1)))
        return told_at

    pids = {"gateway": gateway.pid, "realtime": realtime.pid}
    try:
        async with opened(world, pids, gateway.port, sockets, users, publish, greets=True) as side:
            side.metrics = f"{realtime.url}/metrics"
            yield side
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def floor(world: World, tenant: Tenant, users: list[str], client: Client) -> AsyncIterator[Side]:
    port = free_port(set())
    file = world.folder / "sansio.json"
    credentials = (tenant.secrets / names.creds_file("realtime")).read_text()
    given = {"port": port, "nats": world.servers.access().nats_url, "credentials": credentials}
    file.write_text(json.dumps(given))
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "floors" / "sansio_sockets.py"), str(file)
    )
    try:
        await until_open(port)

        async def publish(told: list[tuple[int, str]]) -> float:
            told_at = time.time()
            for number, user in told:
                frame = f'{{"type":"nudge","seq":{number + 1},"nudge":{text(number)}}}'
                await client.publish(f"nudges.{user}", frame.encode())
            return told_at

        sockets = [{"path": f"/ws/{user}", "protocols": []} for user in users]
        async with opened(world, {"gateway": process.pid}, port, sockets, users, publish, greets=False) as side:
            yield side
    finally:
        process.terminate()
        await process.wait()


async def benchmark(given: argparse.Namespace) -> None:
    many_files()
    precedence()
    count = 2000 if given.quick else 5000
    seconds = 2.0 if given.quick else 5.0
    users = [f"anon-{uuid4()}" for _ in range(count)]
    async with contextlib.AsyncExitStack() as stack:
        place = await stack.enter_async_context(world())
        tenant = await place.tenant()
        client = await stack.enter_async_context(place.administrator(tenant))
        raw = await stack.enter_async_context(floor(place, tenant, users, client))
        own = await stack.enter_async_context(ours(place, tenant, users, client))
        arms = [Arm("ours", lambda: own.run(seconds)), Arm("bare sansio", lambda: raw.run(seconds))]
        results = await alternate(arms, 1 if given.quick else given.rounds)
    report(
        "sockets",
        results,
        {
            "P5 KiB per idle browser, gateway and realtime": results.median("ours", "kib_per_socket"),
            "P6 gateway/bare sansio, CPU per message at full rate": results.median("ours", "gateway_us_full")
            / results.median("bare sansio", "gateway_us_full"),
            "gateway and realtime/bare sansio, CPU per message": results.ratio("us_full", "ours", "bare sansio"),
            "P7 p99 at 1,000/s, ours/bare sansio": results.ratio("p99_ms", "ours", "bare sansio"),
        },
        goals={
            "P5 KiB per idle browser, gateway and realtime": "wanted <= 25",
            "P6 gateway/bare sansio, CPU per message at full rate": "wanted <= 1.3",
        },
        more={"sockets": count},
    )


if __name__ == "__main__":
    main(benchmark, ABOUT)
