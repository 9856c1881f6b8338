"""How many connections each address holds open, and a bound on it."""

from handrail_gateway.limits import is_within, limited_address
from handrail_gateway.metrics import Metrics
from handrail_gateway.settings import Networks

MOST = 1000
"""Of one address, where the settings say nothing and this is not local mode."""


class Connections:
    """Counts by address. Trusted proxies are counted by nobody: they bring the connections of many."""

    def __init__(self, most: int | None, trusted: Networks, metrics: Metrics) -> None:
        """`most`: None for no bound."""
        self._most = most
        self._trusted = trusted
        self._metrics = metrics
        self._open: dict[str, int] = {}

    def enter(self, peer: str) -> str | None:
        """What to `leave` with, "" for an address that is not counted; None: the address holds too many."""
        self._metrics.http_connections.inc()
        if self._most is None or is_within(peer, self._trusted):
            return ""
        address = limited_address(peer)
        held = self._open.get(address, 0)
        if held >= self._most:
            self._metrics.http_connections.dec()
            self._metrics.refused_connections.inc()
            return None
        self._open[address] = held + 1
        return address

    def leave(self, address: str) -> None:
        self._metrics.http_connections.dec()
        if not address:
            return
        left = self._open[address] - 1
        if left:
            self._open[address] = left
        else:
            del self._open[address]

    def unreadable(self) -> None:
        """Counts a request that is no HTTP."""
        self._metrics.unreadable_requests.inc()
