"""Nobody is worked on before everything was told once: what is not known yet would look as if it were missing."""

import asyncio

import structlog

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError
from handrail_operator.kube.kinds import Kind
from handrail_operator.watching import sweep
from handrail_operator.watching.cache import Children, Tenants

log = structlog.get_logger()

_LOOK_EVERY = 0.1
_LIST_EVERY = 3.0
"""Seconds."""
_STILL = 30
"""Looks without anything new, after which the list is made anew: what has ended since it was made is never told."""


async def opened(cluster: Cluster, kinds: tuple[Kind, ...], tenants: Tenants, children: Children) -> None:
    """Returns once every object of these kinds that there was is known, as late as it was when this was called."""
    for kind in kinds:
        while not await _told(cluster, kind, tenants, children):
            log.info("waiting for the first list to be told", kind=kind.plural)


async def _told(cluster: Cluster, kind: Kind, tenants: Tenants, children: Children) -> bool:
    try:
        wanted = await sweep.listed(cluster, kind)
    except ApiError as error:
        log.warning("waiting for the API server's list", kind=kind.plural, why=error.message)
        await asyncio.sleep(_LIST_EVERY)
        return False
    missing, still = len(wanted.objects) + 1, 0
    while still < _STILL:
        now = len(sweep.unseen(wanted, sweep.known(kind, tenants, children)))
        if not now:
            return True
        missing, still = now, still + 1 if now == missing else 0
        await asyncio.sleep(_LOOK_EVERY)
    return False
