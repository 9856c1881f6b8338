"""Rates: the generic cell rate algorithm, time passed in. Plus the address a request counts for."""

from collections.abc import Hashable
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple

from handrail_contracts.record import Limits
from handrail_gateway.settings import Networks


class Rate(NamedTuple):
    """`per_second` on average, `burst` at once."""

    per_second: float
    burst: float


class Rates(NamedTuple):
    """What a plan's limits mean, each with its burst."""

    key_address: Rate
    key: Rate
    events: Rate
    newcomers: Rate


def rates(limits: Limits) -> Rates:
    """Pure."""
    of_address, of_key = limits.requests_per_minute / 60, limits.of_key / 60
    events, newcomers = limits.events_per_second, limits.newcomers / 60
    return Rates(
        # Ten seconds' worth, so that a page full of tabs is not turned away.
        key_address=Rate(of_address, max(20.0, of_address * 10)),
        key=Rate(of_key, max(200.0, of_key * 10)),
        events=Rate(events, max(500.0, events * 2.0)),
        # A minute's worth: a class that opens the page at once.
        newcomers=Rate(newcomers, max(100.0, newcomers * 60)),
    )


def spend(recovered: float, rate: Rate, now: float, cost: float = 1.0) -> tuple[float, float]:
    """Take `cost`. Returns when the rate has recovered wholly, and 0 or the seconds to wait for enough.

    The time of recovery is all the state there is; one in the past is a full burst.
    """
    if rate.per_second <= 0:
        return recovered, 60.0
    after = max(recovered, now) + cost / rate.per_second
    # A cost above the burst would never fit, so a full one always gives.
    room = max(rate.burst, cost) / rate.per_second
    wait = after - now - room
    return (after, 0.0) if wait <= 1e-9 else (recovered, wait)


class Limiter:
    """Rates by key, bounded in memory: what has recovered is forgotten."""

    def __init__(self, most: int = 100_000) -> None:
        self._recovered: dict[Hashable, float] = {}
        self.most = most

    def take(self, key: Hashable, rate: Rate, now: float, cost: float = 1.0) -> float:
        """Take `cost` from the key's rate. Returns 0, or the seconds to wait when there is not enough."""
        before = self._recovered.get(key)
        # The usual case, with the same outcome as below: the rate has recovered, and one fits into it.
        if before is not None and before <= now and cost <= rate.burst and rate.per_second > 0:
            self._recovered[key] = now + cost / rate.per_second
            return 0.0
        recovered, wait = spend(before or 0.0, rate, now, cost)
        if wait:
            return wait
        if before is None and len(self._recovered) >= self.most:
            self._forget(now)
        self._recovered[key] = recovered
        return 0.0

    def _forget(self, now: float) -> None:
        self._recovered = {key: at for key, at in self._recovered.items() if at > now}
        # Still full: that many keys at once is an attack; the oldest tenth starts anew.
        for key in list(self._recovered)[: max(0, len(self._recovered) - self.most * 9 // 10)]:
            del self._recovered[key]

    def __len__(self) -> int:
        return len(self._recovered)


def client_address(peer: str, forwarded: str | None, trusted: Networks) -> str:
    """Whose request this is: the nearest address on the way that is no trusted proxy.

    `forwarded` is the header X-Forwarded-For, believed only as far as trusted proxies wrote it.
    """
    if not forwarded or not trusted or not is_within(peer, trusted):
        return peer
    found = peer
    for hop in reversed(forwarded.split(",")):
        address = _parse(hop.strip())
        if address is None:
            break
        found = str(address)
        if not _within(address, trusted):
            break
    return found


@lru_cache(maxsize=4096)
def limited_address(address: str) -> str:
    """What limits count by: an IPv6 client owns a whole /64."""
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is None:
        return parsed.exploded[:19]
    return address


def _parse(text: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(text.strip("[]"))
    except ValueError:
        return None


def is_within(text: str, trusted: Networks) -> bool:
    """Whether this is an address of one of the networks."""
    address = _parse(text)
    return address is not None and _within(address, trusted)


def _within(address: IPv4Address | IPv6Address, networks: Networks) -> bool:
    return any(address in network for network in networks)
