"""What a person would look at first when something in a cluster of the tests did not come about."""

import subprocess
from pathlib import Path

from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.pods.runner import Pods

_EVENTS = 80
_LINES = 15


def state(plane: ControlPlane, pods: Pods, *logs: Path) -> str:
    """Pods, the newest events, the ends of `logs`, and what control plane and node have to say for themselves."""
    events = _ask(plane, "get", "events", "-A", "--sort-by=.metadata.creationTimestamp").splitlines()[-_EVENTS:]
    own = [path for path in sorted(plane.folder.glob("*.log")) if path.name != "audit.log"]
    parts = [
        _ask(plane, "get", "pods", "-A", "-o", "wide"),
        "\n".join(events),
        _ask(plane, "get", "nodes", "-o", "wide"),
        f"ended and started again: {plane.ended}",
        pods.faults(),
        *(f"--- {path.name}\n{_last(path)}" for path in (*own, *logs)),
    ]
    return "\n".join(parts)


def _ask(plane: ControlPlane, *arguments: str) -> str:
    try:
        return kubectl(plane, *arguments)
    except subprocess.CalledProcessError as error:
        return f"{error}: {error.stderr}"


def _last(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-_LINES:])
