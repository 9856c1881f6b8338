"""What taking events in costs: one gateway over 1, 20 and 200 tenants, every acknowledged batch on disk.

Beside it, in turn, over the same streams of the same server: the raw-protocol floor, the bare ASGI floor, the naive
way (`floors/`), and the gateway on a server that does not flush. CPU is that of gateway and NATS, without the sender.
"""

import argparse
import asyncio
import contextlib
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx2
import msgspec
from harness import Arm, Figures, Results, alternate, cpu_seconds, main, precedence, report
from nats.js.errors import ServiceUnavailableError
from world import Tenant, World, world

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names
from handrail_operator.publish import publish_record

HERE = Path(__file__).parent
EVENTS = 10
"""In one request."""
CONNECTIONS = 64
SMALL = {"plan": "small"}
"""Each account reserves its plan's size on NATS's disk, and there are many."""
ABOUT = __doc__ or ""
GOALS = {
    "P1 ours/raw, CPU per event, 1 tenant": "wanted <= 1.5",
    "P2 ours, events per second and core of the gateway": "wanted >= 300000",
    "ours/naive, events per second": "wanted >= 4",
    "ours/naive, CPU per event": "wanted <= 0.25",
    "P3 flush on/off, CPU per event": "wanted <= 1.3",
    "P3 flush on/off, p50": "wanted <= 2",
    "P4 20 tenants/1, events per second": "wanted >= 0.5",
    "P4 200 tenants ours/raw, events per second": "wanted >= 0.7",
}


@dataclass
class Server:
    """A gateway or a floor, with the tenants it serves."""

    name: str
    port: int
    pid: int
    world: World
    tenants: list[Tenant]
    ours: bool

    async def publishes(self) -> float:
        """So far: each is one flush to disk where the server flushes."""
        async with httpx2.AsyncClient(trust_env=False) as client:
            if not self.ours:
                answer = await client.get(f"http://127.0.0.1:{self.port}/stats")
                return float(answer.json()["publishes"])
            text = (await client.get(f"http://127.0.0.1:{self.port}/metrics")).text
            name = "handrail_gateway_publish_group_batches_count"
            return next(float(line.split()[1]) for line in text.splitlines() if line.startswith(name))


async def load(server: Server, seconds: float) -> Figures:
    """One round: the streams emptied, the server loaded, its CPU and that of NATS counted."""
    for tenant in server.tenants:
        await _empty(server.world, tenant)
    given = {
        "port": server.port,
        "connections": CONNECTIONS,
        "seconds": seconds,
        # Every stream has its connection by then.
        "warm_up": 1.0 if len(server.tenants) < 100 else 3.0,
        "keys": [tenant.key() for tenant in server.tenants],
        "events": EVENTS,
    }
    nats = server.world.server_pids["nats"]
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(given, file)
        file.flush()
        sender = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "load" / "post_events.py"), file.name, stdout=asyncio.subprocess.PIPE
        )
        assert sender.stdout is not None
        async with asyncio.timeout(seconds + 90):
            await sender.stdout.readline()
            before = (cpu_seconds([server.pid]), cpu_seconds([nats]), await server.publishes(), time.perf_counter())
            await sender.stdout.readline()
            after = (cpu_seconds([server.pid]), cpu_seconds([nats]), await server.publishes(), time.perf_counter())
            seen = json.loads(await sender.stdout.read())
            await sender.wait()
    if seen["refused"] or not seen["requests"]:
        raise RuntimeError(f"{server.name} did not take all: {seen}")
    gateway, store, published, wall = (late - early for early, late in zip(before, after, strict=True))
    events = seen["requests"] * EVENTS
    return {
        "us_per_event": 1e6 * (gateway + store) / events,
        "gateway_us": 1e6 * gateway / events,
        "nats_us": 1e6 * store / events,
        "events_per_s": events / wall,
        "p50_ms": seen["p50_ms"],
        "p99_ms": seen["p99_ms"],
        "publishes_per_s": published / wall,
        "group_batches": seen["requests"] / max(1.0, published),
    }


async def _empty(world: World, tenant: Tenant) -> None:
    """Nobody works the streams off here, so they would be full at some time."""
    async with world.administrator(tenant) as client:
        await client.jetstream().purge_stream(names.EVENTS_STREAM)


async def without_limits(world: World, tenant: Tenant) -> Tenant:
    """Limits stay on and are counted, and are never reached: all load comes from one address."""
    limits = {
        field: 1_000_000_000
        for field in tenant.record.limits.__struct_fields__
        if field not in ("sockets", "sockets_per_user")
    }
    tenant.record = msgspec.structs.replace(
        tenant.record, limits=msgspec.structs.replace(tenant.record.limits, **limits)
    )
    await publish_record(world.platform, tenant.record)
    return tenant


async def new_tenant(world: World) -> Tenant:
    """On a machine that is busy enough, JetStream is not yet there for an account that was made a moment ago."""
    for _ in range(20):
        with contextlib.suppress(ServiceUnavailableError):
            return await without_limits(world, await world.tenant(SMALL, migrated=False))
    raise RuntimeError("no tenant could be made")


