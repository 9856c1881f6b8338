"""Fresh before old: what comes now does not wait for what came while nobody was there."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handrail_contracts import intake, names

pytestmark = pytest.mark.slow
MakeWorld = Callable[..., Awaitable[Any]]

USERS = 100
BATCHES = 50
"""Of ten events each, of each user: some seconds of work."""


async def test_a_live_event_is_acted_on_before_a_backlog_and_nothing_is_doubled(
    make_world: MakeWorld, person: Any, frame: Any
) -> None:
    world = await make_world({"detectors": {"inactivity": {"enabled": False}}})
    people = [person(f"old-{number}", clock=-3000.0) for number in range(USERS)]
    for _ in range(BATCHES):
        waiting = [
            frame([one.views("/old"), *(one.does("change", f"#field-{field}") for field in range(9))]) for one in people
        ]
        await world.publish(intake.join(waiting[:50]), intake.join(waiting[50:]))
    ingest = await world.start()
    live = person("live", clock=-5.0)
    clicks = live.rages("#save")
    await world.publish(frame(clicks))
    [signal] = await world.signals(1)
    reader = await world.reader("ingest")
    try:
        info = await reader.jetstream().consumer_info(names.EVENTS_STREAM, names.INGEST_CONSUMER)
    finally:
        await reader.close()
    assert (signal.kind, signal.user_id) == ("rage_click", "live")
    assert info.num_pending or info.num_ack_pending, "the backlog was worked off first"
    await world.settled()
    total = USERS * BATCHES * 10 + len(clicks)
    assert await world.value("SELECT count(*) FROM events") == total
    assert await world.value("SELECT sum(event_count) FROM sessions") == total
    assert await ingest.metric('handrail_ingest_events_total{outcome="stored"}') == total
    # In their turn they were found to be stored.
    assert await ingest.metric('handrail_ingest_events_total{outcome="duplicate"}') >= len(clicks)
    assert await world.value("SELECT count(*) FROM signals") == 1
    assert await ingest.metric("handrail_ingest_published_signals_total") == 1
