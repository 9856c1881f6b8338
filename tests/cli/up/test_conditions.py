"""What is told of a tenant, and which processes it gets."""

import pytest

from handrail_cli.up.conditions import Seen, conditions
from handrail_cli.up.programs import RuntimeProcess, belongs, layout
from handrail_contracts.tenant_spec import Runtime

RUNNING = {"ingest": True, "agent": True, "realtime": True}


def told(seen: Seen) -> dict[str, tuple[str, str]]:
    return {c.type: (c.status, c.reason) for c in conditions(seen, [], "2026-01-01T00:00:00Z")}


CASES = {
    "running": (
        Seen(provisioned=True, roles=RUNNING),
        {"Ready": ("True", "Running"), "Progressing": ("False", "Settled"), "Degraded": ("False", "AsExpected")},
    ),
    "starting": (
        Seen(provisioned=True, roles=RUNNING | {"agent": False}),
        {"Ready": ("False", "NotAnswering"), "Progressing": ("True", "Starting"), "Agent": ("False", "NotAnswering")},
    ),
    "restarting": (
        Seen(provisioned=True, roles=RUNNING | {"agent": False}, waiting=["acme.agent ended with code 1"]),
        {"Degraded": ("True", "Restarting")},
    ),
    "suspended": (Seen(provisioned=True, suspended=True), {"Ready": ("True", "Suspended")}),
    "its file gone": (
        Seen(provisioned=True, missing=True),
        {"Ready": ("False", "FileMissing"), "Progressing": ("False", "Settled")},
    ),
    "never accepted": (
        Seen(problems=[("FileInvalid", "tenant.yaml:3: wrong")]),
        {"Ready": ("False", "FileInvalid"), "Progressing": ("False", "Settled"), "Degraded": ("True", "FileInvalid")},
    ),
    "a bad edit of a running one": (
        Seen(provisioned=True, roles=RUNNING, problems=[("FileInvalid", "tenant.yaml:3: wrong")]),
        {"Ready": ("True", "Running"), "Degraded": ("True", "FileInvalid")},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_conditions(case):
    seen, wanted = CASES[case]
    found = told(seen)
    assert {kind: found[kind] for kind in wanted} == wanted


def test_a_condition_keeps_its_time_until_its_status_changes():
    first = conditions(Seen(provisioned=True, roles=RUNNING), [], "t1")
    second = conditions(Seen(provisioned=True, suspended=True, generation=2), first, "t2")
    ready = {c.type: (c.status, c.reason, c.last_transition_time, c.observed_generation) for c in second}["Ready"]
    assert ready == ("True", "Suspended", "t1", 2)
    third = conditions(Seen(provisioned=True, missing=True), second, "t3")
    assert {c.type: c.last_transition_time for c in third}["Ready"] == "t3"


def test_a_small_plan_is_one_process_and_others_one_for_each_role():
    sizes = Runtime.model_validate({"ingest": {"replicas": 2, "maxReplicas": 2}, "agent": {"replicas": 0}})
    assert layout("acme", sizes, combined=True) == [RuntimeProcess("acme.runtime", ("ingest", "realtime"))]
    assert layout("acme", sizes, combined=False) == [
        RuntimeProcess("acme.ingest", ("ingest",)),
        RuntimeProcess("acme.ingest.2", ("ingest",)),
        RuntimeProcess("acme.realtime", ("realtime",)),
    ]
    assert belongs("acme.ingest.2", "acme")
    assert not belongs("acme-two.ingest", "acme")
