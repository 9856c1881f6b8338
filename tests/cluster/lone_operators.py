"""Operators that have a cluster and none of the servers: they lead, write to the cluster, and tell what is missing."""

from pathlib import Path

import msgspec
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.operators import PLATFORM, Workshop

from handrail_operator.provision.keyring import PlatformSecrets
from handrail_operator.provision.platform import Access

_NOWHERE = "127.0.0.1:1"


def lone_workshop(plane: ControlPlane, folder: Path) -> Workshop:
    """With the platform's namespace."""
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLATFORM}}
    kubectl(plane, "apply", "-f", "-", text=msgspec.json.encode(space).decode())
    nats, postgres, redis = f"nats://{_NOWHERE}", f"postgresql://a:b@{_NOWHERE}/x", f"redis://{_NOWHERE}"
    return Workshop.furnished(folder, Access(nats, postgres, redis, PlatformSecrets.new()))
