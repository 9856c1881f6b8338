"""What is written while a server is away."""

from dataclasses import replace
from typing import Any

import pytest
from tests.operator.manifests import places

from handrail_contracts import names
from handrail_operator.manifests import tenant
from handrail_operator.reconcile import keeping, steps

Object = dict[str, Any]


ELSEWHERE = replace(places.ACCESS, postgres_url="postgresql://postgres:secret@elsewhere:5432/postgres")
"""As an operator has it that was given another address."""


def everything(**place: Any) -> list[Object]:
    made = places.place(**place)
    return [*tenant.foundation(made), *tenant.workloads(made)]


@pytest.fixture
def standing() -> dict[steps.Key, Object]:
    return {steps.key(one): one for one in everything()}


def changed(wanted: list[Object], standing: dict[steps.Key, Object]) -> set[str]:
    return {f"{one['kind']} {one['metadata']['name']}" for one in steps.applied(wanted, standing)}


def test_credentials_that_were_not_tried_reach_no_pod(standing):
    wanted = everything(access=ELSEWHERE)
    secrets = {f"Secret {names.role_secret(role)}" for role in (*names.ROLES, names.MIGRATE)}
    assert changed(wanted, standing) == secrets | {f"Deployment {role}" for role in names.ROLES}
    assert changed(keeping.held(wanted, standing), standing) == set()


def test_what_was_edited_or_deleted_is_repaired_with_the_credentials_before(standing):
    before = standing["deployments", "ingest"]
    standing["deployments", "ingest"] = before | {"spec": before["spec"] | {"replicas": 7}}
    del standing["deployments", "agent"], standing["serviceaccounts", names.RUNTIME_ACCOUNT]
    written = keeping.held(everything(access=ELSEWHERE), standing)
    repaired = {"Deployment ingest", "Deployment agent", f"ServiceAccount {names.RUNTIME_ACCOUNT}"}
    assert changed(written, standing) == repaired
    assert before in written


def test_no_pod_is_exchanged(standing):
    wanted = everything(given=places.installation({"image": "registry.test/handrail/runtime:9"}))
    assert changed(wanted, standing) >= {f"Deployment {role}" for role in names.ROLES}
    assert changed(keeping.held(wanted, standing), standing) == set()


def test_at_first_all_is_written():
    wanted = everything()
    assert keeping.held(wanted, {}) == wanted
