"""Hostile requests leave nothing behind in memory: neither in the gateway nor in a runtime behind it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests import warm
from tests.chaos.memory import private
from tests.hostile.cases import Case
from tests.hostile.corpus import answered_wrongly, whole
from tests.hostile.world import HOSTILE, World, until
from tests.runtime.processes import RuntimeProcess, eventually, start_runtime

from handrail_cli.embedded.ports import free_port

ROUNDS = 4
WARM_UP = 3
"""Rounds that say nothing: caches and pools fill."""
KEPT = 300
"""Bytes for good that a request may cost where it comes to. The smallest forgotten list of headers is above it."""
_KIB = 1024
SLACK = {"gateway": 256 * _KIB, "ingest": 64 * _KIB, "realtime": 24 * _KIB * _KIB}
"""Bytes that a process without a leak grew by after the warm-up, and room. Realtime's pools of whole answers move by
some MiB each time that many come at once: only many rounds tell of it."""
LARGE = 100_000
"""Bytes of a body from which on it only costs time here; `test_answers` sends those, too."""


@dataclass
class Scene:
    """One tenant, its gateway and its runtime, each a process. No operator: nothing that asks it is sent."""

    world: World
    pids: dict[str, int]

    def sizes(self) -> dict[str, int]:
        return {name: private(pid) for name, pid in self.pids.items()}

    def corpus(self) -> list[Case]:
        return [
            case
            for case in whole(self.world.key(), self.world.key("secret"), self.world.key("secret"))
            if len(case.body) < LARGE and not case.asks_operator
        ]


@pytest.fixture
async def scene(servers: Any, make_tenant: Any, tmp_path: Path) -> AsyncIterator[Scene]:
    spec = {"origins": ["https://app.test"], "identity": {"enforce": False}, "plan": "business"}
    ports = {"realtime": free_port(), "ingest": 0}
    tenant = await make_tenant(spec=spec, realtime=[f"http://127.0.0.1:{ports['realtime']}"])
    async with contextlib.AsyncExitStack() as stack:
        started: dict[str, RuntimeProcess] = {}
        for role, port in ports.items():
            started[role] = await start_runtime(tenant, servers.nats_url, role, tmp_path / "log", port=port)
            stack.push_async_callback(started[role].stop)
        port = free_port()
        given = {
            "HANDRAIL_PORT": str(port),
            "HANDRAIL_NATS_URL": servers.nats_url,
            "HANDRAIL_LOCAL": "true",
            "HANDRAIL_SECRETS": str(servers.gateway_secrets),
            "HANDRAIL_LOG_FORMAT": "json",
        }
        process = warm.start("handrail_gateway", [], os.environ | given, tmp_path / "log")
        started["gateway"] = RuntimeProcess(process, port, tmp_path / "log")
        stack.push_async_callback(started["gateway"].stop)
        for one in started.values():
            await eventually(one.answers)
        world = World(port, {HOSTILE: tenant.keys}, tmp_path, tmp_path / "log")
        await asyncio.to_thread(until, lambda: _known(world), "the tenant")
        yield Scene(world, {name: one.process.pid for name, one in started.items()})


def _known(world: World) -> bool:
    return world.get("/api/v1/users").status == 200


def _reached(corpus: list[Case]) -> dict[str, int]:
    """How many requests of one round come to which process."""
    stored = sum(case.expect == {202} for case in corpus)
    read = sum(str(case.target).startswith("/api/v1/") and 200 in case.expect for case in corpus)
    return {"gateway": len(corpus), "ingest": stored, "realtime": read}


def _flat(scene: Scene, rounds: int) -> None:
    """Raises AssertionError where a process grew by more than it may."""
    corpus = scene.corpus()
    for _ in range(WARM_UP):
        assert answered_wrongly(scene.world, corpus) == []
    scene.world.serves()
    before = scene.sizes()
    for _ in range(rounds):
        assert answered_wrongly(scene.world, corpus) == []
    scene.world.serves()
    reached = _reached(corpus)
    most = {name: SLACK[name] + KEPT * reached[name] * rounds for name in SLACK}

    def too_much() -> dict[str, int]:
        return {name: size - before[name] for name, size in scene.sizes().items() if size - before[name] > most[name]}

    # What is only there for a moment goes again.
    until(lambda: not too_much(), lambda: f"grown by {too_much()}, at most {most}", 10)


@pytest.mark.slow
async def test_memory_stays_flat(scene: Scene) -> None:
    await asyncio.to_thread(_flat, scene, ROUNDS)


@pytest.mark.soak
async def test_memory_stays_flat_for_long(scene: Scene) -> None:
    await asyncio.to_thread(_flat, scene, int(os.environ.get("HANDRAIL_HOSTILE_ROUNDS", "100")))
