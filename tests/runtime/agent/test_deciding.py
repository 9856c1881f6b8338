"""A signal on the stream becomes one decision, and a nudge where all gates pass."""

import uuid
from datetime import timedelta
from typing import TYPE_CHECKING

from handrail_contracts import subjects
from handrail_runtime.agent import rows

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld, Until


async def test_a_stuck_user_gets_a_nudge_on_the_awaited_element(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world({"tone": {"voice": "friendly", "instructions": 'Say "workspace", never "project".'}})
    user = await world.user()
    signal = a_signal(user)
    decision = await world.decide(signal)

    (nudge,) = await world.nudges(user)
    content = nudge["content"]
    assert content.model_dump(exclude={"expires_at"}) == {
        "nudge_id": str(rows.nudge_id(signal.signal_id)),
        "kind": "tooltip",
        "stuck_point": "first-project/new-project",
        "target": "#new-project",
        "title": "Try this instead",
        "body": "That one isn't responding the way you'd expect. "
        "Next up: **New workspace**. You'll find it right here.",
        "actions": [{"id": "dismiss", "label": "Got it", "kind": "dismiss", "url": None}],
        "language": "en",
    }
    assert (nudge["seq"], nudge["status"], nudge["nudge_type"], nudge["session_id"]) == (
        1, "pending", "tooltip", f"s-{user}",
    )  # fmt: skip
    assert nudge["expires_at"] - nudge["sent_at"] == timedelta(minutes=30)
    assert abs(content.expires_at - nudge["expires_at"]) < timedelta(milliseconds=1)
    assert (decision["outcome"], decision["reason"], decision["nudge_id"]) == (
        "nudged", "all_gates_passed", nudge["nudge_id"],
    )  # fmt: skip
    assert [gate["gate"] for gate in decision["gates"]] == [
        "known", "enabled", "fresh", "questions", "diagnosed", "confident", "no_help_pending", "escalation",
        "reachable", "cap", "cooldown", "attention_budget", "holdout",
    ]  # fmt: skip
    assert (decision["provider"], decision["prompt_version"], decision["confidence"]) == ("rules", "rules-1", 0.79)
    assert decision["config_revision"] == world.tenant.record.etag.strip('"')

    async def told() -> object:
        return world.notices

    ((subject, notice),) = await until(told)
    assert (subject, notice.user_id, notice.seq) == (subjects.nudge(user), user, 1)
    await world.settled()
    assert await world.runs_kept() == 0


async def test_a_signal_that_comes_again_changes_nothing(
    make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until"
) -> None:
    world = await make_world()
    user = await world.user()
    signal = a_signal(user)
    await world.decide(signal)
    await world.settled()
    await world.publish_again(signal)
    await world.settled()
    assert await world.value("SELECT count(*) FROM decisions") == 1
    assert len(await world.nudges(user)) == 1
    assert await world.value("SELECT last_seq FROM users WHERE user_id = $1", user) == 1
    assert await world.runs_kept() == 0


async def test_of_two_signals_at_once_one_user_gets_one_nudge(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world({"nudges": {"cooldown": "5m"}})
    await world.work()  # another replica
    users = [await world.user() for _ in range(5)]
    found = [a_signal(user, stuck_point=f"/page-{at}", baseline=None, step=None) for user in users for at in range(4)]
    await world.publish(*found)
    decisions = [await world.decision(one) for one in found]
    for at, user in enumerate(users):
        mine = decisions[at * 4 : at * 4 + 4]
        assert sorted(one["outcome"] for one in mine) == ["none", "none", "none", "nudged"], [
            (one["outcome"], one["reason"]) for one in mine
        ]
        assert len(await world.nudges(user)) == 1
        assert {one["reason"] for one in mine if one["outcome"] == "none"} <= {"help_pending", "cooling_down"}


async def test_a_user_between_two_pages_is_there(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world()
    user = await world.user(present=False)
    await world.pool.execute("UPDATE sessions SET last_seen_time = now() WHERE user_id = $1", user)
    decision = await world.decide(a_signal(user))
    assert decision["outcome"] == "nudged"
    gates = {gate["gate"]: gate["values"] for gate in decision["gates"]}
    assert gates["reachable"] == {"live": True, "source": "last_seen"}


async def test_a_user_without_an_open_page_is_left_alone(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world()
    user = await world.user(present=False)
    decision = await world.decide(a_signal(user))
    assert (decision["outcome"], decision["reason"]) == ("none", "unreachable")
    assert decision["gates"][-1] == {
        "gate": "reachable",
        "passed": False,
        "reason": "unreachable",
        "message": "The user has no page open that could show it.",
        "values": {"live": False, "source": "socket"},
    }
    assert await world.nudges(user) == []
    assert decision["nudge_id"] is None
    assert decision["diagnosis"] is not None


async def test_an_old_signal_and_one_of_nobody_lead_to_nothing(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world()
    user = await world.user()
    old, stale = a_signal(user, ago=3700), a_signal(user, fresh=False)
    assert (await world.decide(old))["reason"] == "stale"
    assert (await world.decide(stale))["reason"] == "stale"
    assert (await world.decide(a_signal("nobody")))["reason"] == "user_unknown"
    assert await world.nudges(user) == []


async def test_the_next_nudge_waits_for_the_cooldown(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world({"nudges": {"cooldown": "5m", "attentionBudget": {"nudges": 2, "per": "24h"}}})
    user = await world.user()
    assert (await world.decide(a_signal(user)))["outcome"] == "nudged"
    assert (await world.decide(a_signal(user)))["reason"] == "help_pending"
    await world.acknowledge(user)
    assert (await world.decide(a_signal(user)))["reason"] == "cooling_down"
    await world.acknowledge(user, sent_ago=301)
    assert (await world.decide(a_signal(user)))["outcome"] == "nudged"
    await world.acknowledge(user, sent_ago=400)
    assert (await world.decide(a_signal(user)))["reason"] == "budget_spent"
    assert [nudge["seq"] for nudge in await world.nudges(user)] == [1, 2]


async def test_a_provider_that_is_not_there_means_silence_or_the_rules(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    silent = await make_world({"llm": {"provider": "openai", "onFailure": "none"}})
    user = await silent.user()
    decision = await silent.decide(a_signal(user))
    assert (decision["outcome"], decision["reason"], decision["provider"]) == (
        "none", "llm_key_missing", "openai",
    )  # fmt: skip
    backed = await make_world({"llm": {"provider": "openai", "onFailure": "rules"}})
    user = await backed.user()
    decision = await backed.decide(a_signal(user))
    assert (decision["outcome"], decision["provider"]) == ("nudged", "rules")


async def test_a_message_that_is_no_signal_is_dropped(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world()
    await world.ingest.jetstream().publish(subjects.signal("rage_click"), b"{}")
    user = await world.user()
    assert (await world.decide(a_signal(user)))["outcome"] == "nudged"
    await world.settled()


async def test_user_ids_of_any_text(make_world: "MakeWorld", a_signal: "MakeSignal", until: "Until") -> None:
    world = await make_world()
    user = await world.user(user_id="a.b > * 'x\" \U0001f642")
    assert (await world.decide(a_signal(user)))["outcome"] == "nudged"

    async def told() -> object:
        return world.notices

    ((subject, notice),) = await until(told)
    assert notice.user_id == user
    assert subject == subjects.nudge(user)


async def test_metrics_and_readiness(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(start=False)
    agent = await world.start()
    user = await world.user()
    await world.decide(a_signal(user))
    await world.settled()
    _, text = await agent.get("/metrics")
    assert 'handrail_agent_decisions_total{kind="rage_click",outcome="nudged"} 1.0' in text
    assert user not in text
    status, body = await agent.get("/readyz")
    assert status == 200
    assert '"agent-database":true' in body
    log = agent.log.read_text()
    assert '"request_id": "req-1"' in log
    assert str(uuid.UUID(int=0)) not in log
