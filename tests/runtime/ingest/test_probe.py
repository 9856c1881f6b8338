"""A probe of the data path is taken, and that is all."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from handrail_contracts import subjects
from handrail_operator.provision.probe import probe

MakeWorld = Callable[..., Awaitable[Any]]


async def test_a_probe_is_taken_and_neither_stored_nor_counted(
    make_world: MakeWorld, person: Any, frame: Any, until: Any
) -> None:
    world = await make_world()
    ingest = await world.start()
    anna = person("anna@example.test")
    await world.publish(frame([anna.views("/projects")]))
    await world.stored(1)
    await world.settled()
    rows, counted = await _rows(world), await _counted(ingest)

    await probe(world.servers.access, world.tenant.keyring)
    # What it holds is not looked at: neither an event nor rubbish would be kept.
    js = world.nats.jetstream(timeout=10)
    await js.publish(subjects.EVENTS_PROBE, frame([anna.views("/other"), *anna.rages()]))
    await js.publish(subjects.EVENTS_PROBE, b"\0rubbish")
    await world.settled()

    assert (await _rows(world), await _counted(ingest)) == (rows, counted)
    await world.publish(frame([anna.views("/third")]))
    await world.stored(2)


async def _rows(world: Any) -> dict[str, int]:
    tables = await world.rows("SELECT relname FROM pg_stat_user_tables WHERE schemaname = 'public' ORDER BY 1")
    assert tables
    return {one["relname"]: await world.value(f'SELECT count(*) FROM "{one["relname"]}"') for one in tables}


async def _counted(ingest: Any) -> list[str]:
    """What is counted, without what tells of time and of the process."""
    lines = (await ingest.get("/metrics"))[1].splitlines()
    return [line for line in lines if re.match(r"handrail_ingest_\w+_(total|count|bucket)\b", line)]
