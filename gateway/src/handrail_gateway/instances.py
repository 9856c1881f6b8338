"""The instances of realtime behind the addresses in a tenant's record.

One name may stand for several instances, and for others a moment later: each of its addresses is one. Names that are
in use are looked up every few seconds, and at once when a link breaks; while a name cannot be looked up, the last
answer holds.
"""

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import structlog

log = structlog.get_logger()

EVERY = 3.0
"""Seconds between look-ups of a name that is in use."""
_LEAST = 0.5
"""Seconds between two look-ups of a name, whatever breaks."""
_WITHIN = 5.0
_AT_ONCE = 4
"""Look-ups: each takes a thread while it lasts."""

Resolve = Callable[[str, int], Awaitable[Iterable[str]]]
"""Host and port -> addresses. Raises OSError."""


@dataclass(frozen=True)
class Instance:
    """Where one is reached."""

    url: str
    """Base URL with its own address. Equal ones are the same instance."""
    base: str
    """As the record names it, and as it is called in requests."""
    address: str | None = None
    """Of a name; None: the URL itself holds it."""

    @property
    def host(self) -> str:
        """What a request's Host header says."""
        return urlsplit(self.base).netloc

    @property
    def dialled(self) -> str | None:
        """Where the connection goes."""
        return self.address or urlsplit(self.base).hostname


@dataclass
class _Name:
    """A base URL with a name in it."""

    base: str
    host: str
    port: int
    instances: tuple[Instance, ...] = ()
    looked_at: float = 0.0
    task: asyncio.Task[None] | None = field(default=None, repr=False)

    def instance(self, address: str) -> Instance:
        shown = f"[{address}]" if ":" in address else address
        return Instance(f"http://{shown}:{self.port}", self.base, address)


async def system(host: str, port: int) -> list[str]:
    """As this machine looks names up. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class Instances:
    """Of all tenants."""

    def __init__(self, resolve: Resolve = system, *, every: float = EVERY) -> None:
        self._resolve = resolve
        self._every = every
        self._names: dict[str, _Name] = {}
        self._kept: dict[str, tuple[str, ...]] = {}
        self._listeners: list[Callable[[str], None]] = []
        self._free = asyncio.Semaphore(_AT_ONCE)
        self._loop: asyncio.Task[None] | None = None

    def subscribe(self, listener: Callable[[str], None]) -> None:
        """Called with the tenant, one of those kept, whose instances have changed."""
        self._listeners.append(listener)

    def keep(self, tenant: str, bases: Iterable[str]) -> list[Instance]:
        """Its instances as they are known now; its names are looked up until `release`."""
        self._kept[tenant] = tuple(bases)
        if self._loop is None:
            self._loop = asyncio.create_task(self._refresh())
        for base in self._kept[tenant]:
            if (name := self._name(base)) is not None and not name.looked_at:
                self._look(name)
        return self._known(self._kept[tenant])

    def release(self, tenant: str) -> None:
        self._kept.pop(tenant, None)

    async def now(self, bases: Iterable[str]) -> list[Instance]:
        """Instances, none of them known from longer ago than a few seconds, where a look-up succeeds."""
        bases = tuple(bases)
        names = [name for base in bases if (name := self._name(base)) is not None]
        tasks = [self._look(name) for name in names if time.monotonic() - name.looked_at > self._every]
        if tasks:
            await asyncio.wait(tasks)
        return self._known(bases)

    def broken(self, instance: Instance) -> None:
        """It could not be reached or went away: others may be there by now."""
        if instance.address is not None and (name := self._name(instance.base)) is not None:
            self._look(name)

    async def stop(self) -> None:
        tasks = [self._loop, *(name.task for name in self._names.values())]
        running = [task for task in tasks if task is not None]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    # --- names -----------------------------------------------------------------------------------------------

    def _name(self, base: str) -> _Name | None:
        """None where there is nothing to look up."""
        if base not in self._names:
            parts = urlsplit(base)
            if parts.scheme != "http" or parts.hostname is None or _is_address(parts.hostname):
                return None
            self._names[base] = _Name(base, parts.hostname, parts.port or 80)
        return self._names[base]

    def _known(self, bases: Iterable[str]) -> list[Instance]:
        found: dict[str, Instance] = {}
        for base in bases:
            name = self._name(base)
            for instance in (Instance(base, base),) if name is None else name.instances:
                found.setdefault(instance.url, instance)
        return list(found.values())

    async def _refresh(self) -> None:
        while True:
            await asyncio.sleep(self._every)
            wanted = {base for bases in self._kept.values() for base in bases}
            for base in wanted:
                if (name := self._name(base)) is not None:
                    self._look(name)
            long_ago = time.monotonic() - 100 * self._every
            for base, name in list(self._names.items()):
                if base not in wanted and name.task is None and name.looked_at < long_ago:
                    del self._names[base]

    def _look(self, name: _Name) -> asyncio.Task[None]:
        """One look-up at a time of each name."""
        if name.task is None:
            name.task = asyncio.create_task(self._look_up(name))
        return name.task

    async def _look_up(self, name: _Name) -> None:
        try:
            await asyncio.sleep(max(0.0, name.looked_at + _LEAST - time.monotonic()))
            async with self._free, asyncio.timeout(_WITHIN):
                addresses = await self._resolve(name.host, name.port)
            found = tuple(name.instance(address) for address in sorted(set(addresses)))
        except (OSError, UnicodeError) as error:
            # A cluster's answer for a name whose instances are all away is that there is no such name.
            log.debug("a name cannot be looked up", host=name.host, error=repr(error))
            found = ()
        finally:
            name.looked_at = time.monotonic()
            name.task = None
        if found and found != name.instances:
            log.info("instances of realtime", host=name.host, addresses=[one.address for one in found])
            name.instances = found
            self._tell(name.base)

    def _tell(self, base: str) -> None:
        for tenant in [tenant for tenant, bases in self._kept.items() if base in bases]:
            for listener in self._listeners:
                listener(tenant)


def _is_address(host: str) -> bool:
    with contextlib.suppress(ValueError):
        ipaddress.ip_address(host)
        return True
    return False
