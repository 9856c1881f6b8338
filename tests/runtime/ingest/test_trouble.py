"""What goes wrong around ingest strands nothing."""

import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from handrail_contracts import intake, names, signals
from handrail_contracts.signals import Signal

pytestmark = pytest.mark.slow

MakeWorld = Callable[..., Awaitable[Any]]


async def test_what_cannot_be_read_is_given_up_and_the_rest_is_stored(
    make_world: MakeWorld, person: Any, frame: Any
) -> None:
    world = await make_world()
    process = await world.start()
    anna = person("anna")
    half = frame([anna.views("/a")])
    bad = intake.frame(intake.BatchMeta(0), b'{"events": [{"event_type": "Click"}]}')
    await world.publish(b"\x00\x00\x00\x09junk", intake.join([half, bad]), b"", frame([anna.views("/b")]))
    await world.stored(2)
    await world.settled()
    assert await process.metric('handrail_ingest_dead_letters_total{class="poison"}') == 2
    assert "stream_sequence" in process.log.read_text()


async def test_the_database_may_go_and_come_back(make_world: MakeWorld, person: Any, frame: Any, until: Any) -> None:
    world = await make_world()
    process = await world.start()
    database = urlsplit(world.tenant.text(names.DATABASE_URL_FILE).strip()).path.lstrip("/")
    admin = await asyncpg.connect(world.servers.postgres_admin)
    anna = person("anna")
    try:
        await world.publish(frame([anna.views("/a")]))
        await world.stored(1)
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
        await world.publish(*(frame(anna.rages()) for _ in range(20)))

        async def not_ready() -> bool:
            return not await process.answers()

        await until(not_ready)
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()
    await world.pool.expire_connections()
    await until(process.answers)
    await world.stored(81)
    assert len(await world.signals(1)) == 1
    assert await process.stop() == 0


async def test_signals_left_in_the_outbox_are_published(make_world: MakeWorld, until: Any) -> None:
    world = await make_world()
    left = [
        Signal(
            signal_id=signals.signal_id("dead_click", "s", str(number)),
            kind="dead_click",
            user_id="anna",
            session_id="s",
            stuck_point="/a",
            occurred_at=number,
        )
        for number in range(700)
    ]
    await world.pool.executemany(
        "INSERT INTO signals (signal_id, kind, user_id, session_id, stuck_point, occurred_at, payload)"
        " VALUES ($1, 'dead_click', 'anna', 's', '/a', now(), $2)",
        [(one.signal_id, signals.encode(one).decode()) for one in left],
    )
    await world.start()
    assert await world.signals(700) == left

    async def all_marked() -> bool:
        return bool(await world.value("SELECT NOT EXISTS (SELECT 1 FROM signals WHERE published_at IS NULL)"))

    # They are marked after the stream has them, group by group.
    await until(all_marked)


async def test_an_old_event_is_kept_and_its_signal_is_not_fresh(make_world: MakeWorld, person: Any, frame: Any) -> None:
    world = await make_world()
    await world.start()
    anna = person("anna", clock=-7200.0)
    await world.publish(frame([*anna.rages(), anna.does("user_message", text="help")]))
    found = await world.signals(2)
    assert [(one.kind, one.fresh) for one in found] == [("rage_click", False), ("help_sought", False)]
    assert found[1].evidence["text"] == "help"


async def test_without_redis_events_are_stored_all_the_same(
    make_world: MakeWorld, person: Any, frame: Any, tmp_path: Path
) -> None:
    world = await make_world({"detectors": {"inactivity": {"after": "1s"}}})
    broken = tmp_path / "broken"
    shutil.copytree(world.tenant.secrets, broken)
    (broken / names.REDIS_URL_FILE).write_text("redis://127.0.0.1:1/0")
    process = await world.start(folder=broken)
    anna = person("anna", clock=-10.0)
    await world.publish(frame([anna.views("/settings"), *anna.rages()]))
    assert [one.kind for one in await world.signals(1)] == ["rage_click"]
    await process.stop()
    # With Redis back, what it never heard of is found in PostgreSQL.
    await world.start()
    assert [one.kind for one in await world.signals(1)] == ["inactivity"]
