"""Sockets that are bound before anything is served on them."""

import socket

ALL = "::"
"""As a host: every address there is, IPv4 and IPv6. In a pod also its loopback, which forwarded ports come in by."""
_BACKLOG = 2048


def listen(host: str, port: int) -> list[socket.socket]:
    """Not blocking. A family has a socket of its own: on one for both, IPv4 addresses would come in IPv6's clothes,
    and no trusted network would know them. Raises OSError."""
    if host != ALL:
        return [_bound(host, port)]
    listeners = [_bound("0.0.0.0", port)]  # noqa: S104 - asked for
    try:
        listeners.append(_bound(ALL, listeners[0].getsockname()[1]))
    except OSError:
        if _has_ipv6():
            listeners[0].close()
            raise
    return listeners


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    listener.setblocking(False)
    return listener


def _has_ipv6() -> bool:
    """Whether this node's kernel has it at all."""
    try:
        socket.socket(socket.AF_INET6).close()
    except OSError:
        return False
    return True
