"""What people do with the tenant itself: they pause it, or write into its status."""

import dataclasses

import pytest
from tests.cluster.end_state import differences
from tests.cluster.kube_api import Object, condition, eventually
from tests.cluster.operators import Workshop
from tests.cluster.stage import PATIENT, Stage

from handrail_cli.embedded.ports import free_port
from handrail_contracts import names
from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster

NEVER = "3600"
"""Seconds until a resync."""


def settled(stage: Stage, name: str) -> dict[str, Object]:
    """What it is made of, once nothing moves any more."""
    stage.await_settled(name)
    return stage.looker.children(name)


def test_a_paused_tenant_says_so_and_nothing_else_is_done(stage: Stage):
    name = stage.tenant()
    space = names.namespace(name)
    with stage.operator(None, resync=NEVER):
        expected = settled(stage, name)
        ready = condition(stage.get(name), "Ready")
        stage.pause(name)
        eventually(lambda: condition(stage.get(name), "Progressing").get("reason") == "Paused", "the status says so")
        stage.api.delete(kinds.SERVICE_ACCOUNT, space, names.RUNTIME_ACCOUNT)
        stage.api.merge(kinds.TENANT, None, name, {"spec": {"suspend": True}})
        told = [one["reason"] for one in stage.api.list(kinds.EVENT, "default") if one["regarding"]["name"] == name]
        assert told.count("Paused") == 1
        assert condition(stage.get(name), "Ready") == ready, "as old as the pause, and of the generation before"
        assert stage.api.get(kinds.SERVICE_ACCOUNT, space, names.RUNTIME_ACCOUNT) is None
        stage.api.merge(kinds.TENANT, None, name, {"spec": {"suspend": False}})
        stage.pause(name, paused=False)
        stage.await_settled(name)
        assert differences(stage.looker.children(name), expected) == []


@pytest.mark.parametrize("wrong", [None, {"namespace": "elsewhere", "conditions": []}], ids=["emptied", "rewritten"])
def test_a_status_that_somebody_wrote_is_told_again(stage: Stage, wrong: object):
    name = stage.tenant()
    # A probe of the data path that fails would be looked at again by itself.
    with stage.taking(), stage.operator(None, resync=NEVER):
        eventually(lambda: condition(stage.get(name), "DataPath").get("reason") == "Flowing", "all is well", PATIENT)
        path = f"{kinds.TENANT.path(None, name)}/status"
        headers = {"Content-Type": "application/merge-patch+json"}
        stage.api.client.patch(path, json={"status": wrong}, headers=headers).raise_for_status()
        stage.await_settled(name)
        assert (stage.get(name) or {})["status"]["namespace"] == names.namespace(name)


def test_a_deletion_that_others_hold_says_who(stage: Stage):
    name = stage.tenant()
    with stage.operator(None, resync=NEVER):
        stage.await_settled(name)
        held = [names.FINALIZER, "example.test/first", "example.test/second"]
        stage.api.merge(kinds.TENANT, None, name, {"metadata": {"finalizers": held}})
        stage.api.delete(kinds.TENANT, None, name)
        for left in (held[1:], held[2:]):
            if left != held[1:]:
                stage.api.merge(kinds.TENANT, None, name, {"metadata": {"finalizers": left}})

            def told(left: list[str] = left) -> bool:
                ready = condition(stage.get(name), "Ready")
                text = f"finalizers: {', '.join(left)}."
                return bool(ready["reason"] == "Deleting" and ready["message"].endswith(text))

            eventually(told, f"it says that {left} hold it; it says {condition(stage.get(name), 'Ready')}")
        stage.api.merge(kinds.TENANT, None, name, {"metadata": {"finalizers": None}})
        stage.await_gone(name)


def test_with_a_wrong_address_of_postgresql_tenants_are_repaired_and_get_nothing_of_it(stage: Stage):
    name = stage.tenant()
    space = names.namespace(name)
    with stage.operator(None, resync=NEVER):
        expected = settled(stage, name)
    wrong = dataclasses.replace(
        stage.looker.access, postgres_url=f"postgresql://postgres:wrong@127.0.0.1:{free_port(set())}/postgres"
    )
    elsewhere = Workshop.furnished(stage.folder / "elsewhere", wrong)
    with elsewhere.operator(stage.plane.kubeconfig(), resync=NEVER, first_retry="0.2", longest_retry="2") as operator:
        operator.await_ready()
        eventually(lambda: condition(stage.get(name), "Ready").get("reason") == "Unavailable", "it says so")
        assert differences(stage.looker.children(name), expected) == []
        stage.api.merge(kinds.DEPLOYMENT, space, names.ALL_ROLES, {"spec": {"replicas": 3}})
        eventually(lambda: not differences(stage.looker.children(name), expected), "an edited Deployment is repaired")
        stage.api.delete(kinds.DEPLOYMENT, space, names.ALL_ROLES)

        def made_again() -> bool:
            found = stage.api.get(kinds.DEPLOYMENT, space, names.ALL_ROLES)
            return found is not None and "deletionTimestamp" not in found["metadata"]

        eventually(made_again, "a deleted one is made again")
    with stage.operator(None, resync=NEVER):
        stage.await_settled(name)
        assert differences(stage.looker.children(name), expected) == []
