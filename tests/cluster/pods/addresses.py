"""An address for each pod.

The API server refuses loopback addresses as endpoints, and an ordinary user can listen on no others. So a pod has two
that differ in the first number alone: it listens on 127.a.b.c, which is what it is told as its own, and the API server
is told 10.a.b.c, which nobody can connect to. Names of Services mean the first. Each helper has a /24 of its own.
"""

import random
import socket
from dataclasses import dataclass, field

GUARD = 65001
"""Port on which a range's first address is held, so that two helpers on one machine never share a range."""
_LOWEST, _HIGHEST = 64, 95  # 127.0.0.1, 127.0.0.53, 127.0.1.1 and the API's 10.96.0.0/16 stay out of it


class NoAddress(Exception):
    """All addresses of the range are taken."""


def told(address: str) -> str:
    """127.a.b.c, as the API server is told it."""
    return "10." + address.removeprefix("127.")


def real(address: str) -> str:
    """10.a.b.c, where the pod really listens; another address stays as it is."""
    number = address.split(".")
    ours = len(number) == 4 and number[0] == "10" and _LOWEST <= int(number[1]) <= _HIGHEST
    return "127." + ".".join(number[1:]) if ours else address


@dataclass
class Addresses:
    _guard: socket.socket = field(init=False, repr=False)
    _range: str = field(init=False)
    _free: list[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._guard = socket.socket()
        while True:
            self._range = f"127.{random.randint(_LOWEST, _HIGHEST)}.{random.randint(0, 255)}"
            try:
                self._guard.bind((self.host, GUARD))
            except OSError:
                continue
            break
        self._free = [f"{self._range}.{last}" for last in range(2, 255)]

    @property
    def host(self) -> str:
        """The node's own."""
        return f"{self._range}.1"

    def take(self) -> str:
        """The one that was free longest. Raises NoAddress."""
        if not self._free:
            raise NoAddress("253 pods run on this node, and it has no more addresses")
        return self._free.pop(0)

    def free(self, address: str) -> None:
        self._free.append(address)

    def close(self) -> None:
        self._guard.close()
