"""Each gate alone: what lets a signal pass and what does not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.runtime.agent.cases import NOW, case, spec

from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case, History, Reach
from handrail_runtime.agent.gates import Facts, Gate, bucket, foregone, rule

SURE = Diagnosis(is_stuck=True, stuck_point="p", confidence=0.8, reason="Seen.", target="#x")


def ago(**given: float) -> Any:
    return NOW - timedelta(**given)


@pytest.mark.parametrize(
    ("different", "diagnosis", "verdict", "reason"),
    [
        ({}, SURE, "nudge", "all_gates_passed"),
        ({"user_known": False}, SURE, "none", "user_unknown"),
        ({"spec": spec(detectors={"rageClick": {"enabled": False}})}, SURE, "none", "detector_off"),
        ({"fresh": False}, SURE, "none", "stale"),
        ({"now": NOW + timedelta(minutes=59)}, SURE, "nudge", "all_gates_passed"),
        ({"now": NOW + timedelta(minutes=60)}, SURE, "none", "stale"),
        ({}, None, "none", "no_diagnosis"),
        ({}, SURE.model_copy(update={"is_stuck": False}), "none", "not_stuck"),
        ({}, SURE.model_copy(update={"confidence": 0.6}), "nudge", "all_gates_passed"),
        ({}, SURE.model_copy(update={"confidence": 0.59}), "none", "low_confidence"),
        ({"reach": Reach(live=False, source="socket")}, SURE, "none", "unreachable"),
        ({"history": History(pending=1)}, SURE, "none", "help_pending"),
        ({"history": History(at_stuck_point=2)}, SURE, "nudge", "all_gates_passed"),
        ({"history": History(at_stuck_point=3)}, SURE, "escalate", "nudges_did_not_help"),
        # A person can be alerted about a user whom no nudge can reach, but not while the last one is on its way.
        (
            {"history": History(at_stuck_point=3), "reach": Reach(live=False, source="socket")},
            SURE,
            "escalate",
            "nudges_did_not_help",
        ),
        ({"history": History(at_stuck_point=3, pending=1)}, SURE, "none", "help_pending"),
        ({"history": History(at_stuck_point=3, escalation_open=True)}, SURE, "none", "cap_reached"),
        ({"history": History(at_stuck_point=3, completed_at_stuck_point=1)}, SURE, "none", "cap_reached"),
        ({"history": History(at_stuck_point=3, last_sent=NOW)}, SURE, "escalate", "nudges_did_not_help"),
        ({"spec": spec(escalation={"afterNudges": 0})}, SURE, "escalate", "nudges_did_not_help"),
        ({"history": History(last_sent=ago(minutes=5))}, SURE, "nudge", "all_gates_passed"),
        ({"history": History(last_sent=ago(minutes=4, seconds=59))}, SURE, "none", "cooling_down"),
        ({"history": History(in_budget=4)}, SURE, "nudge", "all_gates_passed"),
        ({"history": History(in_budget=5)}, SURE, "none", "budget_spent"),
    ],
)
def test_rulings(different: dict[str, Any], diagnosis: Diagnosis | None, verdict: str, reason: str) -> None:
    ruling = rule(Facts(case(**different), diagnosis))
    assert (ruling.verdict, ruling.reason) == (verdict, reason)
    assert all(gate.passed for gate in ruling.gates[:-1])


def test_whoever_asked_is_answered_or_handed_over_whatever_the_budget() -> None:
    spent = History(pending=1, at_stuck_point=9, in_budget=9, last_sent=NOW, escalation_open=True)
    asked = case("help_sought", history=spent, reach=Reach(live=False, source="socket"))
    assert rule(Facts(asked, SURE)).verdict == "nudge"
    unsure = rule(Facts(asked, SURE.model_copy(update={"confidence": 0.0})))
    assert (unsure.verdict, unsure.reason) == ("escalate", "cannot_answer")
    away = rule(Facts(asked, None, "provider_unavailable"))
    assert (away.verdict, away.reason) == ("escalate", "provider_unavailable")
    assert rule(Facts(replace(asked, now=NOW + timedelta(hours=2)), SURE)).reason == "stale"


@pytest.mark.parametrize(
    ("history", "verdict", "reason"),
    [
        (History(), "nudge", "all_gates_passed"),
        (History(answered=9), "nudge", "all_gates_passed"),
        (History(answered=10), "escalate", "too_many_questions"),
        (History(answered=11), "none", "questions_limited"),
        (History(answered=500, at_stuck_point=3), "none", "questions_limited"),
        # N nudges did not help here: a person, once while one is alerted, and an answer otherwise.
        (History(at_stuck_point=2), "nudge", "all_gates_passed"),
        (History(at_stuck_point=3), "escalate", "nudges_did_not_help"),
        (History(at_stuck_point=3, completed_at_stuck_point=1), "nudge", "all_gates_passed"),
        (History(at_stuck_point=3, escalation_open=True), "nudge", "all_gates_passed"),
    ],
)
def test_questions_are_answered_in_measure(history: History, verdict: str, reason: str) -> None:
    asked = case("help_sought", history=history)
    ruling = rule(Facts(asked, SURE))
    assert (ruling.verdict, ruling.reason) == (verdict, reason)
    assert foregone(asked) is (history.answered >= 10)


def test_questions_of_the_past_stand_in_no_nudges_way() -> None:
    assert rule(Facts(case(history=History(answered=99)), SURE)).verdict == "nudge"


@pytest.mark.parametrize("different", [{"user_known": False}, {"fresh": False}, {"now": NOW + timedelta(hours=2)}])
def test_no_diagnosis_is_paid_for_where_it_would_change_nothing(different: dict[str, Any]) -> None:
    assert foregone(case(**different))
    assert not foregone(case())


def test_the_holdout_is_a_fixed_share_of_users() -> None:
    def held_out(user_id: str, percent: float) -> bool:
        found: Case = case(user_id=user_id, spec=spec(nudges={"holdoutPercent": percent}))
        return rule(Facts(found, SURE)).reason == "held_out"

    users = [f"user-{at}" for at in range(2000)]
    ten = {user for user in users if held_out(user, 10)}
    assert 150 < len(ten) < 250
    assert ten < {user for user in users if held_out(user, 20)}
    assert not any(held_out(user, 0) for user in users)
    assert all(0 <= bucket(user) < 100 for user in users)


def test_a_gate_is_kept_with_the_values_it_saw() -> None:
    ruling = rule(Facts(case(history=History(last_sent=ago(seconds=30))), SURE))
    assert ruling.gates[-1] == Gate(
        gate="cooldown",
        passed=False,
        reason="cooling_down",
        message="The last nudge was too short ago.",
        values={"cooldown": "5m", "since_last_seconds": 30.0},
    )


MODEL = {"provider": "openai"}


def test_no_diagnosis_is_bought_for_whom_nothing_may_be_sent_to_now():
    """The record says the gate that ended it; with the rules, which cost nothing, the diagnosis comes first."""
    away = case(reach=Reach(live=False, source="socket"), spec=spec(llm=MODEL))
    assert foregone(away)
    ruling = rule(Facts(away, None))
    assert (ruling.verdict, ruling.reason) == ("none", "unreachable")
    assert "diagnosed" not in [gate.gate for gate in ruling.gates]
    assert not foregone(case(reach=Reach(live=False, source="socket")))
    assert not foregone(case(spec=spec(llm=MODEL)))


def test_for_a_human_a_diagnosis_is_bought():
    stuck = History(at_stuck_point=3)
    assert not foregone(case(history=stuck, reach=Reach(live=False, source="socket"), spec=spec(llm=MODEL)))
