"""Plain watches of what stands for the tenants: a new tenant's children change some forty times, and Kopf, which has
to be ready for handlers of every sort, spends more on telling of that than a look at the tenant costs.

As a Kopf handler does, they pass on what they hear and decide nothing.
"""

import asyncio
import random

import structlog

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError, Gone
from handrail_operator.kube.kinds import Kind
from handrail_operator.watching.kopf_watches import Hear
from handrail_operator.watching.watched import selector

log = structlog.get_logger()

_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 10.0
"""Seconds."""


async def watch(cluster: Cluster, kind: Kind, hear: Hear) -> None:
    """Until cancelled. What a list names is heard as event None: what ended before it is never told."""
    pause = _FIRST_PAUSE
    at = ""
    while True:
        try:
            at = at or await _begin(cluster, kind, hear)
            async for event, thing in cluster.watch(kind, labels=selector(kind), resource_version=at):
                at = thing["metadata"]["resourceVersion"]
                pause = _FIRST_PAUSE
                if event != "BOOKMARK":
                    hear(kind, event, thing)
        except Gone:
            at = ""
        except ApiError as error:
            log.debug("a watch ended", kind=kind.plural, why=error.message)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
            pause = min(pause * 2, _LONGEST_PAUSE)
        # Also where it ends at once, again and again.
        await asyncio.sleep(random.uniform(0, _FIRST_PAUSE))  # noqa: S311 - no secret


async def _begin(cluster: Cluster, kind: Kind, hear: Hear) -> str:
    """The version to watch from."""
    at = ""
    async for page, version in cluster.pages(kind, labels=selector(kind)):
        at = version
        for thing in page:
            hear(kind, None, thing)
    return at
