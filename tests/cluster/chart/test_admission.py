"""What the operator's account may do with its rights over the whole cluster: whoever has its token gets no further."""

import json
import secrets
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from tests.cluster.chart.given import rendered
from tests.cluster.chart.installation import Helm
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.pod_manifests import until

from handrail_contracts import names

pytestmark = pytest.mark.cluster
KINDS = ("ClusterRole", "ClusterRoleBinding", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
POLICIES = ("handrail-operator-namespaces", "handrail-operator-rolebindings")
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}


@dataclass
class Thief:
    """Somebody with the token of the operator's account."""

    plane: ControlPlane
    platform: str

    def refused(self, *arguments: str, document: dict[str, Any] | None = None) -> str:
        """Why; empty: it was done."""
        text = json.dumps(document) if document else None
        try:
            kubectl(self.plane, *arguments, f"--as={self.account}", text=text)
        except subprocess.CalledProcessError as error:
            return str(error.stderr)
        return ""

    @property
    def account(self) -> str:
        return f"system:serviceaccount:{self.platform}:handrail-operator"

    def make(self, name: str, *how: str, **labels: str) -> str:
        return self.refused("create", "-f", "-", *how, document=space(name, labels))

    def bind(self, namespace: str, *how: str, **changes: Any) -> str:
        return self.refused("create", "-f", "-", *how, document=self.binding(namespace) | changes)

    def binding(self, namespace: str) -> dict[str, Any]:
        """As the operator makes it."""
        return {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "handrail-operator", "namespace": namespace},
            "roleRef": role("handrail-tenant-access"),
            "subjects": [{"kind": "ServiceAccount", "name": "handrail-operator", "namespace": self.platform}],
        }


