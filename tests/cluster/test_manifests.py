"""A tenant's objects before a real API server: taken without a word of warning, kept as they were written, and pods
that come up under the namespace's own rules."""

import copy
import json
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from secrets import token_hex
from typing import Any

import msgspec
import pytest
from tests.cluster import binaries
from tests.cluster.control_plane import ADMIN, ControlPlane, kubectl
from tests.operator.manifests import places
from tests.operator.manifests.test_secrets import ALL, REFERS, SMTP

from handrail_contracts import names
from handrail_operator.installation import Installation, decode
from handrail_operator.manifests import tenant
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.reconcile import handover
from handrail_operator.reconcile.difference import as_wanted

pytestmark = pytest.mark.cluster

NODES = 3
GIVEN: Installation = decode(
    places.INSTALLATION
    | {
        "runtime": {
            "image": "registry.test/handrail/runtime:1.2.3",
            "pullSecrets": ["registry"],
            "nodeSelector": {"type": "kwok"},
            "tolerations": [{"key": "kwok.x-k8s.io/node", "operator": "Exists", "effect": "NoSchedule"}],
            "priorityClass": "handrail-tenants",
        },
        "network": places.INSTALLATION["network"]
        | {
            "monitoring": {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "metrics"}}},
            "smtp": {"port": 587},
            "outboundAllowed": ["10.20.0.0/16", "[fd12::5]:8000", "llm.corp.test", "0.0.0.0/0"],
            "outboundInside": [{"port": 8000, "peers": [{"namespaceSelector": {}}]}],
        },
        "tenantAccess": {"serviceAccount": "handrail-operator", "clusterRole": "handrail-tenant"},
    }
)
SCALED = {"runtime": {role: {"replicas": 1, "maxReplicas": 2} for role in names.ROLES}}
CHILDREN = "rolebindings,serviceaccounts,resourcequotas,limitranges,networkpolicies,secrets,services,jobs,deployments"
CHILDREN += ",poddisruptionbudgets,horizontalpodautoscalers"


@pytest.fixture(scope="module")
def nodes(plane: ControlPlane) -> Iterator[None]:
    """Fake nodes of these tests' own, and the priority that the pods name."""
    things: list[Manifest] = [
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": "handrail-tenants"},
            "value": 1000,
        }
    ]
    for number in range(NODES):
        name = f"manifests-{number}"
        things.append(
            {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": name,
                    "annotations": {"kwok.x-k8s.io/node": "fake"},
                    "labels": {
                        "type": "kwok",
                        "kubernetes.io/hostname": name,
                        "topology.kubernetes.io/zone": f"zone-{number}",
                    },
                },
                "spec": {"taints": [{"key": "kwok.x-k8s.io/node", "value": "fake", "effect": "NoSchedule"}]},
            }
        )
    apply(plane, *things)
    yield
    kubectl(plane, "delete", "priorityclass/handrail-tenants", *(f"node/manifests-{n}" for n in range(NODES)))


@pytest.fixture
def acme(request: Any, plane: ControlPlane, nodes: None) -> Iterator[Place]:
    """A tenant whose place is made in the API server, up to what runs."""
    plan = getattr(request, "param", "standard")
    name = f"{plan}-{token_hex(4)}"
    spec = {"displayName": "Acme", "origins": ["https://app.acme.test"], "plan": plan, **REFERS, **SCALED}
    document = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}
    apply(plane, document)
    uid = get(plane, "otn", name)["metadata"]["uid"]
    of = places.place(
        places.spec(plan=plan, **REFERS, **SCALED),
        plan=plan,
        name=name,
        given=GIVEN,
        usable=ALL,
        smtp_url=SMTP,
        uid=uid,
    )
    apply(plane, tenant.namespace(name, uid))
    try:
        yield of
    finally:
        kubectl(plane, "delete", "--ignore-not-found", "otn", name)
        kubectl(plane, "delete", "--wait=false", "--ignore-not-found", "namespace", of.namespace)


def words(plane: ControlPlane, *manifests: Manifest) -> str:
    """What kubectl has to say when these are applied as the operator does it, by a strict reader: faults, warnings."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
    command = [str(binaries.kubectl()), f"--kubeconfig={plane.kubeconfig(ADMIN)}", "apply", "--server-side"]
    command += [f"--field-manager={names.FIELD_MANAGER}", "--validate=strict", "--force-conflicts", "-f", "-"]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=120).stderr


def apply(plane: ControlPlane, *manifests: Manifest) -> None:
    assert words(plane, *manifests) == ""


def get(plane: ControlPlane, *arguments: str) -> Any:
    return json.loads(kubectl(plane, "get", "-o", "json", *arguments))


def standing(plane: ControlPlane, of: Place) -> dict[tuple[str, str], Manifest]:
    selector = f"{names.LABEL_TENANT}={of.name},{names.LABEL_MANAGED_BY}={names.FIELD_MANAGER}"
    found = get(plane, CHILDREN, "-n", of.namespace, "-l", selector, "--show-managed-fields")["items"]
    return places.by_name(one for one in found if one["kind"] not in ("Pod", "ReplicaSet"))


def rolled_out(plane: ControlPlane, of: Place) -> None:
    for one in tenant.workloads(of):
        if one["kind"] == "Deployment":
            name = f"deployment/{one['metadata']['name']}"
            kubectl(plane, "-n", of.namespace, "rollout", "status", "--timeout=90s", name)


def images(plane: ControlPlane, of: Place) -> list[str]:
    """Of the runtime's pods that are not going."""
    pods = get(plane, "pods", "-n", of.namespace, "-l", f"{names.LABEL_COMPONENT}!={names.MIGRATE}")["items"]
    alive = [one for one in pods if "deletionTimestamp" not in one["metadata"]]
    return [one["spec"]["containers"][0]["image"] for one in alive]


