"""What is somebody else's is named in the status and not touched, and the tenant goes on once it is out of the way."""

import json
from typing import Any

import pytest
from tests.cluster.kube_api import Object, condition, eventually, tenant
from tests.cluster.operators import PLATFORM
from tests.cluster.stage import Stage

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

pytestmark = pytest.mark.cluster


def refused(stage: Stage, name: str, reason: str) -> str:
    """What the status says of it, to a person."""

    def ready() -> Object | None:
        found = condition(stage.get(name), "Ready")
        return found if found.get("reason") == reason else None

    told = eventually(ready, f"{name} is refused for {reason}; it says {stage.get(name)}") or {}
    degraded = condition(stage.get(name), "Degraded")
    assert (degraded["status"], degraded["reason"]) == ("True", reason)
    assert condition(stage.get(name), "Progressing")["status"] == "False"
    return str(told["message"])


def space(name: str, **labels: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


def in_it(stage: Stage, namespace: str) -> list[str]:
    """What the operator made there."""
    return [one["metadata"]["name"] for kind in kinds.CHILDREN for one in stage.api.list(kind, namespace, _OURS)]


_OURS = f"{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER}"


def test_a_namespace_of_somebody_else(stage: Stage):
    name = stage.name()
    namespace = names.namespace(name)
    before = stage.api.create(space(namespace, team="theirs"))
    stage.api.apply(tenant(name))
    with stage.operator():
        message = refused(stage, name, "NamespaceTaken")
        assert namespace in message
        assert names.LABEL_TENANT in message, "it says what to do"
        assert _as(before, stage.api.get(kinds.NAMESPACE, None, namespace))
        assert in_it(stage, namespace) == []
        stage.api.merge(kinds.NAMESPACE, None, namespace, {"metadata": {"labels": {names.LABEL_TENANT: name}}})
        stage.await_settled(name)
        labels = (stage.api.get(kinds.NAMESPACE, None, namespace) or {})["metadata"]["labels"]
        assert labels["team"] == "theirs"
        stage.api.delete(kinds.TENANT, None, name)
        eventually(lambda: stage.get(name) is None, f"{name} is gone")
        found = stage.api.get(kinds.NAMESPACE, None, namespace)
        assert found is not None, "a namespace that was there before stays"
        assert "deletionTimestamp" not in found["metadata"]
        assert in_it(stage, namespace) == []
    stage.api.delete(kinds.NAMESPACE, None, namespace)


def test_another_tenants_namespace(stage: Stage):
    first = stage.tenant()
    with stage.operator():
        stage.await_settled(first)
        second = stage.name()
        stage.api.create(space(names.namespace(second), **{names.LABEL_TENANT: first}))
        stage.api.apply(tenant(second))
        message = refused(stage, second, "NamespaceTaken")
        assert names.namespace(second) in message
        stage.await_settled(first)
        assert (stage.get(first) or {})["status"]["namespace"] == names.namespace(first), "it stays where it lives"
    stage.api.delete(kinds.NAMESPACE, None, names.namespace(second))


def test_a_home_relabelled_for_another_tenant_stays_the_home(stage: Stage):
    first, second = stage.tenant(), stage.name()
    home = names.namespace(first)
    with stage.operator():
        stage.await_settled(first)
        stage.api.merge(kinds.NAMESPACE, None, home, {"metadata": {"labels": {names.LABEL_TENANT: second}}})
        stage.api.apply(tenant(second))

        def relabelled() -> bool:
            found = stage.api.get(kinds.NAMESPACE, None, home) or {}
            return bool(found["metadata"]["labels"][names.LABEL_TENANT] == first)

        eventually(relabelled, "the home has its label back")
        stage.await_settled(first, second)
        assert (stage.get(first) or {})["status"]["namespace"] == home
        assert (stage.get(second) or {})["status"]["namespace"] == names.namespace(second)


@pytest.mark.parametrize("adopted", [False, True])
def test_a_status_that_names_another_namespace_moves_nobody(stage: Stage, adopted: bool):
    name = stage.name()
    theirs, home = f"theirs-{name}", f"home-{name}" if adopted else names.namespace(name)
    before = stage.api.create(space(theirs))
    if adopted:
        stage.api.create(space(home, **{names.LABEL_TENANT: name}))
    stage.api.apply(tenant(name))
    path, headers = f"{kinds.TENANT.path(None, name)}/status", {"Content-Type": "application/merge-patch+json"}
    with stage.operator(None, resync="3600"):
        stage.await_settled(name)
        for wrong in ("kube-system", PLATFORM, theirs, "nowhere"):
            stage.api.client.patch(path, json={"status": {"namespace": wrong}}, headers=headers).raise_for_status()
            stage.api.delete(kinds.SERVICE_ACCOUNT, home, names.RUNTIME_ACCOUNT)
            eventually(
                lambda: (
                    (stage.get(name) or {})["status"]["namespace"] == home
                    and stage.api.get(kinds.SERVICE_ACCOUNT, home, names.RUNTIME_ACCOUNT) is not None
                ),
                f"not {wrong} is its home, and what is missing there is made again",
            )
            assert condition(stage.get(name), "Ready")["status"] == "True"
        assert _as(before, stage.api.get(kinds.NAMESPACE, None, theirs))
        stage.api.client.patch(path, json={"status": {"namespace": theirs}}, headers=headers).raise_for_status()
        stage.api.delete(kinds.TENANT, None, name)
        eventually(lambda: stage.get(name) is None, f"{name} is gone")
        assert in_it(stage, home) == [] or not adopted
    for one in (theirs, home):
        stage.api.delete(kinds.NAMESPACE, None, one)


def test_a_home_that_lost_its_label_is_left_alone_until_it_has_it_again(stage: Stage):
    name = stage.name()
    home = f"home-{name}"
    stage.api.create(space(home, **{names.LABEL_TENANT: name}))
    stage.api.apply(tenant(name))
    with stage.operator():
        stage.await_settled(name)
        stage.api.merge(kinds.NAMESPACE, None, home, {"metadata": {"labels": {names.LABEL_TENANT: None}}})
        assert home in refused(stage, name, "NamespaceTaken")
        assert stage.api.get(kinds.NAMESPACE, None, names.namespace(name)) is None, "it does not move"
        stage.api.merge(kinds.NAMESPACE, None, home, {"metadata": {"labels": {names.LABEL_TENANT: name}}})
        stage.await_settled(name)
    stage.api.delete(kinds.NAMESPACE, None, home)


def test_nothing_of_a_namespace_is_touched_before_it_is_taken(stage: Stage, needed: dict[str, str]):
    name = stage.name()
    home = names.namespace(name)
    before = stage.api.create(space(home, **{names.LABEL_TENANT: name}))
    obstacles = [kinds.SERVICE, kinds.LIMIT_RANGE]
    for kind in obstacles:
        metadata = {"name": needed[kind.kind], "namespace": home}
        stage.api.create({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **THEIRS[kind]})
    stage.api.apply(tenant(name))
    with stage.operator(None, resync="3600"):
        message = refused(stage, name, "NameTaken")
        assert all(f"{kind.kind} {needed[kind.kind]}" in message for kind in obstacles), message
        assert _as(before, stage.api.get(kinds.NAMESPACE, None, home))
        assert in_it(stage, home) == []
        for kind in obstacles:
            stage.api.delete(kind, home, needed[kind.kind])
        stage.await_settled(name, within=25)
        labels = (stage.api.get(kinds.NAMESPACE, None, home) or {})["metadata"]["labels"]
        assert "pod-security.kubernetes.io/enforce" in labels
    stage.api.delete(kinds.NAMESPACE, None, home)


def test_a_deletion_touches_the_tenants_home_alone(stage: Stage):
    """Whoever copies labels of a tenant's objects, or asks for them, keeps what he has."""
    name, elsewhere = stage.tenant(), f"theirs-{stage.name()}"
    ours = {names.LABEL_TENANT: name, names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
    with stage.operator():
        stage.await_settled(name)
        before = stage.api.create(space(elsewhere, **ours))
        metadata = {"name": "theirs", "namespace": elsewhere, "labels": ours}
        deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, **THEIRS[kinds.DEPLOYMENT]}
        made = stage.api.create(deployment)
        stage.api.delete(kinds.TENANT, None, name)
        stage.await_gone(name)
        found = stage.api.get(kinds.DEPLOYMENT, elsewhere, "theirs")
        assert found is not None
        assert (found["metadata"]["uid"], found["spec"]) == (made["metadata"]["uid"], made["spec"])
        assert _as(before, stage.api.get(kinds.NAMESPACE, None, elsewhere))
    stage.api.delete(kinds.NAMESPACE, None, elsewhere)


THEIRS: dict[Kind, dict[str, Any]] = {
    kinds.SECRET: {"data": {"mine": "bWluZQ=="}},
    kinds.SERVICE_ACCOUNT: {},
    kinds.QUOTA: {"spec": {"hard": {"pods": "1"}}},
    kinds.LIMIT_RANGE: {"spec": {"limits": [{"type": "Pod", "max": {"cpu": "2"}}]}},
    kinds.NETWORK_POLICY: {"spec": {"podSelector": {}, "policyTypes": ["Egress"]}},
    kinds.SERVICE: {"spec": {"ports": [{"port": 80}]}},
    kinds.DISRUPTION_BUDGET: {"spec": {"maxUnavailable": 2, "selector": {"matchLabels": {"theirs": "1"}}}},
    kinds.DEPLOYMENT: {
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"theirs": "1"}},
            "template": {
                "metadata": {"labels": {"theirs": "1"}},
                "spec": {"containers": [{"name": "theirs", "image": "theirs"}]},
            },
        }
    },
}


