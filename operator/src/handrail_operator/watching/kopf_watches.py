"""Kopf, used for what it does best: a list and a watch of tenants that go on over everything. It
is told to write nothing.

Its handlers hear of single events, so they only pass them on; all decisions are in the reconcile, which looks at the
whole (`reconcile.reconciler`). Nothing of ours is kept in annotations or status by it, and it adds no finalizer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import kopf
from kopf._core.reactor.inventory import ResourceMemories, ResourceMemory

from handrail_contracts import names
from handrail_operator.kube.access import Access
from handrail_operator.kube.kinds import TENANT, Kind

Hear = Callable[[Kind, str | None, dict[str, Any]], None]


def settings() -> kopf.OperatorSettings:
    """Times in seconds."""
    found = kopf.OperatorSettings()
    found.peering.standalone = True
    found.posting.enabled = False
    # The kinds are known; neither definitions nor namespaces need be watched for their sake.
    found.scanning.disabled = True
    found.watching.server_timeout = 300
    found.watching.client_timeout = 310
    found.watching.connect_timeout = 30
    found.watching.inactivity_timeout = 70
    found.watching.chunk_size = 500
    found.networking.request_timeout = 60
    found.networking.connect_timeout = 10
    found.networking.error_backoffs = (0.2, 0.5, 1, 2, 3, 5, 5, 10)
    found.queueing.worker_limit = None
    # Each object gets a task of its own; one that lingers keeps the object in memory.
    found.queueing.idle_timeout = 0.05
    found.persistence.finalizer = names.UNUSED_FINALIZER
    found.persistence.diffbase_storage = _NothingKept()
    found.process.ultimate_exiting_timeout = None
    return found


def registry(hear: Hear, access: Access) -> kopf.OperatorRegistry:
    """`access`: read anew each time Kopf logs in, which is when the API server refuses it."""
    made = kopf.OperatorRegistry()

    @kopf.on.login(registry=made)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        await access.load()
        return kopf.ConnectionInfo(**await access.for_kopf())

    _listen(made, TENANT, hear)
    return made


async def run(hear: Hear, access: Access, *, started: Callable[[], None]) -> None:
    """Watches until it is cancelled; ends by itself only when it cannot go on, and raises why. In the end it cancels
    every task that was begun after it. `started`: called when Kopf has set up its handlers of signals."""
    before = asyncio.all_tasks()
    tasks = await kopf.spawn_tasks(
        registry=registry(hear, access), settings=settings(), memories=_Forgetful(), clusterwide=True
    )
    started()
    await kopf.run_tasks(tasks, ignored=before)


def _listen(made: kopf.OperatorRegistry, kind: Kind, hear: Hear) -> None:
    async def heard(event: kopf.RawEvent, **_: Any) -> None:
        hear(kind, event["type"], cast("dict[str, Any]", event["object"]))

    on: Any = kopf.on.event(kind.group, kind.version, kind.plural, id=kind.plural, registry=made)
    handler: Callable[..., Awaitable[None]] = heard
    on(handler)


class _NothingKept(kopf.DiffBaseStorage):
    """No handler asks what has changed, so nothing is copied, compared or kept for it."""

    def build(self, **_: Any) -> kopf.BodyEssence:
        return cast("kopf.BodyEssence", {})

    def fetch(self, **_: Any) -> kopf.BodyEssence | None:
        return None

    def store(self, **_: Any) -> None:
        return


class _Forgetful(ResourceMemories):
    """Kopf would keep two kilobytes for each object, for handlers of other sorts than ours."""

    async def recall(self, raw_body: Any, **more: Any) -> ResourceMemory:
        return await super().recall(raw_body, **more | {"ephemeral": True})
