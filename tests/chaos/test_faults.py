"""Each process is killed in turn, and the database is frozen for longer than any acknowledgement may take."""

import asyncio
import random
import secrets
import time

import pytest

ACK_WAIT = 3.0
"""Seconds; shortened, as is the time for which the database stands still."""
TENANTS = {"split": "standard", "whole": "small"}
"""Name -> plan: one with a process for each role, one with all roles in one process."""


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_each_process_is_killed_once_and_the_database_stands_still(start):
    scene = await start(TENANTS, {"HANDRAIL_ACK_WAIT": str(ACK_WAIT)})
    victims = sorted(scene.machine.pids())
    assert victims == ["gateway", "nats", "postgres", "split.agent", "split.ingest", "split.realtime", "valkey",
                       "whole.runtime"]  # fmt: skip
    async with scene.traffic():
        await scene.moved_on()
        for name in victims:
            others = {other: pid for other, pid in scene.machine.pids().items() if other != name}
            old = scene.machine.kill(name)
            await scene.machine.until_again(name, old)
            # What died took nobody with it, least of all another tenant's.
            assert {other: scene.machine.pids()[other] for other in others} == others, name
            await scene.moved_on()
        with scene.machine.frozen("postgres"):
            await asyncio.sleep(2.5 * ACK_WAIT)
            await scene.moved_on()
        await scene.machine.until_ready()
        await scene.moved_on()
    await scene.check()


LONG = 10 * 60.0
"""Seconds of random blows."""
FROZEN = 40.0
"""Longer than the acknowledgement wait of the plans."""


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_random_processes_are_killed_for_a_long_time(start):
    seed = secrets.randbelow(1_000_000)
    chance = random.Random(seed)
    scene = await start(TENANTS)
    blows = []
    until = time.monotonic() + LONG
    try:
        async with scene.traffic():
            while time.monotonic() < until:
                await asyncio.sleep(chance.uniform(0.0, 4.0))
                name = chance.choice(sorted(scene.machine.pids()))
                if name == "postgres" and chance.random() < 0.3:
                    blows.append("postgres frozen")
                    with scene.machine.frozen(name):
                        await asyncio.sleep(FROZEN)
                    await scene.machine.until_ready()
                else:
                    blows.append(name)
                    await scene.machine.until_again(name, scene.machine.kill(name))
                await scene.moved_on()
        await scene.check()
    except BaseException as error:
        error.add_note(f"seed {seed}: {blows}")
        raise
