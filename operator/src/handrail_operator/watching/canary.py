"""Whether the watches still tell: a watch that has died in silence leaves an operator that looks well and does nothing.

Lists metadata, writes nothing. The tenants each time, one kind of children in turn.
"""

import asyncio
import itertools
from collections.abc import Callable

import structlog

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError
from handrail_operator.kube.kinds import TENANT, Kind
from handrail_operator.watching import sweep
from handrail_operator.watching.told import Told
from handrail_operator.watching.watched import KINDS

log = structlog.get_logger()

_AFTER_A_LIST = 2.0
"""Seconds after a watch began anew, in which it may still tell."""


class Canary:
    """`blind` is called when something was there for a whole round and no watch told of it."""

    def __init__(self, cluster: Cluster, told: Told, every: float, blind: Callable[[str], None]) -> None:
        """`every`: seconds."""
        self._cluster = cluster
        self._told = told
        self._every = every
        self._blind = blind
        self._before: dict[Kind, sweep.Listed] = {}
        self._begun_anew: set[Kind] = set()
        self._news = asyncio.Event()
        self.alive = True

    def began_anew(self, kind: Kind) -> None:
        """A watch had to list again: what ended in between it will never tell."""
        self._begun_anew.add(kind)
        self._news.set()

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._rounds())
            group.create_task(self._after_lists())

    async def _rounds(self) -> None:
        others = itertools.cycle([kind for kind in KINDS if kind != TENANT])
        other = next(others)
        while True:
            for kind in (TENANT, other):
                await self._look(kind)
            # A kind is looked at twice in a row: what was there the first time must be known by the second.
            other = other if other in self._before else next(others)
            await asyncio.sleep(self._every)

    async def _after_lists(self) -> None:
        while True:
            await self._news.wait()
            await asyncio.sleep(_AFTER_A_LIST)
            self._news.clear()
            kinds, self._begun_anew = self._begun_anew, set()
            for kind in kinds:
                try:
                    self._bury(kind, await sweep.listed(self._cluster, kind))
                except ApiError as error:
                    log.warning("what a watch missed could not be looked for", kind=kind.plural, why=error.message)
                    self.began_anew(kind)

    async def _look(self, kind: Kind) -> None:
        try:
            now = await sweep.listed(self._cluster, kind)
        except ApiError as error:
            log.warning("the watches could not be checked", kind=kind.plural, why=error.message)
            return
        before = self._before.pop(kind, None)
        if kind == TENANT or before is None:
            self._before[kind] = now
        if before is None:
            return
        missing = sweep.overlooked(before, now, self._known(kind))
        if missing:
            self.alive = False
            _, namespace, name = min(missing)
            where = f"{namespace}/{name}" if namespace else name
            log.error("a watch tells nothing any more", kind=kind.plural, first=where, missing=len(missing))
            self._blind(kind.plural)
        self._bury(kind, before)

    def _bury(self, kind: Kind, listed: sweep.Listed) -> None:
        """What had ended when the list was made, and no watch told so."""
        for key, uid in sweep.ghosts(listed, self._known(kind)).items():
            log.warning("the end of an object was not told", kind=kind.plural, namespace=key[1], name=key[2])
            self._told.missed(kind, key, uid)

    def _known(self, kind: Kind) -> sweep.Seen:
        return sweep.known(kind, self._told.tenants, self._told.children)
