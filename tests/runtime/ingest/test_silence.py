"""Inactivity: one signal for each stretch of silence, none for a page nobody looks at."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from handrail_contracts import names

pytestmark = pytest.mark.slow

MakeWorld = Callable[..., Awaitable[Any]]
SHORT = {"detectors": {"inactivity": {"after": "1s"}}}


async def test_silence_is_told_once_a_stretch(make_world: MakeWorld, person: Any, frame: Any, until: Any) -> None:
    world = await make_world(SHORT)
    process = await world.start()
    silent, hidden, gone, failing = (person(name, clock=-10.0) for name in ("silent", "hidden", "gone", "failing"))
    gone.clock = -4000.0
    first, last = silent.views("/projects"), silent.views("/settings", after=2)
    await world.publish(
        frame([first, last]),
        frame([hidden.views("/projects"), hidden.does("visibility", state="hidden")]),
        frame([gone.views("/projects")]),
        # A script that goes on failing is nobody at the keyboard.
        frame([failing.views("/projects"), failing.does("error", kind="js", after=6)]),
    )
    found = {one.user_id: one for one in await world.signals(2)}
    assert set(found) == {"silent", "failing"}
    assert (found["silent"].kind, found["silent"].stuck_point) == ("inactivity", "/settings")
    assert found["silent"].evidence == {"idle_ms": 1000, "event_ids": [last["event_id"]]}
    assert found["silent"].fresh

    await process.stop()
    await world.redis.delete(names.due_key(world.tenant.redis_prefix))
    await world.start()
    silent.clock = -6.0
    await world.publish(frame([silent.does("click", "#name")]))
    [again] = await world.signals(1)
    assert (again.user_id, again.kind) == ("silent", "inactivity")
    assert await world.value("SELECT count(*) FROM signals") == 3


async def test_the_list_comes_back_when_redis_lost_it(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world({"detectors": {"inactivity": {"after": "20s"}}})
    process = await world.start()
    anna = person("anna", clock=-10.0)
    await world.publish(frame([anna.views("/projects", after=0)]))
    await world.stored(1)
    await world.settled()
    await process.stop()
    await world.redis.delete(names.due_key(world.tenant.redis_prefix))
    await world.start()
    [found] = await world.signals(1, within=30)
    assert found.kind == "inactivity"
