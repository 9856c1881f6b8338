"""Ports on 127.0.0.1: a free one, whether one is free, and who holds it."""

import contextlib
import socket

import psutil

LOOPBACK = "127.0.0.1"


def free_port(avoid: set[int] | None = None) -> int:
    """A port nobody listens on right now. `avoid`: ports already promised to others."""
    while True:
        with socket.socket() as probe:
            probe.bind((LOOPBACK, 0))
            port: int = probe.getsockname()[1]
        if not avoid or port not in avoid:
            return port


def free_ports(count: int) -> list[int]:
    """So many different ones."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port(found))
    return list(found)


def is_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket() as probe:
        # As the servers do it: a connection of the last run that lingers is no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def is_open(port: int, host: str = LOOPBACK) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection((host, port), timeout=1):
        return True
    return False


def holder(port: int, host: str = LOOPBACK) -> str:
    """Who keeps this IPv4 address from being listened on, as far as we may know: `python3 (process 812)`."""
    # Who listens on the same port of another address is in nobody's way; `::` often takes IPv4, too.
    in_the_way = (host, "0.0.0.0", f"::ffff:{host}", "::")  # noqa: S104 - looked for, not listened on
    found: dict[str, int] = {}
    try:
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if connection.status == psutil.CONN_LISTEN and at and at.port == port:
                found.setdefault(at.ip, connection.pid or 0)
        pid = next((found[address] for address in in_the_way if address in found), 0)
        if pid:
            return f"{psutil.Process(pid).name()} (process {pid})"
    except (psutil.Error, PermissionError):
        pass
    return "another program"
