"""Signals decided together: as one after the other would be, and what stops one stops no other."""

import asyncio
import json
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec

from handrail_contracts import names
from handrail_runtime.agent import metrics, simple
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.nodes.act import act_together
from handrail_runtime.agent.role import AgentRole
from handrail_runtime.agent.runs import Runs
from handrail_runtime.agent.simple import Stopped

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld, Until, World

    from handrail_contracts.signals import Signal


def _acted() -> tuple[float, float]:
    """Runs carried out so far in one statement, and under the lock."""
    swift, locked = (metrics.ACTED.labels(way)._value.get() for way in ("swift", "locked"))
    return swift, locked


async def _as_owner(world: "World", statement: str) -> None:
    connection = await asyncpg.connect((world.tenant.owner_secrets / names.OWNER_DATABASE_URL_FILE).read_text())
    await connection.execute(statement)
    await connection.close()


async def test_of_one_user_in_one_batch_the_second_sees_what_the_first_led_to(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    world = await make_world({"nudges": {"cooldown": "5m"}}, start=False)
    user, other = await world.user(), await world.user()
    question = a_signal(user, "help_sought", evidence={"text": "Can you send invoices to my boss?"})
    found = [a_signal(user), a_signal(other), a_signal(user), question]
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        before = _acted()
        ends = await runs.decide_together(found, resources.config.current)
        assert ends == ["nudged", "nudged", "none", "escalated"]
        # In waves, so that nobody had to be decided the long way because another stood in the same statement.
        assert _acted() == (before[0] + 3, before[1])
        decisions = [await world.decision(one) for one in found]
        assert decisions[2]["reason"] == "help_pending"
        assert [one["seq"] for one in await world.nudges(user)] == [1, 2]
        assert [one["seq"] for one in await world.nudges(other)] == [1]
        # The same batch again changes nothing.
        assert await runs.decide_together(found, resources.config.current) == ["repeated"] * 4
        assert await world.value("SELECT count(*) FROM decisions") == 4
        await runs.aclose()


async def test_what_was_sent_after_a_case_was_read_is_seen(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world({"nudges": {"cooldown": "5m"}}, start=False)
    user = await world.user()
    early, late = a_signal(user), a_signal(user)
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        config = resources.config.current
        run = Run(runs._desk, config)
        state = await simple._to_act(late, run)
        assert not isinstance(state, Stopped)
        assert state["verdict"] == "nudge"
        assert await runs.decide_together([early], config) == ["nudged"]
        before = _acted()
        (added,) = await act_together([(state, run)])
        assert (added["outcome"], added["reason"]) == ("none", "help_pending")
        assert _acted() == (before[0], before[1] + 1)
        assert [one["seq"] for one in await world.nudges(user)] == [1]
        await runs.aclose()


async def test_what_is_sent_while_a_run_acts_is_waited_for(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world({"nudges": {"cooldown": "5m"}}, start=False)
    user = await world.user()
    async with world.resources() as resources, world.pool.acquire() as connection:
        runs: Runs = AgentRole(resources)._runs
        config = resources.config.current
        sending = connection.transaction()
        await sending.start()
        await connection.execute("UPDATE users SET last_seq = 1 WHERE user_id = $1", user)
        await connection.execute(
            "INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq,"
            " sent_at, expires_at, config_revision) VALUES (gen_random_uuid(), $1, 's', gen_random_uuid(), 'p', 'chat',"
            " '{}', 1, now(), now() + interval '1 hour', 'r')",
            user,
        )
        late = a_signal(user)
        deciding = asyncio.create_task(runs.decide_together([late], config))

        async def waits() -> bool:
            own = "datname = current_database() AND wait_event_type = 'Lock'"
            return deciding.done() or bool(await world.value(f"SELECT count(*) FROM pg_stat_activity WHERE {own}"))

        await until(waits)
        await sending.commit()
        (end,) = await deciding
        if isinstance(end, Stopped):  # on a machine so slow that the second of waiting went by
            (end,) = await runs.decide_together([late], config)
        assert end == "none"
        assert (await world.decision(late))["reason"] == "help_pending"
        await runs.aclose()


async def test_a_row_that_is_held_for_long_stops_nobody_else(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world()
    held, *others = [await world.user() for _ in range(6)]
    found = [a_signal(user) for user in (held, *others)]
    async with world.pool.acquire() as connection:
        holding = connection.transaction()
        await holding.start()
        await connection.execute("SELECT FROM users WHERE user_id = $1 FOR UPDATE", held)
        await world.publish(*found)
        for one in found[1:]:
            assert (await world.decision(one))["outcome"] == "nudged"

        async def was_left() -> bool:
            return bool(metrics.FAILURES.labels("locked")._value.get())

        await until(was_left)
        # Signals that come meanwhile do not wait, either.
        later = a_signal(await world.user())
        await world.publish(later)
        assert (await world.decision(later))["outcome"] == "nudged"
        assert await connection.fetchval("SELECT count(*) FROM decisions WHERE user_id = $1", held) == 0
        await holding.rollback()
    assert (await world.decision(found[0]))["outcome"] == "nudged"
    assert await world.value("SELECT count(*) FROM failed_runs") == 0
    await world.settled()


async def test_the_same_signal_twice_in_one_batch_is_one(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(start=False)
    user = await world.user()
    found = a_signal(user)
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        assert await runs.decide_together([found, found], resources.config.current) == ["nudged", "repeated"]
        assert len(await world.nudges(user)) == 1
        await runs.aclose()


async def test_one_that_cannot_be_carried_out_costs_nobody_else(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world()
    users = [await world.user() for _ in range(12)]
    # The database takes no nudge of this one user, in a way that no waiting cures.
    await _as_owner(
        world,
        f"""CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN IF NEW.user_id = '{users[5]}' THEN RAISE EXCEPTION 'not this one' USING ERRCODE = '22000'; END IF;
        RETURN NEW; END $$;
        CREATE TRIGGER refuse BEFORE INSERT ON nudges FOR EACH ROW EXECUTE FUNCTION refuse();""",
    )
    found = [a_signal(user) for user in users]
    await world.publish(*found)

    async def all_others() -> bool:
        return bool(await world.value("SELECT count(*) = $1 FROM decisions", len(users) - 1))

    await until(all_others)
    outcomes = {row["user_id"]: row["outcome"] for row in await world.pool.fetch("SELECT * FROM decisions")}
    assert outcomes == {user: "nudged" for user in users if user != users[5]}
    await _as_owner(world, "DROP FUNCTION refuse() CASCADE")
    assert (await world.decision(found[5]))["outcome"] == "nudged"
    await world.settled()


async def test_each_wave_stops_only_what_it_must(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(start=False)
    user, guilty = await world.user(), await world.user()
    # A lone surrogate cannot be sent to PostgreSQL: reading the case of this one fails already.
    bad = msgspec.structs.replace(a_signal(guilty), stuck_point="\ud800")
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        good, stopped = await runs.decide_together([a_signal(user), bad], resources.config.current)
        assert good == "nudged"
        assert isinstance(stopped, Stopped)
        assert stopped.node == "diagnose"
        assert "surrogates not allowed" in str(stopped.__cause__)
        await runs.aclose()


async def test_both_runtimes_decide_alike(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    """The same users and signals in two databases, one by each runtime: the rows are the same but for their times."""
    rows: list[dict[str, Any]] = []
    ids = [str(uuid.uuid4()) for _ in range(9)]
    for runtime in ("simple", "langgraph"):
        world = await make_world(
            {
                "displayName": "Acme",
                "nudges": {"cooldown": "1s", "maxPerStuckPoint": 1},
                "escalation": {"afterNudges": 1},
            },
            start=False,
        )
        async with world.resources() as resources:
            runs: Runs = AgentRole(resources)._runs
            config = resources.config.current
            found = await _story(world, a_signal, ids)
            for step in found:
                if runtime == "simple":
                    outcomes = await runs.decide_together(step, config)
                else:
                    outcomes = [await runs.decide(one, config, again=False) for one in step]
                assert not [one for one in outcomes if isinstance(one, Stopped)]
                for one in step:
                    await world.acknowledge(one.user_id, sent_ago=60)
            rows.append(await _all(world))
            await runs.aclose()
    for table in rows[0]:
        for one, other in zip(rows[0][table], rows[1][table], strict=True):
            assert one == other
    assert {row["outcome"] for row in rows[0]["decisions"]} == {"nudged", "none", "escalated"}
    assert len(rows[0]["nudges"]) >= 4
    assert len(rows[0]["escalations"]) == 2


async def _story(world: "World", a_signal: "MakeSignal", ids: list[str]) -> "list[list[Signal]]":
    """Two rounds of signals: each kind of outcome is in there."""
    for user in ("ann", "bob", "cyd"):
        await world.user(user_id=user)
        await world.event(user, "page_view", ago=60, url="https://app.example.test/projects")
    await world.user(user_id="dan", present=False)

    def one(at: int, user: str, *kind: Any, **given: Any) -> "Signal":
        return a_signal(user, *kind, signal_id=ids[at], ago=30, **given)

    first = [
        one(0, "ann"),
        one(1, "bob", "inactivity", evidence={"seconds": 60}),
        one(2, "cyd", "help_sought", evidence={"text": "How do I make a new project?"}),
        one(3, "dan"),
        one(4, "nobody"),
    ]
    second = [
        one(5, "ann"),
        one(6, "bob", fresh=False),
        one(7, "cyd", "help_sought", evidence={"text": "Can you send invoices to my boss?"}),
        one(8, "dan", stuck_point="/elsewhere", baseline=None, step=None),
    ]
    return [first, second]


_PASSING = {"created_at", "sent_at", "expires_at", "acknowledged_at", "config_revision"}
_TIMED = {"age_seconds", "since_last_seconds"}


async def _all(world: "World") -> dict[str, list[dict[str, Any]]]:
    """Whole rows, without what the moment alone decides."""
    found = {}
    for table in ("decisions", "nudges", "escalations"):
        rows = [dict(row) for row in await world.pool.fetch(f"SELECT * FROM {table} ORDER BY signal_id")]
        found[table] = [{key: _steady(key, value) for key, value in row.items() if key not in _PASSING} for row in rows]
    return found


def _steady(key: str, value: Any) -> Any:
    if key == "gates":
        gates = json.loads(value)
        return [{**gate, "values": {k: v for k, v in gate["values"].items() if k not in _TIMED}} for gate in gates]
    if key == "content":
        return {k: v for k, v in json.loads(value).items() if k != "expires_at"}
    if key == "draft":
        draft = json.loads(value)
        return {k: v for k, v in draft.items() if k not in ("text", "history", "nudges", "questions")}
    return value
