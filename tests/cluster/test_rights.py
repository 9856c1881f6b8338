"""The operator's rights: no more than it needs, and enough."""

import json
import secrets
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import nodes
from tests.cluster.chart.given import rendered
from tests.cluster.chart.installation import Helm
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.operators import INSTALLATION, Workshop
from tests.cluster.pod_manifests import until
from tests.conftest import RunningServers

from handrail_contracts import names
from handrail_operator import rights
from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster
ACCOUNT = "handrail-operator"
TENANT_ROLE = "handrail-tenant-access"
_OURS = ",".join(f"{kind.plural}.{kind.group}" if kind.group else kind.plural for kind in kinds.CHILDREN)
"""Kinds, as kubectl spells them."""


def role(kind: str, name: str, rules: list[Any], namespace: str = "") -> dict[str, Any]:
    return rbac(kind, name, namespace) | {"rules": rules}


def binding(kind: str, to: str, name: str, who: list[Any], namespace: str = "") -> dict[str, Any]:
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": to, "name": name}
    return rbac(kind, name, namespace) | {"roleRef": reference, "subjects": who}


def rbac(kind: str, name: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata}


def test_no_wildcards_and_no_secrets_of_others():
    for rules in (rights.of_cluster("tenants"), rights.in_tenants(), rights.in_platform(), rights.of_events()):
        for rule in rules:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]
    assert not any("secrets" in rule["resources"] for rule in rights.of_cluster("tenants"))
    assert not any("pods" in one for rule in rights.in_tenants() for one in rule["resources"])


@pytest.mark.parametrize("before", [False, True], ids=["own namespace", "namespace that was there before"])
def test_a_tenant_gets_ready_and_goes_with_these_rights(
    plane: ControlPlane, servers: RunningServers, tmp_path: Path, before: bool
):
    nodes.add(plane)
    platform = f"handrail-platform-{secrets.token_hex(4)}"
    grant(plane, platform)
    bounds = json.dumps({"apiVersion": "v1", "kind": "List", "items": admission(platform, tmp_path)})
    kubectl(plane, "apply", "-f", "-", text=bounds)
    access = {"serviceAccount": ACCOUNT, "clusterRole": TENANT_ROLE}
    workshop = Workshop.furnished(tmp_path, servers.access, {**INSTALLATION, "tenantAccess": access})
    name = f"t-{secrets.token_hex(4)}"
    space = names.namespace(name)
    spec = {"displayName": name, "origins": ["https://app.test"], "plan": "small", "deletionPolicy": "Delete"}
    document = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}
    try:
        with workshop.operator(as_account(plane, platform, tmp_path), namespace=platform) as operator:
            operator.await_ready()
            until(lambda: not may_make(plane, platform, f"{space}-other"), "the rules of admission hold")
            if before:
                kubectl(plane, "create", "namespace", space)
                kubectl(plane, "label", "namespace", space, f"{names.LABEL_TENANT}={name}")
            kubectl(plane, "apply", "-f", "-", text=json.dumps(document))
            kubectl(plane, "wait", "otn", name, "--for=condition=Ready", "--timeout=90s")
            assert may(plane, platform, "get", "secrets", f"-n={space}")
            for verb, what, where in (
                ("list", "secrets", "-A"),
                ("get", "secrets", "-n=kube-system"),
                ("create", "deployments", "-n=default"),
                ("create", "clusterrolebindings", "-A"),
                ("create", "pods", f"-n={space}"),
                ("create", "pods/exec", f"-n={space}"),
            ):
                assert not may(plane, platform, verb, what, where), (verb, what, where)
            kubectl(plane, "delete", "otn", name, "--timeout=60s")
            gone = (_OURS, "-n", space, "-l", names.LABEL_TENANT) if before else ("namespace", space)
            until(lambda: not kubectl(plane, "get", *gone, "--ignore-not-found"), "all of it is gone")
            said = operator.log.read_text()
            assert '"Forbidden"' not in said
            assert "garbage collector" not in said
    finally:
        kubectl(plane, "delete", "namespace", space, "--wait=false", "--ignore-not-found")
        kubectl(plane, "delete", "namespace", platform, "--wait=false")
        kubectl(plane, "delete", "clusterrole,clusterrolebinding", platform, TENANT_ROLE, "--ignore-not-found")
        kubectl(plane, "delete", "-f", "-", "--ignore-not-found", text=bounds)


def admission(platform: str, folder: Path) -> list[dict[str, Any]]:
    """The chart's rules for the account, beside its rights."""
    found = rendered(Helm(folder / "none", folder), {}, platform)
    return [one for one in found if one["kind"].startswith("ValidatingAdmissionPolicy")]


def may_make(plane: ControlPlane, platform: str, namespace: str) -> bool:
    """Whether the account could make a namespace that is no tenant's."""
    account = f"--as=system:serviceaccount:{platform}:{ACCOUNT}"
    try:
        kubectl(plane, "create", "namespace", namespace, account, "--dry-run=server")
    except subprocess.CalledProcessError:
        return False
    return True


def grant(plane: ControlPlane, platform: str) -> None:
    """As the chart does."""
    who = [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": platform}]
    made: list[dict[str, Any]] = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": platform}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": platform}},
        role("ClusterRole", TENANT_ROLE, rights.in_tenants()),
        role("ClusterRole", platform, rights.of_cluster(TENANT_ROLE)),
        binding("ClusterRoleBinding", "ClusterRole", platform, who),
    ]
    for namespace, rules in ((platform, rights.in_platform()), ("default", rights.of_events())):
        made += [role("Role", platform, rules, namespace), binding("RoleBinding", "Role", platform, who, namespace)]
    kubectl(plane, "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))


def as_account(plane: ControlPlane, platform: str, folder: Path) -> Path:
    """The administrator's kubeconfig with the account's token in it."""
    document = json.loads(plane.kubeconfig().read_text())
    token = kubectl(plane, "create", "token", ACCOUNT, "-n", platform, "--duration=1h").strip()
    document["users"][0]["user"] = {"token": token}
    path = folder / "account.kubeconfig"
    path.write_text(json.dumps(document))
    return path


def may(plane: ControlPlane, platform: str, verb: str, what: str, where: str) -> bool:
    try:
        answer = kubectl(plane, "auth", "can-i", verb, what, where, f"--as=system:serviceaccount:{platform}:{ACCOUNT}")
    except subprocess.CalledProcessError as error:
        answer = error.stdout
    return answer.strip() == "yes"
