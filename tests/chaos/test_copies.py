"""What the kernel has at any moment is enough: the servers are stopped in their tracks, their files copied, and the
copy started elsewhere. Everything acknowledged until then is there."""

import asyncio
import random
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.chaos import machine
from tests.chaos.crowd import Ledger
from tests.chaos.scene import Scene
from tests.chaos.verdict import judge

from handrail_cli.embedded.ports import free_port

SERVERS = ("nats", "postgres", "valkey")
TENANT = "whole"
WORKED_OFF_WITHIN = 60.0


@dataclass(frozen=True)
class Copy:
    folder: Path
    accepted: dict[str, str]
    """Event id -> user id, of all that had been answered 202."""
    offered: set[str]


async def copy(scene: Scene, folder: Path) -> Copy:
    """The state folder as it is now. While the servers stand still, no new 202 can come into being."""
    ledger = scene.crowds[TENANT].ledger
    with scene.machine.frozen(*SERVERS):
        await asyncio.to_thread(subprocess.run, ["cp", "-a", str(scene.machine.folder), str(folder)], check=True)
        return Copy(folder, dict(ledger.accepted), set(ledger.offered))


async def missing(found: Copy) -> list[str]:
    """Starts the copy, lets it work off what waits, and tells which events are not there."""
    running = await machine.start(found.folder, [], free_port())
    try:
        await running.until_ready()
        ledger = Ledger(accepted=found.accepted, offered=found.offered)
        deadline = asyncio.get_running_loop().time() + WORKED_OFF_WITHIN
        while True:
            database = await running.database(TENANT)
            try:
                verdict = await judge(database, ledger)
            finally:
                await database.close()
            if not (verdict.lost or verdict.unpublished or verdict.undecided):
                break
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(0.3)
        assert verdict.foreign == []
        assert (verdict.dead_letters, verdict.unpublished, verdict.undecided) == (0, 0, 0)
        assert set(verdict.signals.values()) <= {1}
        return verdict.lost
    finally:
        await running.stop()


async def copies(start, number: int) -> None:
    seed = secrets.randbelow(1_000_000)
    chance = random.Random(seed)
    scene = await start({TENANT: "small"})
    folder = scene.machine.folder.parent
    taken = []
    async with scene.traffic():
        await scene.moved_on()
        for at in range(number):
            await asyncio.sleep(chance.uniform(0.2, 2.0))
            taken.append(await copy(scene, folder / f"copy-{at}"))
            await scene.moved_on()
    await scene.check()
    await scene.machine.stop()
    for one in taken:
        assert len(one.accepted) > 0
        assert await missing(one) == [], f"seed {seed}, {one.folder.name}"
        shutil.rmtree(one.folder)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_three_copies_of_a_running_platform_have_all_that_was_acknowledged(start):
    await copies(start, 3)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_twenty_copies_of_a_running_platform_have_all_that_was_acknowledged(start):
    await copies(start, 20)
