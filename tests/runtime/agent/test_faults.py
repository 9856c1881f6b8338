"""Failing runs stay where they failed; outages are waited for; a killed agent's signal is decided once."""

import asyncio
import json
import re
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from handrail_contracts import names, signals, subjects
from handrail_runtime.agent.role import AgentRole
from handrail_runtime.agent.runs import Runs
from handrail_runtime.agent.simple import Stopped

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.conftest import RunningServers
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld, Until, World

    from handrail_contracts.signals import Signal

REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'not today' USING ERRCODE = '22000'; END $$;
CREATE TRIGGER refuse BEFORE INSERT ON nudges FOR EACH ROW EXECUTE FUNCTION refuse();
CREATE TRIGGER refuse BEFORE INSERT ON escalations FOR EACH ROW EXECUTE FUNCTION refuse();
"""
ALLOW = "DROP FUNCTION refuse() CASCADE"


async def _as_owner(world: "World", statement: str) -> None:
    connection = await asyncpg.connect((world.tenant.owner_secrets / names.OWNER_DATABASE_URL_FILE).read_text())
    await connection.execute(statement)
    await connection.close()


async def _failed_run(world: "World", found: "Signal") -> dict[str, Any] | None:
    rows = await world.pool.fetch("SELECT * FROM failed_runs WHERE run_id = $1", uuid.UUID(found.signal_id))
    return {**rows[0], "state": json.loads(rows[0]["state"]), "signal": json.loads(rows[0]["signal"])} if rows else None


@pytest.mark.parametrize("runtime", ["simple", "langgraph"])
@pytest.mark.parametrize(("after_nudges", "node", "outcome"), [(3, "act", "nudged"), (0, "escalate", "escalated")])
async def test_a_run_that_failed_is_kept_where_it_failed_and_resumed_there(
    make_world: "MakeWorld", a_signal: "MakeSignal", runtime: str, after_nudges: int, node: str, outcome: str
) -> None:
    world = await make_world({"escalation": {"afterNudges": after_nudges}}, start=False)
    user = await world.user()
    found = a_signal(user)
    async with world.resources() as resources:
        role = AgentRole(resources)
        runs: Runs = role._runs
        config = resources.config.current

        async def fail() -> BaseException:
            if runtime == "langgraph":
                with pytest.raises(asyncpg.DataError) as caught:
                    await runs.decide(found, config, again=False)
                return caught.value
            (stopped,) = await runs.decide_together([found], config)
            assert isinstance(stopped, Stopped)
            return stopped

        await _as_owner(world, REFUSE)
        await runs.give_up(found, config, await fail(), 5)
        failed = await world.decision(found)
        assert (failed["outcome"], failed["reason"]) == ("failed", "error:DataError")
        kept = await _failed_run(world, found)
        assert kept is not None
        assert (kept["node"], kept["attempts"], kept["status"]) == (node, 5, "failed")
        assert kept["error"] == "DataError: not today"
        assert kept["signal"] == msgspec.to_builtins(found)
        assert kept["state"]["diagnosis"]["stuck_point"] == "first-project/new-project"
        assert kept["state"]["verdict"] == {"nudged": "nudge", "escalated": "escalate"}[outcome]
        assert await world.nudges(user) == []
        assert await world.runs_kept() == (runtime == "langgraph")

        # Taken up in vain: it is kept again, and says how often it was tried.
        with pytest.raises((Stopped, asyncpg.DataError)) as again:
            await runs.resume(found, config)
        await runs.give_up(found, config, again.value, 1)
        kept = await _failed_run(world, found)
        assert kept is not None
        assert (kept["node"], kept["attempts"], kept["status"]) == (node, 6, "failed")

        await _as_owner(world, ALLOW)
        diagnosed = kept["state"]["diagnosis"]
        assert await runs.resume(found, config) == outcome
        decision = await world.decision(found)
        assert decision["outcome"] == outcome
        assert json.loads(decision["diagnosis"]) == diagnosed
        assert await _failed_run(world, found) is None
        # Told twice, nothing happens twice.
        assert await runs.resume(found, config) == "repeated"
        assert len(await world.nudges(user)) == (outcome == "nudged")
        assert await world.value("SELECT count(*) FROM escalations") == (outcome == "escalated")
        assert await world.runs_kept() == 0
        await runs.aclose()


async def test_a_resumed_run_goes_on_with_what_it_had_found(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    """What was thought is not thought again: the kept diagnosis counts, not what would be diagnosed now."""
    world = await make_world(start=False)
    user = await world.user()
    found = a_signal(user)
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        config = resources.config.current
        await _as_owner(world, REFUSE)
        (stopped,) = await runs.decide_together([found], config)
        assert isinstance(stopped, Stopped)
        stopped.state["diagnosis"]["confidence"] = 0.99  # type: ignore[index]
        await runs.give_up(found, config, stopped, 5)
        await _as_owner(world, ALLOW)
        assert await runs.resume(found, config) == "nudged"
        assert (await world.decision(found))["confidence"] == 0.99
        await runs.aclose()


async def test_a_failed_run_is_resumed_by_a_message(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world(start=False)
    user, late = await world.user(), await world.user()
    found, stale = a_signal(user), a_signal(late)
    async with world.resources() as resources:
        runs: Runs = AgentRole(resources)._runs
        await _as_owner(world, REFUSE)
        for one, stopped in zip(
            (found, stale), await runs.decide_together([found, stale], resources.config.current), strict=True
        ):
            assert isinstance(stopped, Stopped)
            await runs.give_up(one, resources.config.current, stopped, 5)
        await runs.aclose()
    await world.work()
    resume = world.realtime.jetstream(timeout=10).publish
    # In vain at first: it is tried once, for somebody waits for the answer.
    await resume(subjects.SIGNALS_RESUME, signals.encode(found))

    async def tried_again() -> bool:
        return ((await _failed_run(world, found)) or {}).get("attempts") == 6

    await until(tried_again)
    await _as_owner(world, ALLOW)
    # What was seen more than an hour ago helps nobody now.
    await world.pool.execute(
        "UPDATE failed_runs SET signal = jsonb_set(signal, '{occurred_at}', to_jsonb((signal->>'occurred_at')::bigint"
        " - 3700000000)), state = jsonb_set(state, '{signal,occurred_at}',"
        " to_jsonb((state->'signal'->>'occurred_at')::bigint - 3700000000)) WHERE run_id = $1",
        uuid.UUID(stale.signal_id),
    )
    await resume(subjects.SIGNALS_RESUME, signals.encode(found))
    await resume(subjects.SIGNALS_RESUME, signals.encode(found))
    await resume(subjects.SIGNALS_RESUME, signals.encode(stale))
    await until(lambda: _no_failed_runs(world))
    await world.settled()
    assert (await world.decision(found))["outcome"] == "nudged"
    assert len(await world.nudges(user)) == 1
    decision = await world.decision(stale)
    assert (decision["outcome"], decision["reason"]) == ("none", "stale")
    assert await world.nudges(late) == []


async def _no_failed_runs(world: "World") -> bool:
    return not await world.value("SELECT count(*) FROM failed_runs")


async def test_what_fails_once_is_tried_again(make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until") -> None:
    world = await make_world(start=False)
    agent = await world.start()
    user, other = await world.user(), await world.user()
    await _as_owner(world, REFUSE)
    found = a_signal(user)
    await world.publish(found)

    async def failed() -> bool:
        return await agent.metric('handrail_agent_failures_total{why="error"}') >= 1

    await until(failed)
    # Others are not held up.
    assert (await world.decide(a_signal(other, fresh=False)))["reason"] == "stale"
    await _as_owner(world, ALLOW)
    assert (await world.decision(found))["outcome"] == "nudged"
    await world.settled()
    assert await world.value("SELECT count(*) FROM failed_runs") == 0


async def test_an_outage_of_the_database_is_waited_for(
    make_world: "MakeWorld", a_signal: "MakeSignal", servers: "RunningServers", until: "Until"
) -> None:
    world = await make_world(start=False)
    role = await world.work()
    user, later = await world.user(), await world.user()
    await world.decide(a_signal(user))
    database = world.tenant.keyring.database
    admin = await asyncpg.connect(servers.postgres_admin)
    try:
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS false')
        await admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", database)
        found = a_signal(later)
        await world.publish(found)

        async def noticed() -> bool:
            return not role.ready()["agent-database"]

        await until(noticed)
        await admin.execute(f'ALTER DATABASE "{database}" ALLOW_CONNECTIONS true')
    finally:
        await admin.close()
    assert (await world.decision(found))["outcome"] == "nudged"
    await world.settled()
    assert role.ready()["agent-database"]


async def test_without_redis_the_last_event_says_who_is_there(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(start=False)
    text = world.tenant.text(names.REDIS_URL_FILE)
    (world.tenant.secrets / names.REDIS_URL_FILE).write_text(re.sub(r":\d+(/|$)", r":1\1", text))
    await world.work()
    here, gone = await world.user(present=False), await world.user(present=False)
    await world.pool.execute("UPDATE sessions SET last_seen_time = now() - interval '3 min' WHERE user_id = $1", gone)
    decision = await world.decide(a_signal(here))
    assert decision["outcome"] == "nudged"
    gates = {gate["gate"]: gate["values"] for gate in decision["gates"]}
    assert gates["reachable"] == {"live": True, "source": "last_seen"}
    assert (await world.decide(a_signal(gone)))["reason"] == "unreachable"


async def _waits_for_lock(world: "World") -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await world.value(waiting))


async def test_an_agent_killed_while_it_acts_leaves_one_decision(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world(start=False, ack_wait=3)
    agent = await world.start()
    user = await world.user()
    found = a_signal(user)
    holder = await asyncpg.connect(world.tenant.text(names.DATABASE_URL_FILE))
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE", user)
    await world.publish(found)
    await until(lambda: _waits_for_lock(world))
    await agent.stop(signal.SIGKILL)
    await transaction.rollback()
    await holder.close()
    assert await world.nudges(user) == []
    await world.start()
    assert (await world.decision(found, within=60))["outcome"] == "nudged"
    await world.settled()
    assert len(await world.nudges(user)) == 1
    assert await world.runs_kept() == 0


async def test_the_process_ends_soon_when_told(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(start=False)
    agent = await world.start()
    user = await world.user()
    await world.decide(a_signal(user))
    async with asyncio.timeout(5):
        assert await agent.stop() == 0
    assert "Traceback" not in agent.log.read_text()


def test_the_graph_is_not_imported_before_the_first_signal() -> None:
    script = (
        "import sys, handrail_runtime.agent.role; "
        "print([name for name in ('langgraph', 'langchain_core', 'psycopg', 'openai') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
