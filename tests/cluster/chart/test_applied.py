"""What the chart renders, before a real API server: every document is taken as it stands, without a warning."""

import copy
import json
import secrets
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import binaries
from tests.cluster.chart.given import BUNDLED_AND_WATCHED, EVERYTHING, PRODUCTION, documented, rendered
from tests.cluster.chart.installation import Helm
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.pod_manifests import until

pytestmark = pytest.mark.cluster

NEIGHBOURS = Path(__file__).parent / "neighbours.yaml"
OTHERS = ("servicemonitors", "podmonitors", "prometheusrules", "httproutes")
RESTRICTED = {f"pod-security.kubernetes.io/{what}": "restricted" for what in ("enforce", "warn")}
Documents = list[dict[str, Any]]


@pytest.fixture(scope="module")
def taker(plane: ControlPlane) -> Iterator[ControlPlane]:
    """Knows the kinds of others, too."""
    kubectl(plane, "apply", "-f", str(NEIGHBOURS))
    try:
        until(lambda: served(plane) >= set(OTHERS), "the kinds of others")
        yield plane
    finally:
        kubectl(plane, "delete", "-f", str(NEIGHBOURS), "--wait=false")


def served(plane: ControlPlane) -> set[str]:
    return {line.partition(".")[0] for line in kubectl(plane, "api-resources", "-o", "name").splitlines()}


@pytest.fixture(scope="module")
def namespace(taker: ControlPlane) -> Iterator[str]:
    """For restricted pods alone; and the two that `helm test` would make."""
    name = f"chart-{secrets.token_hex(4)}"
    made = {name: RESTRICTED, "handrail-helm-test-a": {}, "handrail-helm-test-b": {}}
    for one, labels in made.items():
        document = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": one, "labels": labels}}
        kubectl(taker, "apply", "-f", "-", text=json.dumps(document))
    yield name
    kubectl(taker, "delete", "namespace", *made, "--wait=false")


def offer(plane: ControlPlane, documents: Documents) -> str:
    """What the API server says against them, all in one go; empty: nothing. Nothing of it is kept."""
    text = "\n---\n".join(json.dumps(one) for one in documents)
    done = subprocess.run(
        [binaries.kubectl(), f"--kubeconfig={plane.kubeconfig()}", "apply", "--server-side", "--dry-run=server",
         "--force-conflicts", "--field-manager=chart", "--warnings-as-errors", "-f", "-"],
        input=text, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    taken = [line for line in done.stdout.splitlines() if line.endswith("serverside-applied (server dry run)")]
    if done.returncode == 0 and len(taken) != len(documents):
        return f"{len(taken)} of {len(documents)} documents taken: {done.stdout}"
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    "values",
    [{}, BUNDLED_AND_WATCHED, documented(), PRODUCTION, EVERYTHING],
    ids=["default", "bundled and watched", "the page's", "production", "everything"],
)
def test_every_document_is_taken_without_a_warning(
    taker: ControlPlane, namespace: str, tmp_path: Path, values: dict[str, Any]
):
    documents = rendered(Helm(tmp_path / "none", tmp_path), values, namespace)
    assert len(documents) > 30
    assert offer(taker, documents) == ""


def test_everything_is_everything(tmp_path: Path):
    """No template is left out of what the API server is shown."""
    helm = Helm(tmp_path / "none", tmp_path)
    shown = {one["kind"] for values in (BUNDLED_AND_WATCHED, EVERYTHING) for one in rendered(helm, values)}
    assert shown == {
        "ClusterRole", "ClusterRoleBinding", "ConfigMap", "CustomResourceDefinition", "Deployment", "HTTPRoute",
        "HorizontalPodAutoscaler", "Ingress", "Job", "Namespace", "NetworkPolicy", "OnboardingTenant",
        "PodDisruptionBudget", "PodMonitor", "PrometheusRule", "Role", "RoleBinding", "Service",
        "ServiceAccount", "ServiceMonitor", "StatefulSet", "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }  # fmt: skip


def misspelt(kind: str, *path: str | int) -> Any:
    """The field at the end of the path with one letter more."""
    return pytest.param(kind, path, id=f"{kind} {'.'.join(map(str, path))}")


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        misspelt("Deployment", "spec", "template", "spec", "containers", 0, "readinessProbe"),
        misspelt("HorizontalPodAutoscaler", "spec", "behavior", "scaleDown"),
        misspelt("PodDisruptionBudget", "spec", "unhealthyPodEvictionPolicy"),
        misspelt("NetworkPolicy", "spec", "policyTypes"),
        misspelt("Ingress", "spec", "rules", 0, "http"),
        misspelt("ServiceMonitor", "spec", "endpoints", 0, "interval"),
        misspelt("PodMonitor", "spec", "podMetricsEndpoints"),
        misspelt("PrometheusRule", "spec", "groups", 0, "rules", 0, "for"),
        misspelt("HTTPRoute", "spec", "rules", 0, "timeouts", "request"),
        misspelt("OnboardingTenant", "spec", "deletionPolicy"),
    ],
)
def test_a_misspelt_field_would_be_seen(
    taker: ControlPlane, namespace: str, tmp_path: Path, kind: str, path: tuple[str | int, ...]
):
    found = rendered(Helm(tmp_path / "none", tmp_path), EVERYTHING, namespace)
    document = copy.deepcopy(next(one for one in found if one["kind"] == kind))
    place: Any = document
    for step in path[:-1]:
        place = place[step]
    place[f"{path[-1]}x"] = place.pop(path[-1])
    assert f"{path[-1]}x" in offer(taker, [document])


def test_a_warning_would_be_seen(taker: ControlPlane, namespace: str, tmp_path: Path):
    found = rendered(Helm(tmp_path / "none", tmp_path), {}, namespace)
    document = copy.deepcopy(next(one for one in found if one["kind"] == "Deployment"))
    document["spec"]["template"]["spec"]["securityContext"]["runAsNonRoot"] = False
    assert "violate PodSecurity" in offer(taker, [document])
