"""Fake nodes on which KWOK lets every pod run, and every pod of a Job come to its end, at once."""

from tests.cluster.control_plane import ControlPlane
from tests.cluster.kube_api import Object, eventually, opened

from handrail_operator.kube.kinds import Kind

NODES = Kind("v1", "Node", "nodes")
_ROOM = {"cpu": "100000", "memory": "1000Ti", "pods": "2000", "ephemeral-storage": "1000Ti"}


def add(plane: ControlPlane, count: int = 1, *, prefix: str = "fake") -> None:
    """Nodes with room for 2,000 pods each; those that are there stay. Raises TimeoutError."""
    with opened(plane) as api:
        for name in (f"{prefix}-{number}" for number in range(count)):
            if api.get(NODES, None, name) is None:
                api.create(_node(name))
        eventually(lambda: all(map(_is_ready, api.list(NODES, labels="type=kwok"))), "KWOK takes up its nodes")


def _is_ready(node: Object) -> bool:
    conditions = node.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _node(name: str) -> Object:
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
