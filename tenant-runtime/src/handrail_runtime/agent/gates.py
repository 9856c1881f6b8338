"""Whether to help: a chain of small pure checks. Each gives a reason and a message for the decision record.

The chain ends at the first gate that does not let the signal pass. Two gates can hand it to a human instead.
Whoever asked for help is answered, within bounds: gates that protect users from being spoken to unasked let such a
signal pass, those that protect people and budgets do not.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from handrail_contracts import durations, times
from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case

Verdict = Literal["nudge", "escalate", "none"]

ANSWERS_AN_HOUR = 10
"""To one user's questions; the next one goes to a person, and further ones to nobody."""


@dataclass(frozen=True)
class Facts:
    """What the gates look at: the case, and what was made of it. `fault` says why there is no diagnosis."""

    case: Case
    diagnosis: Diagnosis | None
    fault: str = ""


@dataclass(frozen=True)
class Gate:
    """One check's finding, as the decision record keeps it. `instead` is what follows where it did not pass."""

    gate: str
    passed: bool
    reason: str
    message: str
    values: dict[str, Any] = field(default_factory=dict)
    instead: Literal["escalate", "none"] = "none"

    def dump(self) -> dict[str, Any]:
        # By hand: dataclasses.asdict would take most of a run's time.
        return {
            "gate": self.gate,
            "passed": self.passed,
            "reason": self.reason,
            "message": self.message,
            "values": self.values,
        }


@dataclass(frozen=True)
class Ruling:
    """What the chain says, and every gate up to the one that ended it."""

    verdict: Verdict
    reason: str
    gates: tuple[Gate, ...]


def rule(facts: Facts) -> Ruling:
    """Runs the chain. Pure: the same facts give the same ruling."""
    undiagnosed = facts.diagnosis is None and not facts.fault
    return _ask(facts, _WITHOUT_DIAGNOSIS if undiagnosed and foregone(facts.case) else CHAIN)


def _ask(facts: Facts, chain: tuple[Callable[[Facts], Gate], ...]) -> Ruling:
    passed: list[Gate] = []
    for check in chain:
        gate = check(facts)
        passed.append(gate)
        if not gate.passed:
            return Ruling(gate.instead, gate.reason, tuple(passed))
    return Ruling("nudge", "all_gates_passed", tuple(passed))


def foregone(case: Case) -> bool:
    """Whether no diagnosis could change what comes of the signal. Where one costs money, none is bought for a user whom
    nothing may be sent to now; one that goes to a human is, for the human wants to know."""
    facts = Facts(case, None)
    if any(not check(facts).passed for check in BEFORE_DIAGNOSIS):
        return True
    if case.spec.llm.provider == "rules":
        return False
    ruling = _ask(facts, _WITHOUT_DIAGNOSIS)
    return ruling.verdict == "none"


def bucket(user_id: str) -> float:
    """Where a user stands between 0 and 100, for ever the same; the holdout is everybody below its percentage."""
    return int.from_bytes(sha256(f"holdout\n{user_id}".encode()).digest()[:4], "big") * 100 / 2**32


def _ok(gate: str, message: str, **values: Any) -> Gate:
    return Gate(gate, passed=True, reason="ok", message=message, values=values)


def _no(gate: str, reason: str, message: str, **values: Any) -> Gate:
    return Gate(gate, passed=False, reason=reason, message=message, values=values)


def _to_human(gate: str, reason: str, message: str, **values: Any) -> Gate:
    return Gate(gate, passed=False, reason=reason, message=message, values=values, instead="escalate")


def _known(facts: Facts) -> Gate:
    if not facts.case.user_known:
        return _no("known", "user_unknown", "There is no such user; perhaps the user was erased.")
    return _ok("known", "The user is known.")


def _enabled(facts: Facts) -> Gate:
    detector = getattr(facts.case.spec.detectors, facts.case.signal.kind, None)
    if detector is not None and not detector.enabled:
        return _no("enabled", "detector_off", "This detector is switched off now.", detector=facts.case.signal.kind)
    return _ok("enabled", "The detector is on.", detector=facts.case.signal.kind)


def _fresh(facts: Facts) -> Gate:
    age = facts.case.now - times.from_micros(facts.case.signal.occurred_at)
    values = {"age_seconds": round(age.total_seconds(), 3), "limit_seconds": times.STALE_AFTER.total_seconds()}
    if not facts.case.signal.fresh or age > times.STALE_AFTER:
        return _no("fresh", "stale", "What was seen is too long ago to help now.", **values)
    return _ok("fresh", "It was seen just now.", **values)


def _in_measure(facts: Facts) -> Gate:
    """A person asks a few things an hour. A script would fill the database and spend the model's budget."""
    values = {"answered": facts.case.history.answered, "an_hour": ANSWERS_AN_HOUR}
    if not facts.case.asked or facts.case.history.answered < ANSWERS_AN_HOUR:
        return _ok("questions", "The user does not ask too often.", **values)
    if facts.case.history.answered == ANSWERS_AN_HOUR:
        return _to_human("questions", "too_many_questions", "Asked so often that a person should see to it.", **values)
    return _no("questions", "questions_limited", "The user asks too often, and was told.", **values)


