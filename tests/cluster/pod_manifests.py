"""Small manifests for tests of pods, and waiting."""

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from tests.cluster.local_cluster import LocalCluster

IMAGE = "python:test"
PATIENCE = 60.0
POD_IP = {"name": "POD_IP", "valueFrom": {"fieldRef": {"fieldPath": "status.podIP"}}}
T = TypeVar("T")


def python(code: str, **more: Any) -> dict[str, Any]:
    """A container that runs a line of Python."""
    return {"name": "main", "image": IMAGE, "command": ["python", "-c", code]} | more


def pod(namespace: str, name: str, container: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5} | spec,
    }


def deployment(namespace: str, name: str, container: Mapping[str, Any], replicas: int = 1, **spec: Any) -> Any:
    template = pod(namespace, name, container, **spec)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]},
        },
    }


def job(namespace: str, name: str, container: Mapping[str, Any], **spec: Any) -> dict[str, Any]:
    template = pod(namespace, name, container, restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"template": {"spec": template["spec"]}} | spec,
    }


def service(namespace: str, name: str, port: int, *, headless: bool = False) -> dict[str, Any]:
    spec = {"selector": {"app": name}, "ports": [{"port": port}]}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec | ({"clusterIP": "None"} if headless else {}),
    }


def secret(namespace: str, name: str, **values: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def until(look: Callable[[], T], what: str, seconds: float = PATIENCE, *, every: float = 0.1) -> T:
    """The first value that is something. `every`: seconds between looks. Raises TimeoutError."""
    deadline = time.monotonic() + seconds
    while not (found := look()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s; last: {found!r}")
        time.sleep(every)
    return found


def log(cluster: LocalCluster, namespace: str, name: str, *, seconds: float = PATIENCE) -> str:
    """A pod's whole log, once it has succeeded. Raises TimeoutError."""

    def over() -> bool:
        found = cluster.get("pod", name, "-n", namespace)
        return bool(found and found["status"].get("phase") in {"Succeeded", "Failed"})

    until(over, f"the end of {name}", seconds)
    return cluster.pods.logs(namespace, name)


def await_event(cluster: LocalCluster, namespace: str, name: str, reason: str, message: str) -> None:
    """Until it was told of an object. Raises TimeoutError."""

    def told() -> bool:
        found = cluster.get("events", "-n", namespace, "--field-selector", f"involvedObject.name={name}")
        return (reason, message) in [(one["reason"], one["message"]) for one in found]

    until(told, f"{reason} of {name}: {message}")
