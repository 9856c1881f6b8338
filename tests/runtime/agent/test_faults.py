"""Failing runs stay where they failed; outages are waited for; a killed agent's signal is decided once."""

import asyncio
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from handrail_contracts import names
from handrail_runtime.agent.role import AgentRole
from handrail_runtime.agent.runs import Runs

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.conftest import RunningServers
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld, Until, World

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


async def _kept(world: "World") -> bool:
    return await world.runs_kept() == 1


@pytest.mark.parametrize(("after_nudges", "node", "outcome"), [(3, "act", "nudged"), (0, "escalate", "escalated")])
async def test_a_run_that_failed_stays_and_is_resumed_where_it_failed(
    make_world: "MakeWorld", a_signal: "MakeSignal", after_nudges: int, node: str, outcome: str
) -> None:
    world = await make_world({"escalation": {"afterNudges": after_nudges}}, start=False)
    user = await world.user()
    found = a_signal(user)
    async with world.resources() as resources:
        role = AgentRole(resources)
        runs: Runs = role._runs
        config = resources.config.current
        await _as_owner(world, REFUSE)
        with pytest.raises(asyncpg.DataError) as caught:
            await runs.decide(found, config, again=False)
        graph, _ = await runs._graph()
        thread: Any = {"configurable": {"thread_id": found.signal_id}}
        assert (await graph.aget_state(thread)).next == (node,)
        await runs.give_up(found, config, caught.value)
        failed = await world.decision(found)
        assert (failed["outcome"], failed["reason"]) == ("failed", "error:DataError")
        assert await world.nudges(user) == []

        await _as_owner(world, ALLOW)
        assert await runs.decide(found, config, again=True) == outcome
        assert (await world.decision(found))["outcome"] == outcome
        assert await runs.decide(found, config, again=True) == "repeated"
        assert len(await world.nudges(user)) == (outcome == "nudged")
        assert await world.value("SELECT count(*) FROM escalations") == (outcome == "escalated")
        assert await world.runs_kept() == 0
        await runs.aclose()


async def test_what_fails_once_is_tried_again(make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until") -> None:
    world = await make_world()
    user, other = await world.user(), await world.user()
    await _as_owner(world, REFUSE)
    found = a_signal(user)
    await world.publish(found)
    await until(lambda: _kept(world))
    # Others are not held up.
    assert (await world.decide(a_signal(other, fresh=False)))["reason"] == "stale"
    await _as_owner(world, ALLOW)
    assert (await world.decision(found))["outcome"] == "nudged"
    await world.settled()
    assert await world.runs_kept() == 0


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


@pytest.mark.slow
async def test_an_agent_killed_while_it_acts_leaves_one_decision(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world(start=False)
    agent = await world.start()
    user = await world.user()
    found = a_signal(user)
    holder = await asyncpg.connect(world.tenant.text(names.DATABASE_URL_FILE))
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("SELECT 1 FROM users WHERE user_id = $1 FOR UPDATE", user)
    await world.publish(found)
    await until(lambda: _kept(world))  # it waits in act, before the user's lock
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
