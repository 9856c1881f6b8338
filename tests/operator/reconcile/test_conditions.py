"""What a tenant's status says of what was found."""

from dataclasses import replace

import pytest

from handrail_contracts import status
from handrail_contracts.status import Condition, settled
from handrail_operator.errors import NamespaceTaken, ServerUnavailable, SpecInvalid
from handrail_operator.reconcile.conditions import Findings, conditions
from handrail_operator.reconcile.rollout import Rollout
from handrail_operator.reconcile.tell import paused, transitions

UP = Rollout(available=True, moving=False)
COMING = Rollout(available=False, moving=True, message="Its pods are coming up: 0 of 1 available.")
STUCK = Rollout(available=False, moving=False, message="Its pods do not get ready: 0 of 1 available.")
ROLLING = Rollout(available=True, moving=True, message="1 of 2 pods are new.")
WELL = Findings(
    namespace="handrail-acme",
    ensured=True,
    migration="done",
    rollouts={"ingest": UP, "agent": UP, "realtime": UP},
    data_path=True,
    complete=True,
)


def seen(found: Findings) -> dict[str, tuple[str, str]]:
    return {one.type: (one.status, one.reason) for one in conditions(found)}


def message(found: Findings, kind: str) -> str:
    return next(one.message for one in conditions(found) if one.type == kind)


def test_a_tenant_that_is_well():
    assert seen(WELL) == {
        "Ready": ("True", "Running"),
        "Progressing": ("False", "Settled"),
        "Degraded": ("False", "AsExpected"),
        "Namespace": ("True", "Active"),
        "Messaging": ("True", "Provisioned"),
        "Database": ("True", "Provisioned"),
        "Cache": ("True", "Provisioned"),
        "Secrets": ("True", "Resolved"),
        "Ingest": ("True", "Available"),
        "Agent": ("True", "Available"),
        "Realtime": ("True", "Available"),
        "DataPath": ("True", "Flowing"),
    }


def test_at_first_nothing_is_known():
    found = seen(Findings())
    assert found["Ready"] == ("False", "Provisioning")
    assert found["Progressing"] == ("True", "Provisioning")
    assert found["Database"] == ("Unknown", "Pending")
    assert found["DataPath"] == ("Unknown", "NotReady")


@pytest.mark.parametrize("kind", [status.MESSAGING, status.DATABASE, status.CACHE])
def test_a_server_that_is_away(kind):
    problem = ServerUnavailable("PostgreSQL at db:5432 does not answer.")
    found = replace(WELL, problems={kind: problem})
    told = seen(found)
    assert told["Ready"] == ("False", "Unavailable")
    assert told["Degraded"] == ("True", "Unavailable")
    assert told[kind] == ("False", "Unavailable")
    assert told["Ingest"] == ("True", "Available"), "the rest goes on"
    others = {status.MESSAGING, status.DATABASE, status.CACHE} - {kind}
    assert {told[other] for other in others} == {("True", "Provisioned")}, "one hides no other"
    assert told["DataPath"] == ("Unknown", "NotReady"), "nobody knows"
    assert "PostgreSQL at db:5432 does not answer." in message(found, "Ready")


def test_a_strangers_namespace():
    found = Findings(problems={status.NAMESPACE: NamespaceTaken("Namespace handrail-acme belongs to somebody else.")})
    assert seen(found)["Namespace"] == ("False", "NamespaceTaken")
    assert seen(found)["Ready"] == ("False", "NamespaceTaken")
    assert seen(found)["Progressing"] == ("False", "Settled"), "waiting for a person is no progress"


def test_tables_before_pods():
    found = replace(WELL, migration="running", rollouts={"ingest": COMING})
    assert seen(found)["Ready"] == ("False", "Migrating")
    assert seen(found)["Progressing"] == ("True", "Migrating")
    assert seen(found)["Database"] == ("False", "Migrating")


def test_new_tables_while_old_pods_serve_take_no_readiness_away():
    found = replace(WELL, migration="running")
    assert seen(found)["Ready"] == ("True", "Running")
    assert seen(found)["Progressing"] == ("True", "Migrating")


def test_pods_that_come_up_are_progress_and_stuck_ones_are_not():
    coming = replace(WELL, rollouts={"ingest": COMING, "agent": UP})
    assert seen(coming)["Ready"] == ("False", "NotAvailable")
    assert seen(coming)["Progressing"] == ("True", "RollingOut")
    assert seen(coming)["Degraded"] == ("False", "AsExpected")
    stuck = replace(WELL, rollouts={"ingest": STUCK, "agent": UP})
    assert seen(stuck)["Progressing"] == ("False", "Settled")
    assert seen(stuck)["Degraded"] == ("True", "NotAvailable")
    assert "ingest: Its pods do not get ready" in message(stuck, "Ready")


def test_a_rolling_update_stays_ready():
    found = replace(WELL, rollouts={"ingest": ROLLING})
    assert seen(found)["Ready"] == ("True", "Running")
    assert seen(found)["Progressing"] == ("True", "RollingOut")


def test_suspended_is_ready_and_says_so():
    found = replace(WELL, suspended=True, migration="none", data_path=None)
    assert seen(found)["Ready"] == ("True", "Suspended")
    assert seen(found)["Ingest"] == ("False", "Suspended")
    assert seen(found)["DataPath"] == ("Unknown", "Suspended")
    assert seen(found)["Progressing"] == ("False", "Settled")


