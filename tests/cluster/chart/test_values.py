"""Values: what is misspelt or cannot be meant is refused by one line that names it; what is allowed renders."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.cluster import binaries
from tests.cluster.chart.given import EVERYTHING, PRODUCTION, documented, one, rendered
from tests.cluster.chart.installation import CHART, NAMESPACE, RELEASE, Helm, HelmFailed

from handrail_gateway import listening
from handrail_operator import installation
from handrail_operator.plans import DEFAULT

pytestmark = pytest.mark.cluster


TINY = PRODUCTION["plans"]["tiny"]


@pytest.fixture
def helm(tmp_path: Path) -> Helm:
    """Where no cluster is asked."""
    return Helm(tmp_path / "none", tmp_path)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"gatway": {}}, "gatway"),
        ({"gateway": {"replica": 2}}, "replica"),
        ({"gateway": {"replicas": "two"}}, "/gateway/replicas"),
        ({"gateway": {"replicas": 0}}, "/gateway/replicas"),
        ({"gateway": {"service": {"type": "Loadbalancer"}}}, "/gateway/service/type"),
        ({"gateway": {"trustedProxies": ["anybody"]}}, "/gateway/trustedProxies"),
        ({"gateway": {"autoscaling": {"enabled": True, "min": 5, "max": 2}}}, "gateway.autoscaling.max is below"),
        ({"gateway": {"ingress": {"enabled": True}}}, "gateway.ingress.host is needed"),
        ({"images": {"pullPolicy": "always"}}, "/images/pullPolicy"),
        ({"nats": {"bundled": False}}, "nats.url is needed"),
        ({"nats": {"url": "nats://nats.example.com:4222"}}, "set nats.bundled to false"),
        ({"nats": {"bundled": False, "url": "nats.example.com"}}, "/nats/url"),
        ({"nats": {"bundled": False, "url": "nats://me:secret@nats.example.com:4222"}}, "/nats/url"),
        ({"nats": {"storage": "ten gigabytes"}}, "/nats/storage"),
        ({"postgres": {"bundled": False}}, "postgres.existingSecret.name is needed"),
        ({"postgres": {"existingSecret": {"name": "mine"}}}, "set postgres.bundled to false"),
        ({"redis": {"bundled": False}}, "redis.existingSecret.name is needed"),
        ({"plans": {"tiny": {"eventsBytes": 1}}}, "limits"),
        ({"plans": {"tiny": PRODUCTION["plans"]["tiny"] | {"colour": "red"}}}, "colour"),
        (
            {"plans": {"tiny": PRODUCTION["plans"]["tiny"] | {"resources": {"agent": {"cpu": "1", "memory": "lots"}}}}},
            "lots",
        ),
        ({"plans": {"Bad Name": TINY}}, "Bad Name"),
        ({"plans": {"tiny": TINY | {"limits": {"eventPerSecond": 5}}}}, "eventPerSecond"),
        ({"plans": {"tiny": TINY | {"limits": {"sockets": -1}}}}, "sockets"),
        ({"plans": {"tiny": TINY | {"eventsBytes": -5}}}, "eventsBytes"),
        ({"plans": {"tiny": TINY | {"databaseConnections": 0}}}, "databaseConnections"),
        ({"nats": {"peers": [{"ipBlock": {"cdir": "10.0.0.0/8"}}]}}, "cdir"),
        ({"nats": {"peers": [{"podSelector": {"app": "nats"}}]}}, "app"),
        ({"nats": {"bundled": False, "url": "nats://nats.example.com:99999"}}, "/nats/url"),
        ({"images": {"tag": "a b"}}, "/images/tag"),
        ({"images": {"pullSecrets": ["a\nb"]}}, "/images/pullSecrets"),
        ({"networkPolicies": {"apiServer": {"cidrs": ["999.1.1.1/99"]}}}, "/networkPolicies/apiServer/cidrs"),
        ({"tenants": {"outbound": {"allowed": ["10.0.0.0/33"]}}}, "/tenants/outbound/allowed"),
        ({"operator": {"priorityClassName": "a\nhostNetwork: true"}}, "/operator/priorityClassName"),
        ({"gateway": {"ingress": {"className": "x\n  defaultBackend: {}"}}}, "/gateway/ingress/className"),
        ({"gateway": {"nodeSelector": {"pool": "a b"}}}, "/gateway/nodeSelector"),
        ({"networkPolicies": {"apiServer": {"ports": [0]}}}, "/networkPolicies/apiServer/ports"),
        ({"gateway": {"ingress": {"enabled": True, "host": "https://handrail.example.com"}}}, "/gateway/ingress/host"),
        ({"gateway": {"httpRoute": {"enabled": True}}}, "gateway.httpRoute.parentRefs is needed"),
        ({"gateway": {"httpRoute": {"parentRefs": [{"nme": "public"}]}}}, "nme"),
        ({"operator": {"tolerations": [{"kee": "platform"}]}}, "kee"),
        ({"operator": {"resources": {"limits": {"memroy": "1Gi"}}}}, "memroy"),
        ({"test": {"plan": "huge"}}, "none of the plans: business, small, standard"),
        ({"plans": PRODUCTION["plans"], "test": {"plan": "small"}}, "none of the plans: tiny"),
        ({"tenants": {"outbound": {"inside": [{"peers": []}]}}}, "port"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_and_named(helm: Helm, values: dict[str, Any], named: str):
    with pytest.raises(HelmFailed) as refused:
        rendered(helm, values)
    assert named in str(refused.value), str(refused.value)


@pytest.mark.parametrize(
    "network",
    ["10.0.0.0/8", "10.2.0.1/32", "0.0.0.0/0", "255.255.255.255/32", "fd00::/8", "::/0", "2001:db8::1/128"],
)
def test_networks_that_there_are(helm: Helm, network: str):
    told = {"apiServer": {"cidrs": [network]}}
    assert rendered(helm, {"networkPolicies": told, "tenants": {"outbound": {"allowed": [network, "llm.corp:8000"]}}})


def test_the_pages_plans_are_the_built_in_ones_and_one_more(helm: Helm, tmp_path: Path):
    found = rendered(helm, documented("plans.md"))
    path = tmp_path / "installation.yaml"
    path.write_text(one(found, "ConfigMap", "handrail-installation")["data"]["installation.yaml"])
    plans = installation.read(path).plans
    assert {name: plan for name, plan in plans.items() if name != "gold"} == DEFAULT
    assert plans["gold"].max_pods == 24


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"plans": {"gold": TINY}}, "there is no business, no small, no standard any more"),
        ({"monitoring": {"serviceMonitors": {"enabled": True}}}, "networkPolicies.monitoringNamespaces is empty"),
        ({"monitoring": {"rules": {"enabled": True}}}, "monitoring.rules.runbooks is no address"),
    ],
)
def test_what_would_go_wrong_later_is_said(helm: Helm, values: dict[str, Any], said: str):
    def notes(given: dict[str, Any]) -> str:
        return helm("install", RELEASE, str(CHART), "--dry-run=client", values=given).partition("\nNOTES:")[2]

    assert said in notes(values)
    assert "WARNING" not in notes({})


@pytest.mark.parametrize("values", [{}, PRODUCTION, EVERYTHING], ids=["default", "production", "everything"])
def test_what_the_operator_is_told_it_understands(helm: Helm, tmp_path: Path, values: dict[str, Any]):
    found = rendered(helm, values)
    path = tmp_path / "installation.yaml"
    path.write_text(one(found, "ConfigMap", "handrail-installation")["data"]["installation.yaml"])
    told = installation.read(path)
    assert told.runtime.image == (
        "registry.example.com/team/handrail/runtime:1.2.3" if values else "handrail/runtime:0.1.0"
    )
    assert told.network.nats.port == 4222
    assert set(told.plans) == ({"tiny"} if values else {"small", "standard", "business"})


@pytest.mark.parametrize("values", [{}, PRODUCTION, EVERYTHING], ids=["default", "production", "everything"])
def test_every_pod_is_a_restricted_one_with_probes_and_requests(helm: Helm, values: dict[str, Any]):
    pods = [
        (thing["metadata"]["name"], thing["spec"]["template"]["spec"], thing["kind"])
        for thing in rendered(helm, values)
        if thing["kind"] in ("Deployment", "StatefulSet", "Job")
    ]
    assert {name for name, _, _ in pods} >= {"handrail-operator", "handrail-gateway", "handrail-bootstrap"}
    for name, spec, kind in pods:
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["runAsUser"] > 0, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["enableServiceLinks"] is False, name
        for container in [*spec["containers"], *spec.get("initContainers", [])]:
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, name
            assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
            assert "memory" in container["resources"]["limits"], name
            assert container["command"], name
        if kind != "Job":
            assert {"livenessProbe", "readinessProbe"} <= set(spec["containers"][0]), name
    tokens = {name for name, spec, _ in pods if spec["automountServiceAccountToken"]}
    assert tokens == {"handrail-operator", "handrail-bootstrap", "handrail-may-uninstall", "handrail-selftest"}


def test_a_forwarded_port_reaches_the_gateway(helm: Helm):
    """It comes in by the pod's loopback."""
    pod = one(rendered(helm, {}), "Deployment", "handrail-gateway")["spec"]["template"]["spec"]
    host = next(one["value"] for one in pod["containers"][0]["env"] if one["name"] == "HANDRAIL_HOST")
    assert host == listening.ALL


