"""Deployments and what goes with them: how to find them, how many, how few at least."""

from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.manifests import pods
from handrail_operator.manifests.migration import migration_key
from handrail_operator.manifests.objects import child
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.manifests.sizes import Size

_BUSY = 70
"""Percent of the CPU that is asked for, above which one more comes."""


def deployment(place: Place, size: Size) -> Manifest:
    spec: dict[str, Any] = {
        "revisionHistoryLimit": 2,
        # Longer than a pod is given to start.
        "progressDeadlineSeconds": 300,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "selector": {"matchLabels": pods.selector(place, size.component)},
        "template": pods.runtime(place, size),
    }
    if not size.scales:  # else the autoscaler's word would be taken back at each apply
        spec["replicas"] = size.replicas
    return child(
        place,
        kinds.DEPLOYMENT,
        size.component,
        component=size.component,
        labels={names.LABEL_VERSION: place.version_label},
        annotations={names.ANNOTATION_MIGRATED: migration_key(place)},
        spec=spec,
    )


def autoscaler(place: Place, size: Size) -> Manifest:
    metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": _BUSY}}
    return child(
        place,
        kinds.AUTOSCALER,
        size.component,
        component=size.component,
        spec={
            "scaleTargetRef": {
                "apiVersion": kinds.DEPLOYMENT.api_version,
                "kind": kinds.DEPLOYMENT.kind,
                "name": size.component,
            },
            "minReplicas": size.replicas,
            "maxReplicas": size.most,
            "metrics": [{"type": "Resource", "resource": metric}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 300}},
        },
    )


def disruption_budget(place: Place, size: Size) -> Manifest:
    """One at a time. A pod that is not ready holds no node up: what it waits for may never come."""
    return child(
        place,
        kinds.DISRUPTION_BUDGET,
        size.component,
        component=size.component,
        spec={
            "maxUnavailable": 1,
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": pods.selector(place, size.component)},
        },
    )


def realtime_service(place: Place, size: Size) -> Manifest:
    """Headless: its name leads to every instance that is ready, and the gateway chooses one for each user."""
    return child(
        place,
        kinds.SERVICE,
        names.REALTIME_SERVICE,
        component=size.component,
        spec={
            "clusterIP": "None",
            "selector": pods.selector(place, size.component),
            "ports": [
                {
                    "name": "http",
                    "protocol": "TCP",
                    "port": names.RUNTIME_PORT,
                    "targetPort": names.RUNTIME_PORT,
                }
            ],
        },
    )
