"""When a run is over, and what it says."""

from collections import Counter
from typing import Any

import pytest

from handrail_cli.simulate.plan import make_plan
from handrail_cli.simulate.report import Outcome, Reading, percentile, summarise, table, trouble, waiting_for
from handrail_cli.simulate.visit_log import VisitLog
from handrail_contracts.tenant_spec import TenantSpec

SPEC = TenantSpec.model_validate({"displayName": "Acme", "origins": ["https://app.acme.test"]})
PLAN = make_plan(SPEC, seed=4, users=1, persona="frustrated")


def _log(**fields: Any) -> VisitLog:
    whole: dict[str, Any] = {"stage": "left", "sent": {"e1", "e2", "e3"}, "walked": 2, "received": ["n1"], "reacted": 1}
    return VisitLog(PLAN.users[0], "anon-1", "s1", **(whole | {"latencies": [0.25]} | fields))


def _reading(**fields: Any) -> Reading:
    decisions = tuple(
        {"user_id": "anon-1", "signal_kind": kind, "outcome": outcome, "reason": reason}
        for kind, outcome, reason in (
            ("rage_click", "nudged", "all_gates_passed"),
            ("dead_click", "none", "help_pending"),
            ("repeated_error", "none", "cooling_down"),
        )
    )
    nudge = {"nudge_id": "n1", "user_id": "anon-1", "status": "clicked", "shown_at": "t", "clicked_at": "t"}
    whole: dict[str, Any] = {"stored": 3, "decisions": decisions, "nudges": (nudge,)}
    return Reading(**(whole | fields))


def _outcome(log: VisitLog, reading: Reading, **fields: Any) -> Outcome:
    whole: dict[str, Any] = {"errors": Counter[str](), "retries": 0, "seconds": 4.04, "interrupted": False}
    return Outcome(PLAN, [log], reading, **(whole | fields))


def test_a_run_is_over_when_everything_was_worked_off() -> None:
    assert waiting_for([_log()], _reading()) == []


@pytest.mark.parametrize(
    ("log", "reading", "expected"),
    [
        (_log(), _reading(stored=1), ["2 events"]),
        (_log(), _reading(decisions=()), ["3 signals"]),
        (_log(stage="watching"), _reading(), ["1 users"]),
        (_log(reacted=0), _reading(), ["1 users"]),
        (
            _log(received=[], reacted=0),
            _reading(nudges=({"nudge_id": "n1", "user_id": "anon-1", "status": "pending"},)),
            ["1 nudges"],
        ),
        (
            _log(),
            _reading(nudges=({"nudge_id": "n1", "user_id": "anon-1", "status": "acknowledged"},)),
            ["1 reactions"],
        ),
        (
            _log(stage="failed", received=[], reacted=0),
            _reading(nudges=({"nudge_id": "n1", "user_id": "anon-1", "status": "pending"},)),
            [],
        ),
    ],
)
def test_what_it_waits_for(log: VisitLog, reading: Reading, expected: list[str]) -> None:
    assert waiting_for([log], reading) == expected


def test_the_report_as_a_document() -> None:
    assert summarise("acme", _outcome(_log(), _reading())) == {
        "tenant": "acme",
        "seed": 4,
        "plan": PLAN.fingerprint(),
        "ok": True,
        "interrupted": False,
        "seconds": 4.0,
        "users": {"planned": 1, "done": 1, "personas": {"frustrated": 1}},
        "events": {"planned": PLAN.events, "sent": 3, "stored": 3, "reactions": 1, "retries": 0},
        "signals": {
            "total": 3,
            "by_kind": {"dead_click": 1, "rage_click": 1, "repeated_error": 1},
            "expected": 3,
            "missing": 0,
        },
        "decisions": {"none: cooling_down": 1, "none: help_pending": 1, "nudged: all_gates_passed": 1},
        "nudges": {"sent": 1, "received": 1, "shown": 1, "clicked": 1, "dismissed": 0, "completed": 0},
        "escalations": 0,
        "latency_ms": {"p50": 250.0, "p99": 250.0, "samples": 1},
        "errors": [],
        "visits": [
            {
                "user_id": "anon-1",
                "persona": "frustrated",
                "baseline": "look-around",
                "events": 2,
                "signals": {"dead_click": 1, "rage_click": 1, "repeated_error": 1},
                "nudges": 1,
            }
        ],
    }


def test_the_table_has_the_figures() -> None:
    lines = {
        line.split("  ")[0]: line.split("  ")[-1].strip()
        for line in table(summarise("acme", _outcome(_log(), _reading()))).splitlines()
    }
    assert lines["events sent"] == "3 (1 of them in answer to the platform)"
    assert (lines["events stored"], lines["signals"], lines["nudges sent"]) == ("3", "3", "1")
    assert (lines["nudges shown"], lines["nudges clicked"]) == ("1", "1")
    assert lines["event to nudge, p50"] == "250 ms"


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        (_outcome(_log(), _reading(stored=2)), "3 events were accepted and 2 of them are stored"),
        (_outcome(_log(), _reading(), errors=Counter({"a socket failed": 2})), "2 errors happened"),
        (_outcome(_log(), _reading(), interrupted=True), "interrupted"),
    ],
)
def test_a_run_that_went_wrong_says_so(outcome: Outcome, says: str) -> None:
    assert len(trouble(outcome)) == 1
    assert says in trouble(outcome)[0]
    assert summarise("acme", outcome)["ok"] is False


def test_percentiles() -> None:
    assert percentile([], 0.5) is None
    assert percentile([3.0], 0.99) == 3.0
    assert percentile([float(value) for value in range(1, 101)], 0.5) == 50.0
    assert percentile([float(value) for value in range(1, 101)], 0.99) == 99.0