@pytest.fixture
def needed(stage: Stage) -> dict[str, str]:
    """Kind -> a name that the operator gives an object of it, the tenant's own name left out."""
    name = stage.tenant()
    with stage.operator():
        stage.await_settled(name)
    found = {}
    for kind in THEIRS:
        made = stage.api.list(kind, names.namespace(name), _OURS)
        found[kind.kind] = min(one["metadata"]["name"] for one in made)
    return found


def test_a_name_that_somebody_else_has(stage: Stage, needed: dict[str, str]):
    """One tenant for each kind."""
    standing: dict[str, tuple[Kind, Object]] = {}
    for kind, content in THEIRS.items():
        name = stage.name()
        namespace = names.namespace(name)
        stage.api.create(space(namespace, **{names.LABEL_TENANT: name}))
        metadata = {"name": needed[kind.kind], "namespace": namespace}
        theirs = {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content}
        standing[name] = kind, stage.api.create(theirs)
        stage.api.apply(tenant(name))
    with stage.operator():
        for name, (kind, theirs) in standing.items():
            message = refused(stage, name, "NameTaken")
            assert kind.kind in message
            assert theirs["metadata"]["name"] in message
            assert names.namespace(name) in message
            stage.api.delete(kind, names.namespace(name), theirs["metadata"]["name"])
        for name in standing:
            stage.await_settled(name)


