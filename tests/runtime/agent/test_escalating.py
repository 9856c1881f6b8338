"""Where nudges do not help, or a question is beyond the rules, a human is alerted."""

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld

QUICK = {"nudges": {"cooldown": "1s", "maxPerStuckPoint": 2}, "escalation": {"afterNudges": 2}}


async def test_after_n_nudges_the_next_trigger_escalates_once(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(QUICK | {"displayName": "Acme"})
    user = await world.user()
    await world.event(user, "page_view", ago=60, url="https://app.example.test/projects?x=1")
    await world.event(user, "click", ago=30, url="https://app.example.test/projects", target={"selector": "#menu"})
    for _ in range(2):
        assert (await world.decide(a_signal(user)))["outcome"] == "nudged"
        await world.acknowledge(user, sent_ago=10)
    trigger = a_signal(user)
    decision = await world.decide(trigger)
    assert (decision["outcome"], decision["reason"]) == ("escalated", "nudges_did_not_help")
    assert decision["gates"][-1]["values"] == {
        "sent": 2, "completed": 0, "after_nudges": 2, "escalation_open": False,
    }  # fmt: skip
    (row,) = await world.pool.fetch("SELECT * FROM escalations")
    assert (row["user_id"], row["stuck_point"], row["status"]) == (user, "first-project/new-project", "open")
    assert row["escalation_id"] == decision["escalation_id"]
    assert str(row["signal_id"]) == trigger.signal_id
    draft = json.loads(row["draft"])
    assert draft["subject"] == f'Acme: {user} is stuck at "New project" (First project)'
    assert [one["title"] for one in draft["nudges"]] == ["Try this instead", "Try this instead"]
    assert [one["text"][9:] for one in draft["history"]] == ["opened /projects", "clicked #menu on /projects"]
    assert "is stuck at" in draft["text"]
    assert len(await world.nudges(user)) == 2

    later = await world.decide(a_signal(user))
    assert (later["outcome"], later["reason"]) == ("none", "cap_reached")
    await world.pool.execute("UPDATE escalations SET status = 'closed', closed_at = now()")
    assert (await world.decide(a_signal(user)))["outcome"] == "escalated"
    await world.settled()
    assert await world.runs_kept() == 0


async def test_a_nudge_that_worked_keeps_humans_out_of_it(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world(QUICK)
    user = await world.user()
    for _ in range(2):
        await world.decide(a_signal(user))
        await world.acknowledge(user, sent_ago=10)
    await world.pool.execute("UPDATE nudges SET completed_at = now(), status = 'completed' WHERE seq = 1")
    decision = await world.decide(a_signal(user))
    assert (decision["outcome"], decision["reason"]) == ("none", "cap_reached")


async def test_two_triggers_at_once_open_one_escalation(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world({"escalation": {"afterNudges": 0}})
    user = await world.user()
    found = [a_signal(user) for _ in range(4)]
    await world.publish(*found)
    outcomes = sorted([(await world.decision(one))["outcome"] for one in found])
    assert outcomes.count("escalated") == 1
    assert await world.value("SELECT count(*) FROM escalations") == 1


async def test_a_question_the_rules_can_answer_is_answered_at_once(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    world = await make_world({"nudges": {"holdoutPercent": 50, "attentionBudget": {"nudges": 0, "per": "24h"}}})
    user = await world.user(present=False)
    decision = await world.decide(a_signal(user, "help_sought", evidence={"text": "How do I make a new project?"}))
    assert (decision["outcome"], decision["reason"]) == ("nudged", "all_gates_passed")
    (nudge,) = await world.nudges(user)
    assert nudge["content"].kind == "chat"
    assert nudge["content"].target is None
    assert nudge["content"].body == "Happy to help. Next up: **New project**. You'll find it on this page."


async def test_any_other_question_goes_to_a_human_and_the_user_is_told(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    world = await make_world()
    user = await world.user()
    first = await world.decide(a_signal(user, "help_sought", evidence={"text": "Can you send invoices to my boss?"}))
    assert (first["outcome"], first["reason"]) == ("escalated", "cannot_answer")
    second = await world.decide(a_signal(user, "help_sought", evidence={"text": "And in euros?"}))
    assert (second["outcome"], second["reason"]) == ("escalated", "added_to_open_escalation")
    assert second["escalation_id"] == first["escalation_id"]
    (row,) = await world.pool.fetch("SELECT draft FROM escalations")
    draft = json.loads(row["draft"])
    assert [one["text"] for one in draft["questions"]] == ["Can you send invoices to my boss?", "And in euros?"]
    assert draft["subject"].endswith("asked for help")
    nudges = await world.nudges(user)
    assert [nudge["content"].title for nudge in nudges] == ["We've passed it on", "We've passed it on"]
    # Neither stands in the way of a nudge.
    assert (await world.decide(a_signal(user)))["outcome"] == "nudged"


async def test_without_a_provider_a_question_goes_to_a_human(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world({"llm": {"provider": "openai"}})
    user = await world.user()
    decision = await world.decide(a_signal(user, "help_sought", evidence={"text": "help"}))
    assert (decision["outcome"], decision["reason"]) == ("escalated", "llm_key_missing")
    assert len(await world.nudges(user)) == 1


async def test_a_script_that_asks_and_asks_is_answered_in_measure(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    world = await make_world()
    user = await world.user()
    asked = [a_signal(user, "help_sought", evidence={"text": "How do I make a new project?"}) for _ in range(24)]
    outcomes = []
    for one in asked:
        decision = await world.decide(one)
        outcomes.append((decision["outcome"], decision["reason"]))
    assert outcomes == [
        *[("nudged", "all_gates_passed")] * 10,
        ("escalated", "too_many_questions"),
        *[("none", "questions_limited")] * 13,
    ]
    nudges = await world.nudges(user)
    assert [nudge["content"].title for nudge in nudges][10:] == ["We've passed it on"]
    assert await world.value("SELECT count(*) FROM escalations") == 1


async def test_an_escalation_is_written_with_what_is_to_be_delivered(
    make_world: "MakeWorld", a_signal: "MakeSignal"
) -> None:
    reference = {"name": "none", "key": "url"}
    hooks = [{"name": "a", "urlSecretRef": reference}, {"name": "b", "format": "slack", "urlSecretRef": reference}]
    channels = {"afterNudges": 0, "webhooks": hooks, "email": {"to": ["help@acme.test"]}}
    world = await make_world({"escalation": channels})
    user = await world.user()
    decision = await world.decide(a_signal(user))
    rows = await world.pool.fetch("SELECT escalation_id, channel, state FROM escalation_deliveries ORDER BY channel")
    assert [tuple(row) for row in rows] == [
        (decision["escalation_id"], channel, "pending") for channel in ("email", "webhook:a", "webhook:b")
    ]
    # A second trigger while it is open tells nobody again.
    await world.decide(a_signal(user))
    assert await world.value("SELECT count(*) FROM escalation_deliveries") == 3
