"""What the operator is measured on: real servers, a real Kubernetes control plane, fake nodes where every pod runs, and
somebody who takes their events."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tests import warm
from tests.cluster import nodes, takers
from tests.cluster.control_plane import ControlPlane, kubectl, serve_definition
from tests.cluster.operators import PLATFORM, Workshop
from world import World, world

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster, Object
from handrail_operator.kube.errors import ApiError
from handrail_operator.kube.kinds import Kind

SPEC: dict[str, Any] = {"origins": ["https://app.example.test"], "plan": "small"}
"""The plan with one Deployment: what many tenants are."""
_PODS_PER_NODE = 500
_APPLIERS = 20


@dataclass
class Ground:
    servers: World
    plane: ControlPlane
    workshop: Workshop
    cluster: Cluster
    """For the benchmark itself, at no rate that counts."""

    async def apply(self, tenants: Sequence[str], uids: "dict[str, asyncio.Future[str]] | None" = None) -> None:
        """As by `kubectl apply`. `uids` hears of each as soon as it is stored."""
        gate = asyncio.Semaphore(_APPLIERS)

        async def one(name: str) -> None:
            async with gate:
                stored = await self.cluster.apply(manifest(name), manager="kubectl")
            if uids is not None:
                uids[name].set_result(stored["metadata"]["uid"])

        await asyncio.gather(*map(one, tenants))

    async def until_ready(self, count: int, within: float) -> None:
        """So many tenants. Raises TimeoutError."""
        await self._until(kinds.TENANT, "", is_ready, count, within)

    async def until_running(self, count: int, within: float) -> None:
        """So many tenants' Deployments have their pods. Raises TimeoutError."""
        await self._until(kinds.DEPLOYMENT, names.LABEL_TENANT, _runs, count, within)

    async def _until(self, kind: Kind, labels: str, holds: Callable[[Object], bool], count: int, within: float) -> None:
        """By a watch: to list a thousand again and again costs the API server, which is measured, a core."""
        good: set[str] = set()
        try:
            async with asyncio.timeout(within):
                while True:
                    with contextlib.suppress(ApiError):
                        # Each time from nowhere: then it begins with what there is.
                        watch = self.cluster.watch(kind, labels=labels, resource_version="")
                        async with contextlib.aclosing(watch):
                            async for event, thing in watch:
                                if event not in ("ADDED", "MODIFIED"):
                                    continue
                                (good.add if holds(thing) else good.discard)(thing["metadata"]["uid"])
                                if len(good) >= count:
                                    return
        except TimeoutError as error:
            raise TimeoutError(f"{len(good)} of {count} {kind.plural} are as wanted") from error


@contextlib.asynccontextmanager
async def ground(tenants: int) -> AsyncIterator[Ground]:
    """With room for so many."""
    async with world() as servers:
        plane = ControlPlane(servers.folder / "control-plane", audit=True, cores=os.cpu_count() or 1)
        try:
            await asyncio.to_thread(_start, plane, tenants)
            furnished = Workshop.furnished(servers.folder / "operator", servers.servers.access())
            workshop = replace(furnished, start=warm.start_for_real)
            # Pods that nobody runs take no events: somebody stands in for them, to the end, in every arm.
            with takers.taking(plane, servers.servers.access()):
                async with Cluster.connect(
                    kubeconfig=plane.kubeconfig(), requests_per_second=10_000, burst=10_000
                ) as cluster:
                    yield Ground(servers, plane, workshop, cluster)
        finally:
            await asyncio.to_thread(plane.stop)


def manifest(name: str) -> Object:
    spec = {"displayName": name, **SPEC}
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}


def is_ready(tenant: Object) -> bool:
    conditions = (tenant.get("status") or {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


def _runs(deployment: Object) -> bool:
    return int((deployment.get("status") or {}).get("availableReplicas", 0)) >= 1


def _start(plane: ControlPlane, tenants: int) -> None:
    plane.start()
    serve_definition(plane)
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLATFORM}}
    kubectl(plane, "apply", "-f", "-", text=json.dumps(space))
    nodes.add(plane, 1 + tenants // _PODS_PER_NODE)
