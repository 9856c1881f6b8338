"""Values that platform teams give: production's, and everything that can be switched on."""

import re
from pathlib import Path
from typing import Any

import yaml
from tests.cluster.chart.installation import CHART, NAMESPACE, RELEASE, Helm

_PAGES = Path(__file__).parents[3] / "docs" / "platform"
_BLOCK = re.compile(r"^```yaml\n(.*?)^```", re.MULTILINE | re.DOTALL)

PRODUCTION: dict[str, Any] = {
    "images": {"registry": "registry.example.com/team", "tag": "1.2.3", "pullSecrets": ["registry"]},
    "operator": {"replicas": 3, "priorityClassName": "platform", "nodeSelector": {"pool": "platform"}},
    "gateway": {
        "autoscaling": {"enabled": True, "min": 3, "max": 20},
        "ingress": {"enabled": True, "host": "handrail.example.com", "tlsSecret": "handrail-tls", "className": "nginx"},
        "trustedProxies": ["10.0.0.0/8"],
    },
    "nats": {"bundled": False, "url": "tls://nats.example.com:4222", "peers": [{"ipBlock": {"cidr": "10.1.0.0/24"}}]},
    "postgres": {"bundled": False, "existingSecret": {"name": "own-postgres"}},
    "redis": {"bundled": False, "existingSecret": {"name": "own-redis"}, "port": 6380},
    "mail": {"existingSecret": {"name": "own-mail"}, "from": "help@example.com"},
    "networkPolicies": {
        "apiServer": {"cidrs": ["10.2.0.1/32"], "ports": [6443]},
        "monitoringNamespaces": {"kubernetes.io/metadata.name": "monitoring"},
    },
    "plans": {
        "tiny": {
            "limits": {"eventsPerSecond": 10, "requestsPerMinute": 100, "sockets": 10},
            "eventsBytes": 1048576,
            "signalsBytes": 1048576,
            "databaseConnections": 8,
            "combined": True,
        }
    },
}
EVERYTHING = PRODUCTION | {
    "operator": PRODUCTION["operator"]
    | {
        "tolerations": [{"key": "platform", "operator": "Exists", "effect": "NoSchedule"}],
        "podAnnotations": {"example.com/team": "platform"},
    },
    "gateway": PRODUCTION["gateway"]
    | {
        "ingress": PRODUCTION["gateway"]["ingress"] | {"annotations": {"example.com/timeout": "3600"}},
        "httpRoute": {
            "enabled": True,
            "parentRefs": [{"name": "public", "namespace": "entries", "sectionName": "https"}],
            "hostnames": ["handrail.example.com"],
            "annotations": {"example.com/team": "platform"},
        },
        "service": {"type": "LoadBalancer", "port": 80, "annotations": {"example.com/internal": "true"}},
        "nodeSelector": {"pool": "entries"},
        "tolerations": [{"key": "entries", "operator": "Equal", "value": "yes"}],
        "podAnnotations": {"example.com/team": "platform"},
        "priorityClassName": "platform",
    },
    "postgres": PRODUCTION["postgres"] | {"peers": [{"ipBlock": {"cidr": "10.1.1.0/24"}}]},
    "redis": PRODUCTION["redis"] | {"peers": [{"podSelector": {"matchLabels": {"app": "redis"}}}]},
    "mail": PRODUCTION["mail"] | {"peers": [{"namespaceSelector": {"matchLabels": {"team": "mail"}}}]},
    "monitoring": {
        "serviceMonitors": {"enabled": True, "labels": {"release": "prometheus"}},
        "rules": {"enabled": True, "labels": {"release": "prometheus"}},
        "dashboard": {"enabled": True},
    },
    "tenants": {
        "nodeSelector": {"pool": "tenants"},
        "tolerations": [{"key": "tenants", "operator": "Exists"}],
        "priorityClassName": "low",
        "outbound": {"ports": [443, 8443], "allowed": ["10.3.0.0/16"], "inside": [{"port": 8000}]},
    },
    "rotation": "2026-11",
    "logFormat": "console",
}
BUNDLED_AND_WATCHED: dict[str, Any] = {
    "nats": {"storageClassName": "fast", "storage": "20Gi"},
    "postgres": {"storageClassName": "fast"},
    "operator": {"replicas": 1},
    "gateway": {"replicas": 1, "service": {"type": "NodePort"}},
    "monitoring": EVERYTHING["monitoring"],
    "networkPolicies": {"enabled": False},
}
"""The chart's own servers, one of each, with the monitors."""


def read(documents: str) -> list[Any]:
    """As Kubernetes reads YAML: by version 1.1 of it, where 0440 is octal."""
    return list(yaml.load_all(documents, Loader=yaml.CSafeLoader))


def documented(page: str = "production.md") -> dict[str, Any]:
    """Those of a page."""
    (block,) = _BLOCK.findall((_PAGES / page).read_text(encoding="utf-8"))
    (found,) = read(block)
    values: dict[str, Any] = found
    return values


def rendered(helm: Helm, values: dict[str, Any], namespace: str = NAMESPACE) -> list[dict[str, Any]]:
    """Every document, hooks and tests too. Raises HelmFailed."""
    text = helm("template", RELEASE, str(CHART), "--namespace", namespace, values=values)
    return [one for one in read(text) if one]


def one(found: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(thing for thing in found if (thing["kind"], thing["metadata"]["name"]) == (kind, name))
