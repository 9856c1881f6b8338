"""Secrets that were seen to be as wanted, which need not be read again while nothing happens to them.

Remembered are names, versions, whose they are, and digests of what was wanted; never what they hold.
"""

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.reconcile import difference
from handrail_operator.reconcile.steps import Key, key

Object = dict[str, Any]
LONG = 3600.0
"""Seconds, a quarter more or less, for which what a watch tells is believed: it might stand still and not know it."""


@dataclass(frozen=True)
class _Seen:
    until: float
    secrets: dict[str, Object]


class SeenSecrets:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: seconds."""
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    def unchanged(self, tenant: str, told: Mapping[str, str] | None) -> list[Object] | None:
        """What is remembered of the Secrets, where all that stand are those (`told`: their versions by name, as far as
        they are known). None: they have to be read."""
        seen = self._seen.get(tenant)
        if seen is None or self._clock() >= seen.until:
            return None
        versions = {name: one["metadata"]["resourceVersion"] for name, one in seen.secrets.items()}
        return list(seen.secrets.values()) if versions == told else None

    def remember(self, tenant: str, wanted: Iterable[Object], standing: Mapping[Key, Object]) -> None:
        """`wanted`, after it was written as far as it may be. Where one Secret is not as wanted, or is not wanted and
        may be one day, all are to be read again."""
        before = self._seen.pop(tenant, None)
        needed = {key(one): one for one in wanted if _is_secret(one)}
        found = {where: one for where, one in standing.items() if _is_secret(one)}
        astray = [one for where, one in needed.items() if not difference.as_wanted(one, found.get(where))]
        spare = [name for (_, name) in found.keys() - needed.keys() if names.is_platform_secret(name)]
        if astray or spare:
            return
        until = self._clock() + LONG * random.uniform(0.75, 1.25)  # noqa: S311 - no secret
        if before is not None and any(map(difference.is_seen, found.values())):
            # Some of it was only believed this time.
            until = before.until
        self._seen[tenant] = _Seen(until, {name: difference.seen(one) for (_, name), one in found.items()})

    def forget(self, tenant: str) -> None:
        self._seen.pop(tenant, None)


def _is_secret(thing: Object) -> bool:
    return kinds.of(thing) == kinds.SECRET
