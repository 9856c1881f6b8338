"""Each process is killed in turn, and the database is frozen for longer than any acknowledgement may take."""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml
from tests.chaos import crowd, histories, machine
from tests.chaos.crowd import Crowd, Ledger
from tests.chaos.machine import Machine
from tests.chaos.verdict import Verdict, judge

from handrail_cli.embedded.ports import free_port

ACK_WAIT = 3.0
"""Seconds; shortened, as is the time for which the database stands still."""
SETTLED_WITHIN = 90.0
TENANTS = {"split": "standard", "whole": "small"}
"""Name -> plan: one with a process for each role, one with all roles in one process."""


@dataclass
class Scene:
    """A platform with two tenants, and users on both."""

    machine: Machine
    crowds: dict[str, Crowd]

    @contextlib.asynccontextmanager
    async def traffic(self) -> AsyncIterator[None]:
        """Users come and go until the block ends; then all of them get rid of what they have."""
        stop = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            for one in self.crowds.values():
                group.create_task(one.run(stop))
            try:
                yield
            finally:
                stop.set()

    async def verdict(self, tenant: str) -> Verdict:
        database = await self.machine.database(tenant)
        try:
            return await judge(database, self.crowds[tenant].ledger)
        finally:
            await database.close()

    async def settled(self, tenant: str) -> Verdict:
        """The verdict once nothing is on its way, or the last one."""
        deadline = time.monotonic() + SETTLED_WITHIN
        while True:
            verdict = await self.verdict(tenant)
            if verdict.settled or time.monotonic() > deadline:
                return verdict
            await asyncio.sleep(0.3)

    async def check(self) -> None:
        """All that the platform promises, for every tenant."""
        assert (await self.machine.status())[0] == 0
        for name, one in self.crowds.items():
            verdict = await self.settled(name)
            ledger = one.ledger
            assert ledger.wrong == [], name
            assert verdict.settled, (name, verdict)
            assert (verdict.lost, verdict.foreign) == ([], []), name
            assert verdict.stored == verdict.accepted == len(ledger.users) * histories.BATCHES * histories.PER_BATCH
            assert (verdict.dead_letters, verdict.failed_runs) == (0, 0), name
            wanted = {(user, kind): n for user in ledger.users for kind, n in histories.SIGNALS.items()}
            assert verdict.signals == Counter(wanted), name
            assert verdict.twice == [], name
            assert verdict.shown == verdict.nudges > 0, (name, verdict)


Start = Callable[[dict[str, str]], Awaitable[Scene]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-chaos-"))
    folder.chmod(0o755)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)

        async def begin(environment: dict[str, str]) -> Scene:
            files = []
            for name, plan in TENANTS.items():
                files.append(folder / f"{name}.yaml")
                files[-1].write_text(document(name, plan))
            running = await machine.start(folder / "state", files, free_port(), environment)
            stack.push_async_callback(running.stop)
            await running.until_ready()
            http = await stack.enter_async_context(crowd.client())
            crowds = {
                name: Crowd(running.gateway, running.key(name), Ledger(), http, histories.numbered, pace=0.4, every=0.6)
                for name in TENANTS
            }
            for one in crowds.values():
                stack.push_async_callback(one.close)
            return Scene(running, crowds)

        yield begin


def document(name: str, plan: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "handrail.dev/v1alpha1",
            "kind": "OnboardingTenant",
            "metadata": {"name": name},
            "spec": histories.SPEC | {"displayName": name, "plan": plan},
        }
    )


async def moved_on(scene: Scene, tenants: list[str], seconds: float = 60.0) -> None:
    """Waits until new batches of each of these tenants were taken."""
    before = {name: len(scene.crowds[name].ledger.delays) for name in tenants}
    deadline = time.monotonic() + seconds
    while any(len(scene.crowds[name].ledger.delays) <= before[name] + 3 for name in tenants):
        assert time.monotonic() < deadline, "no events are taken any more"
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_each_process_is_killed_once_and_the_database_stands_still(start):
    scene = await start({"HANDRAIL_ACK_WAIT": str(ACK_WAIT)})
    victims = sorted(scene.machine.pids())
    assert victims == ["gateway", "nats", "postgres", "split.agent", "split.ingest", "split.realtime", "valkey",
                       "whole.runtime"]  # fmt: skip
    async with scene.traffic():
        await moved_on(scene, list(TENANTS))
        for name in victims:
            others = {other: pid for other, pid in scene.machine.pids().items() if other != name}
            old = scene.machine.kill(name)
            await scene.machine.until_again(name, old)
            # What died took nobody with it, least of all another tenant's.
            assert {other: scene.machine.pids()[other] for other in others} == others, name
            await moved_on(scene, list(TENANTS))
        with scene.machine.frozen("postgres"):
            await asyncio.sleep(2.5 * ACK_WAIT)
            await moved_on(scene, list(TENANTS))
        await scene.machine.until_ready()
        await moved_on(scene, list(TENANTS))
    await scene.check()
