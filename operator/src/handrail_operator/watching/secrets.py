"""Secrets of the tenants' namespaces: that something happened to one is a reason to look; its version is all that is
kept.

One watch a namespace, because the operator may read Secrets nowhere else; metadata alone, so that no Secret is ever
in its memory on this way.
"""

import asyncio
import random

import structlog

from handrail_contracts import names
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError, Gone
from handrail_operator.kube.kinds import SECRET
from handrail_operator.watching.cache import key_of, version
from handrail_operator.watching.echoes import Echoes
from handrail_operator.watching.secret_versions import SecretVersions
from handrail_operator.watching.told import Touch

log = structlog.get_logger()

_FIRST_PAUSE = 0.5
_LONGEST_PAUSE = 60.0
"""Seconds. At first the operator has no right in a namespace that it has just made."""


class SecretWatches:
    """`set` what is to be watched; `run` watches it until it is cancelled."""

    def __init__(self, cluster: Cluster, touch: Touch, echoes: Echoes, versions: SecretVersions) -> None:
        self._cluster = cluster
        self._echoes = echoes
        self._versions = versions
        self._touch = touch
        self._wanted: dict[str, set[str]] = {}
        self._running: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._changed = asyncio.Event()

    def set(self, tenant: str, namespaces: set[str]) -> None:
        """The namespaces of one tenant; none ends its watches."""
        if namespaces:
            self._wanted[tenant] = namespaces
        else:
            self._wanted.pop(tenant, None)
        self._changed.set()

    def count(self) -> int:
        """Watches that run."""
        return len(self._running)

    async def run(self) -> None:
        """Each watch is a task of this one."""
        async with asyncio.TaskGroup() as group:
            while True:
                self._changed.clear()
                wanted = {(tenant, space) for tenant, spaces in self._wanted.items() for space in spaces}
                for gone in self._running.keys() - wanted:
                    self._running.pop(gone).cancel()
                    self._versions.ends(gone)
                for tenant, space in wanted - self._running.keys():
                    task = group.create_task(self._watch(tenant, space), name=f"secrets of {space}")
                    self._running[tenant, space] = task
                await self._changed.wait()

    async def _watch(self, tenant: str, namespace: str) -> None:
        pause = _FIRST_PAUSE
        # From nowhere: then it begins with what there is.
        at = ""
        while True:
            if not at:
                self._versions.begins((tenant, namespace))
            try:
                async for event, thing in self._cluster.watch(
                    SECRET, namespace, labels=names.LABEL_USE, resource_version=at, metadata_only=True
                ):
                    at = thing["metadata"]["resourceVersion"]
                    pause = _FIRST_PAUSE
                    self._versions.tells((tenant, namespace), event, thing)
                    if event != "BOOKMARK" and self._echoes.is_news(key_of(SECRET, thing), version(thing)):
                        self._touch(tenant, urgent=True)
                # Those of many namespaces that were begun together must not all come back together.
                await asyncio.sleep(random.uniform(0, _FIRST_PAUSE))  # noqa: S311 - no secret
            except Gone:
                at = ""
                # What ended meanwhile is never told.
                self._touch(tenant)
            except ApiError as error:
                self._versions.breaks((tenant, namespace))
                log.debug("watch of Secrets ended", namespace=namespace, why=error.message)
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
                pause = min(pause * 2, _LONGEST_PAUSE)