def _diagnosed(facts: Facts) -> Gate:
    if facts.diagnosis is None:
        make = _to_human if facts.case.asked else _no
        return make("diagnosed", facts.fault or "no_diagnosis", "Nobody could say what is wrong.")
    if not facts.diagnosis.is_stuck:
        return _no("diagnosed", "not_stuck", facts.diagnosis.reason)
    return _ok("diagnosed", facts.diagnosis.reason)


def _confident(facts: Facts) -> Gate:
    confidence = facts.diagnosis.confidence if facts.diagnosis else 0.0
    threshold = facts.case.spec.nudges.confidence_threshold
    values = {"confidence": confidence, "threshold": threshold}
    if confidence >= threshold:
        return _ok("confident", "The diagnosis is sure enough.", **values)
    if facts.case.asked:
        return _to_human("confident", "cannot_answer", "A question that needs a person's answer.", **values)
    return _no("confident", "low_confidence", "The diagnosis is not sure enough.", **values)


def _reachable(facts: Facts) -> Gate:
    values = {"live": facts.case.reach.live, "source": facts.case.reach.source}
    if facts.case.asked:
        return _asked("reachable", **values)
    if not facts.case.reach.live:
        return _no("reachable", "unreachable", "The user has no page open that could show it.", **values)
    return _ok("reachable", "The user is there.", **values)


def _unhelped(facts: Facts) -> Gate:
    values = {"pending": facts.case.history.pending}
    if facts.case.asked:
        return _asked("no_help_pending", **values)
    if facts.case.history.pending:
        return _no("no_help_pending", "help_pending", "Another nudge is on its way to the user.", **values)
    return _ok("no_help_pending", "No other nudge is on its way.", **values)


def _not_for_a_human(facts: Facts) -> Gate:
    history, limit = facts.case.history, facts.case.spec.escalation.after_nudges
    values = {
        "sent": history.at_stuck_point,
        "completed": history.completed_at_stuck_point,
        "after_nudges": limit,
        "escalation_open": history.escalation_open,
    }
    if history.at_stuck_point < limit or history.completed_at_stuck_point:
        return _ok("escalation", "Nudges may still help here.", **values)
    if history.escalation_open:
        return _ok("escalation", "A person has already been alerted.", **values)
    return _to_human("escalation", "nudges_did_not_help", "Nudges did not help here, so a person should.", **values)


def _under_cap(facts: Facts) -> Gate:
    values = {"sent": facts.case.history.at_stuck_point, "cap": facts.case.spec.nudges.max_per_stuck_point}
    if facts.case.asked:
        return _asked("cap", **values)
    if values["sent"] >= values["cap"]:
        return _no("cap", "cap_reached", "The user has had all nudges allowed at this stuck point.", **values)
    return _ok("cap", "Another nudge is allowed at this stuck point.", **values)


def _cooled_down(facts: Facts) -> Gate:
    wait, last = facts.case.spec.nudges.cooldown, facts.case.history.last_sent
    values: dict[str, Any] = {"cooldown": durations.render(wait)}
    if facts.case.asked:
        return _asked("cooldown", **values)
    if last is None:
        return _ok("cooldown", "It is the user's first nudge.", **values)
    values["since_last_seconds"] = round((facts.case.now - last).total_seconds(), 3)
    if facts.case.now - last < wait:
        return _no("cooldown", "cooling_down", "The last nudge was too short ago.", **values)
    return _ok("cooldown", "The last nudge was long enough ago.", **values)


def _in_budget(facts: Facts) -> Gate:
    budget = facts.case.spec.nudges.attention_budget
    values = {"sent": facts.case.history.in_budget, "budget": budget.nudges, "per": durations.render(budget.per)}
    if facts.case.asked:
        return _asked("attention_budget", **values)
    if facts.case.history.in_budget >= budget.nudges:
        return _no("attention_budget", "budget_spent", "The user's attention budget is spent.", **values)
    return _ok("attention_budget", "The attention budget allows another nudge.", **values)


def _not_held_out(facts: Facts) -> Gate:
    percent = facts.case.spec.nudges.holdout_percent
    values = {"bucket": round(bucket(facts.case.signal.user_id), 4), "holdout_percent": percent}
    if facts.case.asked:
        return _asked("holdout", **values)
    if bucket(facts.case.signal.user_id) < percent:
        return _no("holdout", "held_out", "The user is in the group that gets no nudges, to measure uplift.", **values)
    return _ok("holdout", "The user is not in the group without nudges.", **values)


def _asked(gate: str, **values: Any) -> Gate:
    return Gate(gate, passed=True, reason="asked", message="The user asked for help.", values=values)


BEFORE_DIAGNOSIS: tuple[Callable[[Facts], Gate], ...] = (_known, _enabled, _fresh, _in_measure)
"""What needs no diagnosis, so that none is paid for where one of these ends it."""
CHAIN: tuple[Callable[[Facts], Gate], ...] = (
    *BEFORE_DIAGNOSIS,
    _diagnosed,
    _confident,
    _unhelped,
    _not_for_a_human,  # before _reachable: a person can be alerted about a user whom no nudge can reach
    _reachable,
    _under_cap,
    _cooled_down,
    _in_budget,
    _not_held_out,
)
"""In this order. Before the first nudge can be sent, all must pass."""
_WITHOUT_DIAGNOSIS = tuple(check for check in CHAIN if check not in (_diagnosed, _confident))
