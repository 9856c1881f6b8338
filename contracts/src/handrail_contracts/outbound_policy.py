"""Which addresses a call may go out to. Pure: texts and addresses in, a reason or nothing out.

What is refused is everything that is not plainly a host of the public internet: a tenant names the addresses of its
webhooks and of its model, and must reach nothing by them that only the platform can reach.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from urllib.parse import urlsplit

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_REFUSED: tuple[tuple[str, str], ...] = (
    ("0.0.0.0/8", "unspecified"),
    ("10.0.0.0/8", "private"),
    ("100.64.0.0/10", "of a carrier's inner network"),
    ("127.0.0.0/8", "loopback"),
    ("168.63.129.16/32", "a cloud's metadata service"),
    ("169.254.0.0/16", "link-local"),  # metadata services stand here
    ("172.16.0.0/12", "private"),
    ("192.0.0.0/24", "reserved"),
    ("192.0.2.0/24", "reserved"),
    ("192.88.99.0/24", "reserved"),
    ("192.168.0.0/16", "private"),
    ("198.18.0.0/15", "reserved"),
    ("198.51.100.0/24", "reserved"),
    ("203.0.113.0/24", "reserved"),
    ("224.0.0.0/4", "multicast"),
    ("240.0.0.0/4", "reserved"),
    ("::/128", "unspecified"),
    ("::1/128", "loopback"),
    ("100::/64", "reserved"),
    ("2001::/23", "reserved"),  # Teredo and others
    ("2001:db8::/32", "reserved"),
    ("3fff::/20", "reserved"),
    ("5f00::/16", "reserved"),
    ("fc00::/7", "private"),
    ("fe80::/10", "link-local"),
    ("fec0::/10", "private"),
    ("ff00::/8", "multicast"),
)
_NETWORKS: tuple[tuple[Network, str], ...] = tuple((ip_network(text), what) for text, what in _REFUSED)

# An IPv4 address within an IPv6 one, and by how many bits it stands from the right.
_EMBEDDING: tuple[tuple[IPv6Network, int], ...] = (
    (IPv6Network("::/96"), 0),  # IPv4-compatible
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("::ffff:0:0:0/96"), 0),  # IPv4-translated
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")
_ISATAP = (0x00005EFE, 0x02005EFE)
_GLOBAL_UNICAST = IPv6Network("2000::/3")


@dataclass(frozen=True)
class Allowed:
    """The platform's list of what may be reached although it is private."""

    hosts: frozenset[str] = frozenset()
    ports: frozenset[tuple[str, int]] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "Allowed":
        """Hosts, `host:port`, addresses and networks, by commas. Raises ValueError that names the wrong entry."""
        hosts, ports, networks = set(), set(), []
        for entry in filter(None, (part.strip() for part in text.split(","))):
            network = _network(entry)
            if network is not None:
                networks.append(network)
                continue
            host, port = _host_and_port(entry)
            if port is None:
                hosts.add(host)
            else:
                ports.add((host, port))
        return cls(frozenset(hosts), frozenset(ports), tuple(networks))

    def holds(self, host: str, port: int, address: Address) -> bool:
        host = plain(host)
        known_by_name = host in self.hosts or (host, port) in self.ports
        by_address = (str(address), port) in self.ports
        return known_by_name or by_address or any(address in network for network in self.networks)


def refusal(address: Address) -> str | None:
    """What kind of address it is, where nobody may be called at it; None where it is a public host's."""
    if isinstance(address, IPv6Address) and address in _NAT64_LOCAL:
        return "of a translator's inner network"
    for inner in _inner(address):
        found = refusal(inner)
        return f"an IPv6 form of one that is {found}" if found else None
    for network, what in _NETWORKS:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address not in _GLOBAL_UNICAST:
        return "reserved"
    return None


def trouble(url: str, allowed: Allowed, *, login: bool = True) -> str:
    """What can be said against an address before its host is looked up, as the end of a sentence; empty: nothing. It
    never holds the address. `login`: whether user and password may stand in it."""
    if not url.isprintable() or " " in url:
        return "holds white space or other characters that no address has"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "is no address like https://host/path"
    if not host or parts.scheme not in ("http", "https"):
        return "is no address like https://host/path"
    if not login and (parts.username is not None or parts.password is not None):
        return "holds a user or password"
    port = port or (443 if parts.scheme == "https" else 80)
    try:
        address = ip_address(host)
    except ValueError:
        known = plain(host) in allowed.hosts or (plain(host), port) in allowed.ports or allowed.networks
        return "" if parts.scheme == "https" or known else "is not called without encryption; https:// is wanted"
    if allowed.holds(host, port, address):
        return ""
    if what := refusal(address):
        return f"leads to an address that is {what}, which the platform has not allowed"
    return "" if parts.scheme == "https" else "is not called without encryption; https:// is wanted"


def plain(host: str) -> str:
    """A host's name as it is compared: lower case, no brackets, no dot at the end."""
    return host.strip("[]").rstrip(".").lower()


def _inner(address: Address) -> Iterator[IPv4Address]:
    """The IPv4 address that an IPv6 one leads to, if any."""
    if isinstance(address, IPv4Address) or address in (IPv6Address("::"), IPv6Address("::1")):
        return
    number = int(address)
    for network, bits in _EMBEDDING:
        if address in network:
            yield IPv4Address((number >> bits) & 0xFFFFFFFF)
            return
    if (number >> 32) & 0xFFFFFFFF in _ISATAP:
        yield IPv4Address(number & 0xFFFFFFFF)


def _network(entry: str) -> Network | None:
    try:
        return ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        if "/" in entry:
            raise ValueError(f"{entry!r} is no network; 10.1.0.0/16 is one") from None
        return None


def _host_and_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    if not colon:
        host, port = entry, ""
    fits = host and not any(char.isspace() or char in "/@?#*" for char in host)
    if not fits or (colon and not (port.isascii() and port.isdigit() and 0 < int(port) < 65536)):
        raise ValueError(f"{entry!r} is neither a host, nor host:port, nor a network like 10.1.0.0/16")
    host = plain(host)
    try:
        host = str(ip_address(host))
    except ValueError:
        host = host.encode("idna").decode() if not host.isascii() else host
    return host, int(port) if port else None
