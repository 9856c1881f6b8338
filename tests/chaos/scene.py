"""A platform with tenants and users on them, and all that it promises put into one check."""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass

import yaml
from tests.chaos import histories
from tests.chaos.crowd import Crowd
from tests.chaos.machine import Machine
from tests.chaos.verdict import Verdict, judge

SETTLED_WITHIN = 90.0


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

    async def moved_on(self, seconds: float = 60.0) -> None:
        """Waits until new batches of each tenant were taken."""
        before = {name: len(self.crowds[name].ledger.delays) for name in self.crowds}
        deadline = time.monotonic() + seconds
        while any(len(self.crowds[name].ledger.delays) <= before[name] + 3 for name in self.crowds):
            assert time.monotonic() < deadline, "no events are taken any more"
            await asyncio.sleep(0.05)


def document(name: str, plan: str) -> str:
    return yaml.safe_dump(
        {
            "apiVersion": "handrail.dev/v1alpha1",
            "kind": "OnboardingTenant",
            "metadata": {"name": name},
            "spec": histories.SPEC | {"displayName": name, "plan": plan},
        }
    )
