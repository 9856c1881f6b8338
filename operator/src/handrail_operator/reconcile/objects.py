"""A tenant's children written and taken away."""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from handrail_contracts import names
from handrail_operator.errors import ApplyRefused
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import Forbidden, Invalid
from handrail_operator.reconcile import difference, handover, steps
from handrail_operator.reconcile.steps import Key
from handrail_operator.watching.cache import key_of, version
from handrail_operator.watching.echoes import Echoes
from handrail_operator.watching.told import Touch

T = TypeVar("T")
Object = dict[str, Any]
AT_ONCE = 5
"""Objects of one tenant that are written at the same time."""


class Objects:
    def __init__(self, cluster: Cluster, echoes: Echoes, touch: Touch) -> None:
        self._cluster = cluster
        self._echoes = echoes
        self._touch = touch

    async def sent(self, wanted: Object, write: Awaitable[Object]) -> Object:
        """The answer to a write of ours, of which a watch will tell nothing new."""
        key, stored = key_of(kinds.of(wanted), wanted), 0
        self._echoes.writes(key)
        try:
            found = await write
            stored = version(found)
            return found
        finally:
            if self._echoes.wrote(key, stored):
                self._touch(wanted["metadata"]["labels"][names.LABEL_TENANT], urgent=True)

    async def refuse_strangers(self, tenant: str, wanted: list[Object], standing: dict[Key, Object]) -> None:
        """What is not in the cache may be missing, or somebody else's. Raises NameTaken, ApiError."""
        missing = [one for one in wanted if steps.key(one) not in standing]

        async def found(one: Object) -> Object | None:
            meta = one["metadata"]
            return await self._cluster.get(kinds.of(one), meta["namespace"], meta["name"])

        others = [one for one in await _several(found(one) for one in missing) if one is not None]
        steps.refuse_strangers(tenant, missing, {steps.key(one): one for one in others})

    async def write(self, wanted: list[Object], standing: dict[Key, Object]) -> None:
        """Applies each of them. What stands afterwards is noted, for the cache is told later. Raises ApplyRefused,
        ApiError."""

        async def put(one: Object) -> None:
            standing[steps.key(one)] = await self.sent(one, self._put(one, standing.get(steps.key(one))))

        await _several(put(one) for one in wanted)

    async def _put(self, wanted: Object, live: Object | None) -> Object:
        meta = wanted["metadata"]
        what = f"{wanted['kind']} {meta['name']} in namespace {meta.get('namespace')}"
        if live is not None and difference.is_seen(live):
            # What is to go may stand in somebody else's name.
            live = await self._cluster.get(kinds.of(wanted), meta["namespace"], meta["name"])
        try:
            if live is not None and (away := difference.removals(wanted, live)):
                await self._cluster.json_patch(kinds.of(wanted), meta["namespace"], meta["name"], away)
            if live is not None and (first := handover.steps(wanted, live)):
                place = (kinds.of(wanted), meta["namespace"], meta["name"])
                await self._cluster.json_patch(*place, first, subresource=handover.SUBRESOURCE)
            return await self._cluster.apply(wanted)
        except (Invalid, Forbidden) as error:
            raise ApplyRefused(f"The API server refused {what}: {error.message}") from error

    async def remove(self, things: list[Object]) -> None:
        """Raises ApiError."""
        for thing in things:
            meta = thing["metadata"]
            await self._cluster.delete(kinds.of(thing), meta["namespace"], meta["name"], uid=meta["uid"])


async def _several(calls: Iterable[Awaitable[T]]) -> list[T]:
    """A few at a time, all of them to their end; then the first error, where there was one."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    results = await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]
