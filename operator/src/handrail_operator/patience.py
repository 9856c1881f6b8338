"""Waits for what is not there yet, and says once what that is."""

import asyncio

import structlog

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError, Forbidden, NotFound, Unauthorized
from handrail_operator.kube.kinds import TENANT, Kind
from handrail_operator.watching.watched import KINDS, selector

log = structlog.get_logger()

_PAUSE = 2.0
_REMIND_EVERY = 60.0
"""Seconds."""


async def await_cluster(cluster: Cluster) -> None:
    """Returns once everything that is to be watched can be listed."""
    said = ""
    silent = 0.0
    while (why := await _lacking(cluster)) is not None:
        silent += _PAUSE
        if why != said or silent >= _REMIND_EVERY:
            log.warning("waiting for the cluster", why=why)
            said, silent = why, 0.0
        await asyncio.sleep(_PAUSE)
    if said:
        log.info("the cluster is there")


async def _lacking(cluster: Cluster) -> str | None:
    for kind in KINDS:
        try:
            await cluster.now(kind, labels=selector(kind))
        except ApiError as error:
            return _meaning(kind, error)
    return None


def _meaning(kind: Kind, error: ApiError) -> str:
    match error:
        case NotFound() if kind == TENANT:
            return f"the definition of {kind.kind} is missing: kubectl apply -f crds/, or install the chart"
        case NotFound():
            return f"the API server does not know {kind.plural} of {kind.api_version}"
        case Forbidden():
            return f"the operator's account may not list {kind.plural}: {error.message}"
        case Unauthorized():
            return f"the API server does not take the operator's credentials: {error.message}"
        case _:
            return error.message
