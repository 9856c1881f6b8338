"""A tenant's objects edited or deleted by hand are as they were within moments, though the next resync is far."""

import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest
from tests.cluster.end_state import differences
from tests.cluster.kube_api import KubeApi, Object, eventually, tenant
from tests.cluster.stage import Stage

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

pytestmark = pytest.mark.cluster

NEVER = "3600"
"""Seconds until a resync."""
PROMISED = 5.0
"""Seconds to a repair, on a machine that has the time; a test waits longer and prints how long it was."""
WITHIN = 45.0
SPEC: dict[str, Any] = {"plan": "standard", "runtime": {"realtime": {"replicas": 1, "maxReplicas": 2}}}
"""With every kind of child, an autoscaler too."""

Edit = Callable[[KubeApi, str], None]
"""Of the objects in a namespace."""


def first(api: KubeApi, kind: Kind, space: str, beginning: str = "") -> Object:
    """One that the operator made."""
    made = api.list(kind, space, names.LABEL_TENANT)
    return next(one for one in made if one["metadata"]["name"].startswith(beginning))


def merged(kind: Kind, change: Object, name: str = "") -> Edit:
    return lambda api, space: void(api.merge(kind, space, first(api, kind, space, name)["metadata"]["name"], change))


def of_container(change: Callable[[Object], object]) -> Edit:
    """Of a Deployment, as `kubectl edit` does."""

    def edit(api: KubeApi, space: str) -> None:
        found = first(api, kinds.DEPLOYMENT, space, "ingest")
        containers = found["spec"]["template"]["spec"]["containers"]
        change(containers[0])
        api.merge(kinds.DEPLOYMENT, space, "ingest", {"spec": {"template": {"spec": {"containers": containers}}}})

    return edit


def emptied(api: KubeApi, space: str) -> None:
    found = first(api, kinds.SECRET, space, names.role_secret("ingest"))
    api.merge(kinds.SECRET, space, found["metadata"]["name"], {"data": dict.fromkeys(found["data"])})


def added_to_secret(api: KubeApi, space: str) -> None:
    api.merge(kinds.SECRET, space, names.KEYS_SECRET, {"data": {"more": "bW9yZQ=="}})


def of_namespace(change: Object) -> Edit:
    return lambda api, space: void(api.merge(kinds.NAMESPACE, None, space, change))


def deleted(kind: Kind) -> Edit:
    return lambda api, space: api.delete(kind, space, first(api, kind, space)["metadata"]["name"])


def void(_: object) -> None:
    pass


SECURITY = "pod-security.kubernetes.io/enforce"
LABELS = {"metadata": {"labels": {names.LABEL_MANAGED_BY: None}}}
OPEN: Object = {"spec": {"ingress": [{}], "egress": [{}]}}

EDITS: dict[str, Edit] = {
    "more environment": of_container(lambda one: one.setdefault("env", []).append({"name": "MORE", "value": "1"})),
    "another image": of_container(lambda one: one.update(image="elsewhere.example/miner:latest")),
    "a right more": of_container(lambda one: one["securityContext"].update(readOnlyRootFilesystem=False)),
    "scaled": merged(kinds.DEPLOYMENT, {"spec": {"replicas": 3}}, "ingest"),
    "a label of a Deployment": merged(kinds.DEPLOYMENT, LABELS, "agent"),
    "the tenant's label": merged(kinds.SERVICE, {"metadata": {"labels": {names.LABEL_TENANT: None}}}),
    "walls opened": merged(kinds.NETWORK_POLICY, OPEN),
    "a Secret emptied": emptied,
    "a Secret with more": added_to_secret,
    "more quota": merged(kinds.QUOTA, {"spec": {"hard": {"pods": "1000"}}}),
    "other limits": merged(kinds.LIMIT_RANGE, {"spec": {"limits": []}}),
    "a token for pods": merged(kinds.SERVICE_ACCOUNT, {"automountServiceAccountToken": True}),
    "another port": merged(kinds.SERVICE, {"spec": {"ports": [{"name": "other", "port": 1}]}}),
    "evictions at will": merged(kinds.DISRUPTION_BUDGET, {"spec": {"maxUnavailable": 5}}),
    "more pods": merged(kinds.AUTOSCALER, {"spec": {"maxReplicas": 50}}),
    "no pod security": of_namespace({"metadata": {"labels": {SECURITY: None}}}),
    "a privileged namespace": of_namespace({"metadata": {"labels": {SECURITY: "privileged"}}}),
} | {
    f"{kind.kind} deleted": deleted(kind)
    for kind in kinds.CHILDREN
    if kind not in (kinds.JOB, kinds.ROLE_BINDING)  # no Job is needed any more; no right is given to an administrator
}  # fmt: skip


def repaired(stage: Stage, name: str, expected: object) -> float:
    """Seconds. Raises AssertionError, with the difference."""
    began = time.monotonic()
    while differences(found := stage.looker.children(name), expected) and time.monotonic() - began < WITHIN:
        time.sleep(0.05)
    assert differences(found, expected) == []
    return time.monotonic() - began


def test_what_is_edited_or_deleted_by_hand_is_repaired(stage: Stage):
    name = stage.tenant(**SPEC)
    space = names.namespace(name)
    took: dict[str, float] = {}
    with stage.operator(None, resync=NEVER):
        stage.await_settled(name)
        expected = stage.looker.children(name)
        for what, edit in EDITS.items():
            edit(stage.api, space)
            took[what] = repaired(stage, name, expected)
        stage.await_settled(name)
        assert differences(stage.looker.children(name), expected) == []
    sys.stderr.write(f"repairs: slowest {max(took.values()):.1f} s, median {statistics.median(took.values()):.1f} s; ")
    sys.stderr.write(f"later than {PROMISED:.0f} s: {[what for what in took if took[what] > PROMISED]}\n")


def test_a_finalizer_that_was_removed_comes_back(stage: Stage):
    name = stage.tenant()
    with stage.operator(None, resync=NEVER):
        stage.await_settled(name)
        stage.api.merge(kinds.TENANT, None, name, {"metadata": {"finalizers": None}})
        eventually(lambda: names.FINALIZER in _finalizers(stage, name), "the finalizer is there again", WITHIN)


def test_a_strangers_objects_beside_ours_stay(stage: Stage):
    """What does not carry the tenant's labels is not pruned."""
    name = stage.tenant()
    space = names.namespace(name)
    with stage.operator(None, resync="1"):
        stage.await_settled(name)
        theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "theirs", "namespace": space}}
        before = stage.api.create(theirs)
        stage.api.apply(tenant(name, displayName="Another"))
        stage.await_settled(name)
    assert stage.api.get(kinds.SECRET, space, "theirs") == before


def _finalizers(stage: Stage, name: str) -> list[str]:
    found: list[str] = (stage.get(name) or {})["metadata"].get("finalizers", [])
    return found
