"""Fresh before old: what comes now does not wait for what came while nobody was there."""

import signal
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handrail_contracts import intake

pytestmark = pytest.mark.slow
MakeWorld = Callable[..., Awaitable[Any]]

USERS = 100
TEN = 10
"""Events of each of them in one message."""
CLICKS = 4
"""That are rage."""
OLD = 2.0
"""Seconds: more than what comes first must have waited to be a backlog."""


async def backlog(world: Any, person: Any, frame: Any) -> int:
    """What came in some seconds while nobody was there, as much as this machine can send: it takes longer than those to
    work it off. How many events."""
    people = [person(f"old-{number}", clock=-3000.0) for number in range(USERS)]
    sent, until = 0, time.monotonic() + OLD
    while time.monotonic() < until:
        waiting = [
            frame([one.views("/old"), *(one.does("change", f"#field-{field}") for field in range(TEN - 1))])
            for one in people
        ]
        await world.publish(intake.join(waiting[:50]), intake.join(waiting[50:]))
        sent += USERS * TEN
    return sent


async def test_a_live_event_is_acted_on_before_a_backlog_and_nothing_is_doubled(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    world = await make_world({"detectors": {"inactivity": {"enabled": False}}})
    ingest = await world.start()
    rounds = total = 0

    async def ahead() -> bool:
        """Whether a live event was stored before its turn, for then it was found to be stored in its turn."""
        nonlocal rounds, total
        ingest.process.send_signal(signal.SIGSTOP)
        try:
            total += await backlog(world, person, frame) + CLICKS
            await world.publish(frame(person(f"live-{rounds}", clock=-5.0).rages("#save")))
        finally:
            ingest.process.send_signal(signal.SIGCONT)
        rounds += 1
        await world.settled()
        return bool(await ingest.metric('handrail_ingest_events_total{outcome="duplicate"}'))

    # A machine may do other things while what is new would be looked for.
    await until(ahead)
    assert await world.value("SELECT count(*) FROM events") == total
    assert await world.value("SELECT sum(event_count) FROM sessions") == total
    assert await ingest.metric('handrail_ingest_events_total{outcome="stored"}') == total
    told = await world.signals(rounds)
    assert {(one.kind, one.user_id) for one in told} == {("rage_click", f"live-{number}") for number in range(rounds)}
    assert await world.value("SELECT count(*) FROM signals") == rounds


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
