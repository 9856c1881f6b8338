"""Addresses as NetworkPolicies write them: the public internet, and networks that are allowed beside it.

The runtime's guard judges each address of each call as well. This is the wall behind it: what a tenant's pod can
reach by going round the guard.
"""

from collections.abc import Iterable
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

Network = IPv4Network | IPv6Network

_NOT_PUBLIC_4 = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",  # carriers' inner networks; some clusters' pods
    "127.0.0.0/8",
    "168.63.129.16/32",  # a cloud's metadata service
    "169.254.0.0/16",  # link-local: the others' metadata services
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
_PUBLIC_6 = "2000::/3"
"""Everything else of IPv6 is private, link-local, multicast, or nobody's."""
_NOT_PUBLIC_6 = ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
_NAT64 = IPv6Network("64:ff9b::/96")
"""By which clusters without IPv4 reach hosts that have nothing else."""
_NEVER_BY_THE_WAY = ("127.0.0.0/8", "168.63.129.16/32", "169.254.0.0/16", "::1/128", "fd00:ec2::254/128", "fe80::/10")
"""Metadata services and loopback: let out where they are named, not by a wide network they are part of."""


@cache
def public() -> tuple[dict[str, Any], ...]:
    """Peers of a NetworkPolicy: the public internet."""
    return (
        _block("0.0.0.0/0", _NOT_PUBLIC_4),
        _block(_PUBLIC_6, _NOT_PUBLIC_6),
        _block(str(_NAT64), map(_translated, _NOT_PUBLIC_4)),
    )


def allowed(entry: str) -> tuple[dict[str, Any], int | None] | None:
    """A peer, and the port it is meant for (None: any), of one entry of the platform's list. None where the entry
    names a host: a NetworkPolicy knows no names."""
    network = _network(entry)
    if network is not None:
        inner = [one for one in map(ip_network, _NEVER_BY_THE_WAY) if _strictly_within(one, network)]
        return _block(str(network), map(str, inner)), None
    host, _, port = entry.strip().rpartition(":")
    try:
        address = ip_address(host.strip("[]"))
    except ValueError:
        return None
    return (_block(f"{address}/{address.max_prefixlen}", ()), int(port)) if port.isascii() and port.isdigit() else None


def _block(cidr: str, without: Iterable[str]) -> dict[str, Any]:
    excepted = list(without)
    return {"ipBlock": {"cidr": cidr} | ({"except": excepted} if excepted else {})}


def _translated(text: str) -> str:
    inner = IPv4Network(text)
    outer = int(_NAT64.network_address) + int(inner.network_address)
    return str(IPv6Network((outer, _NAT64.prefixlen + inner.prefixlen)))


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _strictly_within(inner: Network, outer: Network) -> bool:
    return inner.version == outer.version and inner != outer and inner.subnet_of(outer)  # type: ignore[arg-type]
