"""Fake nodes on which KWOK lets every pod run, and every pod of a Job come to its end, at once."""

import json
import subprocess

from tests.cluster.control_plane import ControlPlane, kubectl

_ROOM = {"cpu": "100000", "memory": "1000Ti", "pods": "2000", "ephemeral-storage": "1000Ti"}


def add(plane: ControlPlane, count: int = 1, *, prefix: str = "fake") -> None:
    """Nodes with room for 2,000 pods each; those that are there stay."""
    wanted = [_node(f"{prefix}-{number}") for number in range(count)]
    kubectl(plane, "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": wanted}))
    try:
        kubectl(plane, "wait", "--for=condition=Ready", "--timeout=60s", "node", "-l", "type=kwok")
    except subprocess.CalledProcessError as error:
        raise TimeoutError(f"KWOK did not take up its nodes: {error.stderr}") from error


def _node(name: str) -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {"type": "kwok", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "status": {"allocatable": _ROOM, "capacity": _ROOM},
    }