def test_no_rights_by_wildcard_and_secrets_in_the_platforms_namespace_alone(helm: Helm):
    roles = [thing for thing in rendered(helm, EVERYTHING) if thing["kind"] in ("Role", "ClusterRole")]
    assert len(roles) > 5
    for role in roles:
        for rule in role["rules"]:
            assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], role["metadata"]["name"]
            if "secrets" in rule["resources"] and role["kind"] == "ClusterRole":
                assert role["metadata"]["name"] == "handrail-tenant-access", "bound in tenants' namespaces alone"
    bound = [thing for thing in rendered(helm, EVERYTHING) if thing["kind"] == "ClusterRoleBinding"]
    assert {thing["roleRef"]["name"] for thing in bound} == {"handrail-operator", "handrail-tenants-view"}


def test_the_gateways_ways_in_and_out(helm: Helm):
    """The whole document, for the pods that strangers reach."""
    dns = {
        "to": [
            {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
            }
        ],
        "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
    }
    tenants = {
        "to": [{"namespaceSelector": {"matchExpressions": [{"key": "handrail.dev/tenant", "operator": "Exists"}]}}],
        "ports": [{"protocol": "TCP", "port": 8080}],
    }
    whole = {
        "podSelector": {
            "matchLabels": {"app.kubernetes.io/name": "handrail-gateway", "app.kubernetes.io/instance": RELEASE}
        },
        "policyTypes": ["Ingress", "Egress"],
    }
    inside = {
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
        "podSelector": {"matchLabels": {"app.kubernetes.io/name": "handrail-nats"}},
    }
    assert one(rendered(helm, {}), "NetworkPolicy", "handrail-gateway")["spec"] == whole | {
        "ingress": [{"ports": [{"protocol": "TCP", "port": 8080}]}],
        "egress": [dns, {"to": [inside], "ports": [{"protocol": "TCP", "port": 4222}]}, tenants],
    }
    monitoring = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}
    assert one(rendered(helm, PRODUCTION), "NetworkPolicy", "handrail-gateway")["spec"] == whole | {
        "ingress": [
            {"ports": [{"protocol": "TCP", "port": 8080}]},
            {"from": [monitoring], "ports": [{"protocol": "TCP", "port": 8081}]},
        ],
        "egress": [
            dns,
            {"to": [{"ipBlock": {"cidr": "10.1.0.0/24"}}], "ports": [{"protocol": "TCP", "port": 4222}]},
            tenants,
        ],
    }


@pytest.mark.parametrize(("values", "plan"), [({}, "small"), (PRODUCTION, "tiny")], ids=["built-in", "own"])
def test_the_tests_tenants_have_a_plan_that_there_is(helm: Helm, values: dict[str, Any], plan: str):
    found = rendered(helm, values)
    assert one(found, "OnboardingTenant", "helm-test-a")["spec"]["plan"] == plan


def test_runbooks_are_found_whether_or_not_the_address_ends_with_a_slash(helm: Helm):
    for address in ("https://example.com/runbooks", "https://example.com/runbooks/"):
        found = rendered(helm, {"monitoring": {"rules": {"enabled": True, "runbooks": address}}})
        rule = one(found, "PrometheusRule", "handrail")["spec"]["groups"][0]["rules"][0]
        assert rule["annotations"]["runbook_url"] == "https://example.com/runbooks/handrailoperatorgone.md"


def test_helm_finds_nothing_to_complain_of(helm: Helm):
    for values in ({}, PRODUCTION, EVERYTHING):
        path = helm.folder / "given.json"
        path.write_text(json.dumps(values))
        done = subprocess.run(
            [binaries.helm(), "lint", "--strict", CHART, "--values", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout
