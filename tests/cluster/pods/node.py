"""The node `local`: registered, ready, its lease renewed; folders for claims."""

import asyncio
import contextlib
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
from tests.cluster.binaries import VERSION
from tests.cluster.pods.api import PAUSE, Api, Key, NotThere, Object, Refused
from tests.cluster.pods.container import now

NAME = "local"
LEASE_SECONDS = 40
RENEW_EVERY = 10.0
_ROOM = {"cpu": "64", "memory": "256Gi", "pods": "250", "ephemeral-storage": "1Ti"}


async def register(api: Api, address: str) -> None:
    """Raises Refused."""
    labels = {"kubernetes.io/hostname": NAME, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
              "topology.kubernetes.io/zone": "local-a"}  # fmt: skip
    body = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NAME, "labels": labels}}
    with contextlib.suppress(Refused):
        await api.create("/api/v1/nodes", body)
    await api.patch(f"/api/v1/nodes/{NAME}/status", {"status": _status(address)})


async def renew(api: Api) -> None:
    """For ever: without it the controller manager counts the node as lost."""
    path = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    while True:
        moment = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": NAME, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": moment}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": NAME}, "spec": spec}
        with contextlib.suppress(Refused, httpx2.HTTPError):
            try:
                await api.patch(f"{path}/{NAME}", {"spec": spec}, "merge")
            except NotThere:
                await api.create(path, body)
        await asyncio.sleep(RENEW_EVERY)


async def provide(api: Api, claim: Object, folder: Path) -> None:
    """A volume for a claim that has none yet: the scheduler waits for one."""
    metadata = claim["metadata"]
    if claim["spec"].get("volumeName") or metadata.get("deletionTimestamp"):
        return
    reference = {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "name": metadata["name"],
                 "namespace": metadata["namespace"], "uid": metadata["uid"]}  # fmt: skip
    spec: dict[str, Any] = {
        "capacity": claim["spec"]["resources"]["requests"],
        "accessModes": claim["spec"]["accessModes"],
        "claimRef": reference,
        "persistentVolumeReclaimPolicy": "Retain",
        "hostPath": {"path": str(claim_folder(folder, (metadata["namespace"], metadata["name"])))},
        "storageClassName": claim["spec"].get("storageClassName", ""),
    }
    body = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": f"local-{metadata['uid']}"},
            "spec": spec}  # fmt: skip
    while True:
        try:
            await api.create("/api/v1/persistentvolumes", body)
        except Refused as error:
            # It stands there already. A server that is busy is asked again: nobody else would tell of this claim.
            if error.status < 500 and error.status != 429:
                return
        except httpx2.HTTPError:
            pass
        else:
            return
        await asyncio.sleep(PAUSE)


def claim_folder(folder: Path, claim: Key) -> Path:
    """Namespaces' names hold no dot."""
    return folder / "claims" / ".".join(claim)


def _status(address: str) -> Object:
    conditions = [
        {"type": kind, "status": said, "reason": reason, "lastHeartbeatTime": now(), "lastTransitionTime": now()}
        for kind, said, reason in (
            ("Ready", "True", "KubeletReady"),
            ("MemoryPressure", "False", "KubeletHasSufficientMemory"),
            ("DiskPressure", "False", "KubeletHasNoDiskPressure"),
            ("PIDPressure", "False", "KubeletHasSufficientPID"),
        )
    ]
    info = dict.fromkeys(("machineID", "systemUUID", "bootID", "kernelVersion"), "local")
    info |= {"osImage": "this machine", "containerRuntimeVersion": "process://1", "kubeletVersion": VERSION}
    info |= {"kubeProxyVersion": VERSION, "operatingSystem": "linux", "architecture": "amd64"}
    return {
        "capacity": _ROOM,
        "allocatable": _ROOM,
        "conditions": conditions,
        "addresses": [{"type": "InternalIP", "address": re.sub(r"^127\.", "10.", address)}],
        "nodeInfo": info,
    }