@contextlib.asynccontextmanager
async def floor(name: str, world: World, tenants: list[Tenant]) -> AsyncIterator[Server]:
    port = free_port(set())
    file = world.folder / f"{name}-{len(tenants)}.json"
    known = []
    for tenant in tenants:
        assert tenant.record.publish is not None
        known.append({"key": tenant.key(), "jwt": tenant.record.publish.jwt, "seed": tenant.record.publish.seed})
    file.write_text(json.dumps({"port": port, "nats": world.servers.access().nats_url, "tenants": known}))
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", f"floors.{name}", str(file), cwd=HERE)
    server = Server(name, port, process.pid, world, tenants, ours=False)
    try:
        async with asyncio.timeout(30):
            while True:
                with contextlib.suppress(httpx2.HTTPError):
                    await server.publishes()
                    break
                await asyncio.sleep(0.1)
        yield server
    finally:
        process.terminate()
        await process.wait()


async def ours(name: str, world: World, tenants: list[Tenant]) -> Server:
    program = await world.gateway()
    return Server(name, program.port, program.pid, world, tenants, ours=True)


async def benchmark(given: argparse.Namespace) -> None:
    seconds = 2.0 if given.quick else 4.0
    many = 20 if given.quick else 200
    precedence()
    async with contextlib.AsyncExitStack() as stack:
        flushed = await stack.enter_async_context(world())
        unflushed = await stack.enter_async_context(world(durable=False))
        tenants = [await new_tenant(flushed) for _ in range(many)]
        other = await new_tenant(unflushed)
        gateway = await ours("ours", flushed, tenants)
        await _known(gateway)
        raw = await stack.enter_async_context(floor("raw_intake", flushed, tenants))
        asgi = await stack.enter_async_context(floor("asgi_intake", flushed, tenants[:1]))
        naive = await stack.enter_async_context(floor("naive_intake", flushed, tenants[:1]))
        free = await ours("ours, no flush", unflushed, [other])
        await _known(free)

        def arm(name: str, server: Server, count: int) -> Arm:
            some = Server(server.name, server.port, server.pid, server.world, server.tenants[:count], server.ours)
            return Arm(name, lambda: load(some, seconds))

        arms = [
            arm("ours, 1 tenant", gateway, 1),
            arm("raw protocol, 1 tenant", raw, 1),
            arm("bare ASGI, 1 tenant", asgi, 1),
            arm("naive, 1 tenant", naive, 1),
            arm("ours, 1 tenant, no flush", free, 1),
            arm("ours, 20 tenants", gateway, 20),
            arm("raw protocol, 20 tenants", raw, 20),
        ]
        if not given.quick:
            arms += [arm("ours, 200 tenants", gateway, many), arm("raw protocol, 200 tenants", raw, many)]
        results = await alternate(arms, 1 if given.quick else given.rounds)
    report("intake", results, _ratios(results, given.quick), goals=GOALS)


def _ratios(results: Results, quick: bool) -> dict[str, float]:
    cpu = "us_per_event"
    per_s = "events_per_s"
    found = {
        "P1 ours/raw, CPU per event, 1 tenant": results.ratio(cpu, "ours, 1 tenant", "raw protocol, 1 tenant"),
        "ours/bare ASGI, CPU per event": results.ratio(cpu, "ours, 1 tenant", "bare ASGI, 1 tenant"),
        "P2 ours, events per second and core of the gateway": 1e6 / results.median("ours, 1 tenant", "gateway_us"),
        "P2 raw, events per second and core": 1e6 / results.median("raw protocol, 1 tenant", "gateway_us"),
        "ours/naive, events per second": results.ratio(per_s, "ours, 1 tenant", "naive, 1 tenant"),
        "ours/naive, CPU per event": results.ratio(cpu, "ours, 1 tenant", "naive, 1 tenant"),
        "P3 flush on/off, CPU per event": results.ratio(cpu, "ours, 1 tenant", "ours, 1 tenant, no flush"),
        "P3 flush on/off, p50": results.ratio("p50_ms", "ours, 1 tenant", "ours, 1 tenant, no flush"),
        "P4 20 tenants/1, events per second": results.ratio(per_s, "ours, 20 tenants", "ours, 1 tenant"),
        "20 tenants ours/raw, CPU per event": results.ratio(cpu, "ours, 20 tenants", "raw protocol, 20 tenants"),
    }
    if quick:
        return found
    ours, raw = "ours, 200 tenants", "raw protocol, 200 tenants"
    return found | {
        "P4 200 tenants ours/raw, events per second": results.ratio(per_s, ours, raw),
        "200 tenants ours/raw, CPU per event": results.ratio(cpu, ours, raw),
    }


async def _lets_in(client: httpx2.AsyncClient, tenant: Tenant) -> bool:
    return (await client.get("/sdk/v1/config", params={"key": tenant.key()})).status_code == 200


async def _known(server: Server) -> None:
    """Waits until the gateway has heard of all tenants and their limits."""
    async with httpx2.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{server.port}") as client:
        async with asyncio.timeout(30):
            for tenant in server.tenants:
                while not await _lets_in(client, tenant):  # noqa: ASYNC110 - another process knows
                    await asyncio.sleep(0.1)


if __name__ == "__main__":
    main(benchmark, ABOUT)
