"""Fresh before old: what comes now does not wait for what came while nobody was there."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handrail_contracts import intake

pytestmark = pytest.mark.slow
MakeWorld = Callable[..., Awaitable[Any]]

USERS = 100
BATCHES = 50
"""Of ten events each, of each user: some seconds of work."""


async def backlog(world: Any, person: Any, frame: Any) -> None:
    """What came while nobody was there."""
    people = [person(f"old-{number}", clock=-3000.0) for number in range(USERS)]
    for _ in range(BATCHES):
        waiting = [
            frame([one.views("/old"), *(one.does("change", f"#field-{field}") for field in range(9))]) for one in people
        ]
        await world.publish(intake.join(waiting[:50]), intake.join(waiting[50:]))


async def test_a_live_event_is_acted_on_before_a_backlog_and_nothing_is_doubled(
    make_world: MakeWorld, person: Any, frame: Any
) -> None:
    world = await make_world({"detectors": {"inactivity": {"enabled": False}}})
    await backlog(world, person, frame)
    lived: list[dict[str, Any]] = []
    seen = asyncio.Event()

    async def live() -> None:
        while not seen.is_set():
            clicks = person(f"live-{len(lived)}", clock=-5.0).rages("#save")
            lived.extend(clicks)
            await world.publish(frame(clicks))
            await asyncio.sleep(0.1)

    living = asyncio.create_task(live())
    ingest = await world.start()
    [signal, *_] = await world.signals(1)
    seen.set()
    await living
    assert (signal.kind, signal.user_id[:5]) == ("rage_click", "live-")
    await world.settled()
    # Rows stand in the order in which they came.
    first_live = "(SELECT min(ctid) FROM events WHERE user_id LIKE 'live-%')"
    behind = await world.value(f"SELECT count(*) FROM events WHERE user_id LIKE 'old-%' AND ctid > {first_live}")
    assert behind > 0, "the backlog was worked off first"
    total = USERS * BATCHES * 10 + len(lived)
    assert await world.value("SELECT count(*) FROM events") == total
    assert await world.value("SELECT sum(event_count) FROM sessions") == total
    assert await ingest.metric('handrail_ingest_events_total{outcome="stored"}') == total
    # In their turn they were found to be stored.
    assert await ingest.metric('handrail_ingest_events_total{outcome="duplicate"}') >= 4
    signals = len(lived) / 4
    assert await world.value("SELECT count(*) FROM signals") == signals
    assert await ingest.metric("handrail_ingest_published_signals_total") == signals


async def test_new_events_that_can_never_be_stored_wait_for_their_turn(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    """And are told of as every such event is: without a fault's trace."""
    world = await make_world({"detectors": {"inactivity": {"enabled": False}}})
    await backlog(world, person, frame)
    ingest = await world.start()
    live = person("live", clock=-5.0)
    sent = 0

    async def left_to_its_turn() -> bool:
        nonlocal sent
        sent += 1
        await world.publish(frame([live.does("custom", text="nul: \0"), live.does("custom", text="fine")]))
        return '"trouble": "poison", "event": "new events are left to their turn"' in ingest.log.read_text()

    await until(left_to_its_turn)
    await world.settled()
    assert await world.value("SELECT count(*) FROM events WHERE user_id = 'live'") == sent
    letters = await world.rows("SELECT kind, reason FROM dead_letters")
    assert [(one["kind"], "22P05" in one["reason"]) for one in letters] == [("event", True)] * sent
    assert "Traceback" not in ingest.log.read_text()