def refused(plane: ControlPlane, thing: Manifest) -> str:
    """The API server's words."""
    with pytest.raises(subprocess.CalledProcessError) as caught:
        kubectl(plane, "create", "-f", "-", text=json.dumps(thing))
    return str(caught.value.stderr)


@pytest.mark.parametrize("acme", ["small", "standard"], indirect=True)
def test_all_of_it_is_taken_runs_and_is_updated_within_the_quota(plane, acme):
    wanted = tenant.everything(acme)
    apply(plane, *wanted)
    rolled_out(plane, acme)
    job = tenant.migration(acme)["metadata"]["name"]
    kubectl(plane, "-n", acme.namespace, "wait", "--timeout=60s", "--for=condition=Complete", f"job/{job}")

    found = standing(plane, acme)
    assert found.keys() == places.by_name(wanted).keys()
    # What the operator wrote is what it reads: nothing is dropped or completed that would look like a change.
    assert [key for key, one in places.by_name(wanted).items() if not as_wanted(one, found[key])] == []
    space = tenant.namespace(acme.name, acme.uid)
    assert as_wanted(space, get(plane, "namespace", acme.namespace, "--show-managed-fields"))

    # All at their largest, and then all of them exchanged at once.
    deployments = [name for kind, name in found if kind == "Deployment"]
    for name in deployments:
        kubectl(plane, "-n", acme.namespace, "scale", f"deployment/{name}", "--replicas=2")
    rolled_out(plane, acme)
    runtime = msgspec.structs.replace(GIVEN.runtime, image="registry.test/handrail/runtime:1.2.4")
    updated = replace(acme, installation=msgspec.structs.replace(GIVEN, runtime=runtime))
    apply(plane, *tenant.everything(updated))
    rolled_out(plane, updated)
    assert images(plane, updated) == ["registry.test/handrail/runtime:1.2.4"] * 2 * len(deployments)
    events = get(plane, "events", "-n", acme.namespace)["items"]
    assert [one["message"] for one in events if "exceeded quota" in one["message"]] == []

    # Suspended: no pods, and nothing that brings them back.
    asleep = replace(updated, spec=updated.spec.model_copy(update={"suspend": True}))
    kubectl(plane, "-n", acme.namespace, "delete", "horizontalpodautoscalers", "--all")
    apply(plane, *tenant.workloads(asleep))
    until(lambda: images(plane, asleep) == [])


def test_the_namespace_keeps_its_own_rules(plane, acme):
    apply(plane, *tenant.foundation(acme))
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "loose", "namespace": acme.namespace},
        "spec": {"containers": [{"name": "loose", "image": "busybox"}]},
    }
    assert 'violates PodSecurity "restricted:latest"' in refused(plane, pod)
    service: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "open", "namespace": acme.namespace},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }
    assert "exceeded quota" in refused(plane, service)
    service["spec"]["type"] = "NodePort"
    assert "exceeded quota" in refused(plane, service)
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "disk", "namespace": acme.namespace},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    assert "exceeded quota" in refused(plane, claim)


def test_a_fault_would_be_seen(plane, acme):
    """That nothing warns above says something only if warnings are there to be had."""
    apply(plane, *tenant.foundation(acme))
    deployment = tenant.workloads(acme)[0]
    unsafe = copy.deepcopy(deployment)
    del unsafe["spec"]["template"]["spec"]["securityContext"]["seccompProfile"]
    assert "would violate PodSecurity" in words(plane, unsafe)
    unknown = copy.deepcopy(deployment)
    unknown["spec"]["template"]["spec"]["containers"][0]["startupProb"] = {}
    assert '"startupProb"' in words(plane, unknown)


def test_an_autoscaler_takes_over_from_a_fixed_number_without_a_gap(plane, acme):
    fixed = replace(acme, spec=places.spec(runtime={"realtime": {"replicas": 3, "maxReplicas": 3}}))
    scaled = replace(acme, spec=places.spec(runtime={"realtime": {"replicas": 3, "maxReplicas": 4}}))
    wanted = places.by_name(tenant.workloads(scaled))["Deployment", "realtime"]
    apply(plane, *tenant.foundation(fixed), *tenant.workloads(fixed))
    rolled_out(plane, fixed)
    where = ("deployment", "realtime", "-n", acme.namespace)
    patch = handover.steps(wanted, get(plane, *where, "--show-managed-fields"))
    kubectl(plane, "patch", *where, "--subresource=scale", "--type=json", "-p", json.dumps(patch))
    apply(plane, *tenant.workloads(scaled))
    assert get(plane, *where)["spec"]["replicas"] == 4
    found = get(plane, *where, "--show-managed-fields")
    assert handover.steps(wanted, found) == []
    assert as_wanted(wanted, found)
    # And what it is for: without the first step, the number falls to the default.
    apply(plane, *tenant.workloads(fixed))
    apply(plane, *tenant.workloads(scaled))
    assert get(plane, *where)["spec"]["replicas"] == 1


def test_it_goes_with_its_tenant(plane, acme):
    apply(plane, *tenant.everything(acme))
    kubectl(plane, "delete", "--timeout=60s", "otn", acme.name)
    until(lambda: acme.namespace not in kubectl(plane, "get", "namespaces", "-o", "name"))


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "not within a minute"
        time.sleep(0.1)
