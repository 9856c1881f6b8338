"""Cases as values, for the pure parts: one place says what a usual one looks like, a test what is different."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.runtime.baselines import first_project

from handrail_contracts import times
from handrail_contracts.signals import Signal, SignalKind
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent.case import Case, Reach

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
BASELINE = first_project()


def spec(**given: Any) -> TenantSpec:
    return TenantSpec.model_validate(
        {"displayName": "Acme", "origins": ["https://a.test"], "baselines": [BASELINE]} | given
    )


def case(kind: SignalKind = "rage_click", *, step: str | None = "new-project", **given: Any) -> Case:
    """A new user on the projects page, seen ten seconds ago, awaited at `step`; `given` is the case's or signal's."""
    of_signal = {
        "signal_id": "5f3c0d5e-0f0e-4f6e-8f52-0d7d6a1f1c11",
        "user_id": "u",
        "session_id": "s",
        "stuck_point": f"first-project/{step}" if step else "/projects",
        "occurred_at": times.micros(NOW - timedelta(seconds=10)),
        "path": "/projects",
        "selector": "#export-all",
        "baseline": "first-project" if step else None,
        "step": step,
    }
    signal = {key: given.pop(key, value) for key, value in of_signal.items()}
    signal |= {key: given.pop(key) for key in ("evidence", "fresh") if key in given}
    made = Case(
        now=NOW,
        signal=Signal(kind=kind, **signal),
        spec=given.pop("spec", spec()),
        user_known=True,
        path=signal["path"],
        signup=NOW - timedelta(hours=1),
        reach=Reach(live=True, source="socket"),
    )
    return replace(made, **given)
