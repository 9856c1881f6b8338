"""Events become rows, sessions and signals: once, whatever comes again."""

import asyncio
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import msgspec
import pytest
from tests.runtime.baselines import first_project

from handrail_contracts import names, signals
from handrail_runtime.ingest.analysis import MAX_WINDOW

SPEC = {"baselines": [first_project()]}
MakeWorld = Callable[..., Awaitable[Any]]


async def test_a_visit_is_stored_and_its_signal_sent_once(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    world = await make_world(SPEC)
    ingest = await world.start()
    anna = person("anna@example.test")
    found = [anna.views("/projects"), *anna.rages("#help"), anna.does("change", "#name", filled=True)]
    message = frame(found, simulated=True)
    await world.publish(message, message)
    [signal_] = await world.signals(1)
    assert signal_ == signals.Signal(
        signal_id=signals.signal_id("rage_click", anna.session_id, f"anna@example.test\n{found[1]['event_id']}"),
        kind="rage_click",
        user_id="anna@example.test",
        session_id=anna.session_id,
        stuck_point="first-project/new-project",
        occurred_at=signal_.occurred_at,
        path="/projects",
        selector="#new-project",
        baseline="first-project",
        step="new-project",
        simulated=True,
        evidence={
            "clicks": 4,
            "within_ms": 600,
            "event_ids": [event["event_id"] for event in found[1:5]],
            "element": "#help",
            "steps_reached": 1,
            "waited_ms": 800,
        },
        trace={"request_id": "r1"},
    )
    await world.settled()
    rows = await world.rows("SELECT * FROM events ORDER BY timestamp")
    assert [str(row["event_id"]) for row in rows] == [event["event_id"] for event in found]
    assert {(row["user_id"], row["session_id"], row["verified"], row["simulated"]) for row in rows} == {
        ("anna@example.test", anna.session_id, True, True)
    }
    [user] = await world.rows("SELECT * FROM users")
    [session] = await world.rows("SELECT * FROM sessions")
    assert (user["signup_date"], user["last_seen_time"]) == (rows[0]["timestamp"], rows[-1]["timestamp"])
    assert (session["start_time"], session["last_seen_time"]) == (rows[0]["timestamp"], rows[-1]["timestamp"])
    assert (session["event_count"], session["is_active"]) == (6, True)
    # Marked after the publish that this test has seen.
    await until(lambda: world.value("SELECT count(*) = 1 FROM signals WHERE published_at IS NOT NULL"))
    assert await ingest.metric('handrail_ingest_events_total{outcome="stored"}') == 6
    assert await ingest.metric('handrail_ingest_events_total{outcome="duplicate"}') == 6
    live = msgspec.json.decode(await world.redis.get(names.session_key(world.tenant.redis_prefix, "anna@example.test")))
    assert (live["session_id"], live["path"], live["awaits"]) == (
        anna.session_id, "/projects", "first-project/new-project",
    )  # fmt: skip
    assert live["last_event"]["event_id"] == found[-1]["event_id"]
    assert await world.value("SELECT count(*) FROM config_revisions") == 1
    assert await world.value("SELECT version FROM baselines WHERE baseline_id = 'first-project'") == 1
    assert await ingest.stop() == 0


async def test_an_episode_over_several_batches_is_one_signal(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world()
    await world.start()
    ben = person("ben")
    clicks = ben.rages("#save", 12)
    for at in range(0, 12, 3):
        await world.publish(frame(clicks[at : at + 3]))
        await world.stored(at + 3)
    await world.publish(frame(ben.rages("#other", 4)))
    found = await world.signals(2)
    assert [one.stuck_point for one in found] == ["/projects##save", "/projects##other"]
    await world.settled()
    assert await world.value("SELECT count(*) FROM signals") == 2


async def test_what_another_process_is_writing_to_a_session_is_waited_for_and_built_upon(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    world = await make_world(SPEC)
    await world.start()
    anna = person("anna@example.test")
    await world.publish(frame([anna.views("/projects")]))
    await world.stored(1)
    async with world.pool.acquire() as other, other.transaction():
        # Another process has the session in hand, and has not committed yet.
        await other.execute("UPDATE sessions SET event_count = event_count + 10")
        await world.publish(frame([anna.views("/other")]))
        waits = "SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = $1"
        database = await world.value("SELECT current_database()")
        await until(partial(world.value, waits, database))
    await world.settled()
    assert await world.value("SELECT event_count FROM sessions") == 12


async def test_two_processes_and_redelivery_store_once(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world()
    people = [person(f"user {number}.*>") for number in range(30)]
    batches = [
        frame([one.views(f"/page/{turn}"), *one.rages("#save", 2, every=0.1), one.does("focus", "#name")])
        for turn in range(5)
        for one in people
    ]
    first, second = await asyncio.gather(world.start(), world.start())
    await asyncio.gather(*(world.publish(*batches[at::5]) for at in range(5)), world.publish(*batches[::-3]))
    await world.stored(30 * 5 * 4)
    await world.settled()
    assert await world.value("SELECT sum(event_count) FROM sessions") == 600
    assert await world.value("SELECT count(*) FROM sessions") == 30
    for process in (first, second):
        assert await process.metric('handrail_ingest_events_total{outcome="stored"}') > 0
        assert await process.stop() == 0


@pytest.mark.slow
async def test_killed_while_working_loses_and_doubles_nothing(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    # On a slow machine they would fall silent meanwhile, which is a signal, too.
    world = await make_world({"detectors": {"inactivity": {"enabled": False}}}, ack_wait=3)
    people = [person(f"user-{number}") for number in range(20)]
    # What was in hand comes again when all else was worked off, and detectors look at so many events of a session.
    assert MAX_WINDOW >= 3 * 8 * 6
    for turn in range(3):
        process = await world.start()
        batches = [frame([*one.rages("#save", 5), one.views(f"/{turn}/{page}")]) for page in range(8) for one in people]
        before = await world.value("SELECT count(*) FROM events")
        feeding = asyncio.create_task(world.publish(*batches))
        await until(partial(_more_than, world, before))
        await process.stop(signal.SIGKILL)
        await feeding
    await world.start()
    await world.settled()
    assert await world.value("SELECT count(*) FROM events") == 3 * 8 * 20 * 6
    assert await world.value("SELECT sum(event_count) FROM sessions") == 3 * 8 * 20 * 6
    told = await world.rows("SELECT user_id, count(*) AS n FROM signals WHERE kind = 'rage_click' GROUP BY 1")
    assert {row["user_id"]: row["n"] for row in told} == {one.user_id: 24 for one in people}
    assert len(await world.signals(480)) == 480


async def _more_than(world: Any, before: int) -> bool:
    return bool(await world.value("SELECT count(*) FROM events") > before)
