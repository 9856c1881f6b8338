"""Two ingest processes of a tenant, with redelivery and a kill in the middle, leave what one leaves: same rows, same
signals, to the letter."""

import asyncio
import contextlib
import random
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
from tests.runtime.baselines import first_project

from handrail_contracts import events, intake, names

pytestmark = pytest.mark.slow
MakeWorld = Callable[..., Awaitable[Any]]

SPEC = {
    # Inactivity is the only one that knows the time of day.
    "detectors": {"inactivity": {"enabled": False}, "offBaseline": {"after": "5s"}},
    "baselines": [first_project(within="1s")],
}
USERS = 24
_EVENTS = """
SELECT event_id::text, user_id, session_id, event_type, target_element::text, timestamp, url, properties::text,
       received_at, verified, simulated FROM events ORDER BY event_id
"""
_SESSIONS = """
SELECT user_id, session_id, start_time, last_seen_time, is_active, event_count, state - 'trace' AS state
FROM sessions ORDER BY user_id, session_id
"""
_SIGNALS = "SELECT signal_id::text, payload::text FROM signals ORDER BY signal_id"


def history(person: Any, frame: Any) -> list[list[bytes]]:
    """Each user's batches, in order: every counting detector speaks at places that several batches share."""
    found = []
    for number in range(USERS):
        one = person(f"user {number}.*>", clock=-300.0)
        batches = [
            [one.views("/projects"), *one.rages("#help", 3)],
            [*one.rages("#help", 3), one.does("click", "#dead", reacted=False)],
            [one.does("click", "#dead", reacted=False), one.does("click", "#dead", reacted=False)],
            [one.views("/a"), one.views("/b"), one.views("/a")],
            [one.views("/b"), one.views("/a"), one.views("/b")],
            [one.does("error", kind="js"), one.does("error", kind="js")],
            [one.does("error", kind="js"), one.does("user_message", text=f"help {number}")],
            [one.does("click", "#new-project"), one.does("submit", "form#project", valid=True)],
            [one.views("/done", after=40.0), *one.rages("#other", 5)],
        ]
        # One and the same bytes for both tenants, so that ids and times can be compared.
        found.append([frame(batch) for batch in batches])
    return found


async def result(world: Any) -> dict[str, Any]:
    rows = {name: [tuple(row) for row in await world.rows(query)]
            for name, query in {"events": _EVENTS, "sessions": _SESSIONS}.items()}  # fmt: skip
    rows["signals"] = [(row[0], msgspec.json.decode(row[1])) for row in await world.rows(_SIGNALS)]
    return rows


async def one_process(world: Any, batches: list[list[bytes]]) -> dict[str, Any]:
    await world.start()
    for turn in zip(*batches, strict=True):
        await world.publish(*turn)
        await world.settled()
    return await result(world)


async def two_processes(world: Any, batches: list[list[bytes]]) -> tuple[dict[str, Any], list[str]]:
    """The same, each batch two or three times, taken by whoever is there; some are handed back, one process dies."""
    chance = random.Random(7)
    first, second = await asyncio.gather(world.start(), world.start())
    busy = await world.reader("ingest")
    js = busy.jetstream()
    try:
        for number, turn in enumerate(zip(*batches, strict=True)):
            # A user's next batch follows its last; what comes twice, comes in any order and beside all others.
            again = [one for one in turn for _ in range(chance.choice((1, 2)))]
            chance.shuffle(again)
            half = len(again) // 2
            pull = await js.pull_subscribe_bind(names.INGEST_CONSUMER, names.EVENTS_STREAM)
            publishing = asyncio.gather(
                world.publish(*turn), world.publish(*again[:half]), world.publish(*again[half:])
            )
            with contextlib.suppress(TimeoutError):
                for message in await pull.fetch(5, timeout=0.2):
                    await message.nak()  # taken by somebody who then gives up
            if number == 4:
                await second.stop(signal.SIGKILL)
                second = await world.start()
            await publishing
            await stored(world, [one for user in batches for one in user[: number + 1]])
    finally:
        await busy.close()
    # What the dead one held comes again only after the consumer's ack_wait: the others have stored its copies.
    sent = [one.signal_id for one in await world.signals(await world.value("SELECT count(*) FROM signals"))]
    for process in (first, second):
        assert await process.metric('handrail_ingest_events_total{outcome="stored"}') > 0
    return await result(world), sent


async def stored(world: Any, frames: list[bytes]) -> None:
    count = sum(len(events.decode(framed.body).events) for one in frames for framed in intake.split(one))
    await world.stored(count)


async def test_two_processes_give_the_signals_of_one(make_world: MakeWorld, person: Any, frame: Any) -> None:
    batches = history(person, frame)
    alone = await one_process(await make_world(SPEC), batches)
    together, sent = await two_processes(await make_world(SPEC), batches)
    kinds = {payload["kind"] for _, payload in alone["signals"]}
    assert kinds == {"rage_click", "dead_click", "back_and_forth", "repeated_error", "off_baseline", "help_sought"}
    assert together["events"] == alone["events"]
    for one, other in zip(together["sessions"], alone["sessions"], strict=True):
        assert one[:6] == other[:6]
        assert msgspec.json.decode(one[6]) == msgspec.json.decode(other[6])
    assert together["signals"] == alone["signals"]
    assert sorted(sent) == [signal_id for signal_id, _ in alone["signals"]], "each signal is sent once"