def test_what_works_and_is_not_as_it_should_be_degrades():
    found = replace(
        WELL,
        missing=["Secret acme-llm of namespace handrail-acme has no key api-key."],
        warnings=[("WildcardOrigin", "The origin * counts as none.")],
    )
    assert seen(found)["Ready"] == ("True", "Running")
    assert seen(found)["Secrets"] == ("False", "SecretMissing")
    assert seen(found)["Degraded"] == ("True", "SecretMissing")
    assert "The origin * counts as none." in message(found, "Degraded")


def test_a_broken_data_path_does_not_take_readiness_away():
    found = replace(WELL, data_path=ServerUnavailable("The probe was not taken."))
    assert seen(found)["Ready"] == ("True", "Running")
    assert seen(found)["DataPath"] == ("False", "Unavailable")
    assert seen(found)["Degraded"] == ("True", "Unavailable")


@pytest.mark.parametrize("path", [True, ServerUnavailable("nobody takes a probe")])
def test_the_start_of_an_operator_is_no_news_of_a_data_path(path):
    told = conditions(replace(WELL, data_path=path))
    assert conditions(replace(WELL, data_path=None), told) == told
    again = next(one for one in conditions(replace(WELL, suspended=True), told) if one.type == status.DATA_PATH)
    assert (again.status, again.reason) == ("Unknown", "Suspended")


def test_what_a_look_did_not_get_to_is_as_it_was():
    wrong = Findings(problems={"Spec": SpecInvalid("spec.plan: there is no such plan.")})
    before = conditions(WELL)
    after = {one.type: (one.status, one.reason) for one in conditions(wrong, before)}
    assert after["Ready"] == ("False", "SpecInvalid")
    assert after["Ingest"] == ("True", "Available")
    assert after["Database"] == ("True", "Provisioned")
    assert after.keys() == seen(WELL).keys()
    first = seen(wrong)
    assert first["Database"] == ("Unknown", "Pending"), "also on the first visit each is told"


def test_deletion_names_what_it_waits_for():
    found = Findings(deleting="It waits for PostgreSQL.", problems={status.DATABASE: ServerUnavailable("away")})
    assert seen(found)["Ready"] == ("False", "Deleting")
    assert message(found, "Progressing") == "It waits for PostgreSQL."


def test_a_condition_keeps_its_time_until_its_status_changes():
    before = settled(conditions(WELL), [], generation=1, now="2026-01-01T00:00:00Z")
    stuck = replace(WELL, rollouts=WELL.rollouts | {"ingest": STUCK})
    after = settled(conditions(stuck), before, generation=2, now="2026-01-01T01:00:00Z")
    changed = {one.type for one in after if one.last_transition_time == "2026-01-01T01:00:00Z"}
    assert changed == {"Ready", "Degraded", "Ingest", "DataPath"}
    assert {one.observed_generation for one in after} == {2}


def told(before: Findings | None, after: Findings) -> list[tuple[str, str]]:
    old: list[Condition] = conditions(before) if before else []
    return [(kind, reason) for kind, reason, _ in transitions(old, conditions(after))]


def test_events_on_transitions_only():
    coming = replace(WELL, rollouts={"ingest": COMING})
    stuck = replace(WELL, rollouts={"ingest": STUCK})
    rolling = replace(WELL, rollouts={"ingest": ROLLING})
    assert told(None, Findings()) == []
    assert told(Findings(), coming) == [], "how a new one comes up is told by its status"
    assert told(WELL, rolling) == [("Normal", "RollingOut")]
    assert told(rolling, WELL) == []
    assert told(coming, WELL) == [("Normal", "Ready")]
    assert told(WELL, WELL) == []
    assert told(WELL, stuck) == [("Warning", "NotAvailable")]
    assert told(stuck, stuck) == []
    assert told(stuck, WELL) == [("Normal", "Recovered"), ("Normal", "Ready")]
    assert told(WELL, replace(WELL, suspended=True)) == [("Normal", "Suspended")]
    assert told(replace(WELL, suspended=True), coming) == [("Normal", "RollingOut")]


def test_an_event_says_more_than_its_reason():
    for found in (replace(WELL, migration="running"), replace(WELL, ensured=False, migration="none")):
        for _, reason, text in transitions(conditions(WELL), conditions(found)):
            assert text != reason


def test_a_pause_says_that_nobody_looks_and_keeps_what_was_told_last():
    before = settled(conditions(WELL), [], generation=3, now="t0")
    told = paused(before, "t1")
    changed = {one.type: one for one in told if one not in before}
    assert {one.type for one in told} == {one.type for one in before}
    assert changed.keys() == {"Progressing"}
    assert (changed["Progressing"].status, changed["Progressing"].reason) == ("Unknown", "Paused")
    assert changed["Progressing"].observed_generation == 3
    assert paused(told, "t2") == told


def test_a_tenant_that_is_paused_from_the_first_is_not_ready_for_that():
    assert [(one.type, one.status, one.reason) for one in paused([], "t0")] == [
        ("Ready", "Unknown", "Paused"),
        ("Progressing", "Unknown", "Paused"),
    ]