def test_theirs_is_not_touched_by_looks_and_by_deletion(stage: Stage, needed: dict[str, str]):
    name = stage.name()
    namespace = names.namespace(name)
    stage.api.create(space(namespace, **{names.LABEL_TENANT: name}))
    metadata = {"name": needed["Secret"], "namespace": namespace}
    theirs = stage.api.create({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, **THEIRS[kinds.SECRET]})
    stage.api.apply(tenant(name))
    with stage.operator(None, resync="1"):
        refused(stage, name, "NameTaken")
        stage.api.apply(tenant(name, displayName="Changed"))
        generation = (stage.get(name) or {})["metadata"]["generation"]
        eventually(
            lambda: (stage.get(name) or {})["status"]["observedGeneration"] == generation, "the change was looked at"
        )
        assert stage.api.get(kinds.SECRET, namespace, needed["Secret"]) == theirs
        stage.api.delete(kinds.TENANT, None, name)
        eventually(lambda: stage.get(name) is None, f"{name} is gone")
        assert stage.api.get(kinds.SECRET, namespace, needed["Secret"]) == theirs
    stage.api.delete(kinds.NAMESPACE, None, namespace)


def _as(before: Object, now: Object | None) -> bool:
    """Untouched by the operator: Kubernetes itself may have written its status."""
    assert now is not None
    managers = {entry["manager"] for entry in now["metadata"].get("managedFields", [])}
    assert names.FIELD_MANAGER not in managers, json.dumps(now["metadata"])
    return bool(before["metadata"]["labels"] == now["metadata"]["labels"] and before["spec"] == now["spec"])