def role(name: str, kind: str = "ClusterRole") -> dict[str, str]:
    return {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": name}


def space(name: str, labels: dict[str, str]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}


@pytest.fixture(scope="module")
def thief(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Thief]:
    """The chart's rights and its rules for them; gone after the tests."""
    platform = f"platform-{secrets.token_hex(4)}"
    folder = tmp_path_factory.mktemp("chart")
    documents = [one for one in rendered(Helm(folder / "none", folder), {}, platform) if one["kind"] in KINDS]
    text = "\n---\n".join(json.dumps(one) for one in documents)
    kubectl(plane, "create", "namespace", platform)
    kubectl(plane, "apply", "-f", "-", text=text)
    found = Thief(plane, platform)
    dry = "--dry-run=server"
    try:
        # Rules hold a moment after they were made.
        until(lambda: "handrail-operator-namespaces" in found.make(f"{platform}-probe", dry), "the rule for namespaces")
        until(lambda: "handrail-operator-rolebindings" in found.bind(platform, dry), "the rule for role bindings")
        yield found
    finally:
        kubectl(plane, "delete", "-f", "-", text=text)
        kubectl(plane, "delete", "namespace", platform, "--wait=false")


@pytest.fixture
def named(plane: ControlPlane) -> Iterator[str]:
    """A name for a namespace; gone after the test."""
    name = f"handrail-{secrets.token_hex(4)}"
    yield name
    kubectl(plane, "delete", "namespace", name, "--wait=false", "--ignore-not-found")


def tenants(tenant: str = "acme", **more: str) -> dict[str, str]:
    return {names.LABEL_TENANT: tenant} | RESTRICTED | more


def test_the_rules_are_well_formed(thief: Thief):
    """The API server compares each expression with the kinds it is for."""

    def looked_at(name: str) -> dict[str, Any]:
        found = json.loads(kubectl(thief.plane, "get", "validatingadmissionpolicy", name, "-o", "json"))
        return {"said": found["status"]["typeChecking"]} if "typeChecking" in found.get("status", {}) else {}

    for name in POLICIES:
        assert until(partial(looked_at, name), "the rule was looked at") == {"said": {}}


def test_a_tenants_namespace_is_made_bound_changed_and_ended(thief: Thief, named: str):
    assert thief.make(named, **tenants()) == ""
    assert thief.bind(named) == ""
    assert thief.refused("label", "namespace", named, "app.kubernetes.io/managed-by=handrail-operator") == ""
    assert thief.refused("label", "rolebinding", "handrail-operator", "-n", named, "a=b") == ""
    assert thief.refused("delete", "namespace", named, "--wait=false") == ""


def test_a_namespace_that_somebody_labelled_is_taken(thief: Thief, named: str):
    kubectl(thief.plane, "create", "namespace", named)
    kubectl(thief.plane, "label", "namespace", named, f"{names.LABEL_TENANT}=acme")
    assert thief.refused("label", "namespace", named, *(f"{key}={value}" for key, value in RESTRICTED.items())) == ""
    assert until(lambda: thief.bind(named) == "", "the label is known where role bindings are judged")


def test_a_tenants_namespace_gets_its_lost_label_back(thief: Thief, named: str):
    made = space(named, tenants())
    owner = {"apiVersion": names.API_VERSION, "kind": names.KIND, "name": named, "uid": secrets.token_hex(8)}
    made["metadata"]["ownerReferences"] = [owner]
    # Nobody has the uid: it would be collected as an orphan, had it no finalizer.
    made["metadata"]["finalizers"] = ["example.com/test"]
    kubectl(thief.plane, "create", "-f", "-", text=json.dumps(made))
    try:
        kubectl(thief.plane, "label", "namespace", named, f"{names.LABEL_TENANT}-")
        assert thief.refused("label", "namespace", named, f"{names.LABEL_TENANT}=acme") == ""
    finally:
        kubectl(thief.plane, "patch", "namespace", named, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


@pytest.mark.parametrize(
    "labels",
    [{}, RESTRICTED, {names.LABEL_TENANT: "acme"}, tenants() | {"pod-security.kubernetes.io/enforce": "privileged"}],
    ids=["without labels", "without a tenant", "for any pods", "for privileged pods"],
)
def test_no_other_namespace_is_made(thief: Thief, named: str, labels: dict[str, str]):
    assert "no others" in thief.make(named, **labels)


def test_a_strangers_namespace_is_not_touched(thief: Thief, named: str):
    kubectl(thief.plane, "create", "namespace", named)
    labels = [f"{key}={value}" for key, value in tenants().items()]
    assert "no others" in thief.refused("label", "namespace", named, *labels)
    assert "no others" in thief.refused("delete", "namespace", named)
    assert "in no others" in thief.bind(named)
    assert json.loads(kubectl(thief.plane, "get", "rolebindings", "-n", named, "-o", "json"))["items"] == []


@pytest.mark.parametrize("reserved", ["kube-system", "kube-node-lease", "default", "platform"])
def test_reserved_namespaces_are_not_touched_whatever_they_bear(thief: Thief, reserved: str):
    name = thief.platform if reserved == "platform" else reserved
    for label in (f"{names.LABEL_TENANT}=acme", f"{names.LABEL_TENANT}-"):
        kubectl(thief.plane, "label", "namespace", name, label)
        assert "namespaces of the cluster and of the platform" in thief.bind(name)
        assert "namespaces of the cluster and of the platform" in thief.refused("label", "namespace", name, "a=b")
        deleted = thief.refused("delete", "namespace", name, "--dry-run=server")
        # Some of them Kubernetes itself keeps.
        assert "namespaces of the cluster and of the platform" in deleted or "may not be deleted" in deleted


def test_a_tenants_label_does_not_come_off(thief: Thief, named: str):
    assert thief.make(named, **tenants()) == ""
    assert "no others" in thief.refused("label", "namespace", named, f"{names.LABEL_TENANT}-")
    assert "no others" in thief.refused("label", "namespace", named, "pod-security.kubernetes.io/enforce-")


def test_rights_are_its_own_and_for_itself(thief: Thief, named: str):
    assert thief.make(named, **tenants()) == ""
    (own,) = thief.binding(named)["subjects"]
    user = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "eve"}
    for subjects in ([own | {"name": "default"}], [own | {"namespace": named}], [own, user], [user], []):
        assert "to itself and to nobody else" in thief.bind(named, subjects=subjects)
    # Rights that it holds itself could be handed on without leave to bind.
    assert "no other role" in thief.bind(named, roleRef=role("handrail-operator"))
    assert thief.bind(named) == ""
    more = json.dumps({"subjects": [own, user]})
    patched = thief.refused("patch", "rolebinding", "handrail-operator", "-n", named, "--type=merge", "-p", more)
    assert "to itself and to nobody else" in patched


def test_others_are_not_bound_by_it(thief: Thief, named: str):
    kubectl(thief.plane, "create", "namespace", named)
    kubectl(thief.plane, "create", "rolebinding", "people", "-n", named, "--clusterrole=view", "--user=ann")
    kubectl(thief.plane, "label", "namespace", named, "a=b")
