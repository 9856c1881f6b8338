"""Whether an event that is published for a tenant is taken by its ingest: probed beside the reconcile, on change."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from handrail_operator.errors import TenantError
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.servers import Servers

log = structlog.get_logger()

AT_ONCE = 5
"""Probes of all tenants together."""
FIRST_RETRY, LONGEST_RETRY = 15.0, 600.0
"""Seconds."""


@dataclass
class _Probe:
    of: object
    """What was probed: another value is a change, and probed anew."""
    state: TenantError | bool | None = None
    task: asyncio.Task[None] | None = None
    pause: float = FIRST_RETRY
    due: float = 0.0
    """On the monotonic clock; while it fails."""
    awaited: bool = False
    """A look waits for it, so none has to be asked for."""


class DataPath:
    def __init__(self, servers: Servers, touch: Callable[[str], None]) -> None:
        self._servers = servers
        self._touch = touch
        self._probes: dict[str, _Probe] = {}
        self._gate = asyncio.Semaphore(AT_ONCE)

    def state(self, name: str) -> TenantError | bool | None:
        """True: it came through; None: not tried yet."""
        probe = self._probes.get(name)
        return probe.state if probe else None

    async def check(self, name: str, secrets: TenantSecrets, of: object, *, patience: float = 0.0) -> float | None:
        """Starts a probe where something changed since the last one, or where that failed and time has passed.
        Seconds until one that failed is due again. `patience`: seconds to wait for what it meets."""
        probe = self._probes.get(name)
        if probe is None or probe.of != of:
            self.forget(name)
            probe = self._probes[name] = _Probe(of, state=probe.state if probe else None)
            probe.task = asyncio.create_task(self._run(name, probe, secrets), name=f"probe-{name}")
        elif probe.task is None and isinstance(probe.state, TenantError) and probe.due <= time.monotonic():
            probe.task = asyncio.create_task(self._run(name, probe, secrets), name=f"probe-{name}")
        if probe.task is not None and patience:
            probe.awaited = True
            try:
                await asyncio.wait([probe.task], timeout=patience)
            finally:
                probe.awaited = False
        failed = probe.task is None and isinstance(probe.state, TenantError)
        return max(0.1, probe.due - time.monotonic()) if failed else None

    def forget(self, name: str) -> None:
        probe = self._probes.pop(name, None)
        if probe is not None and probe.task is not None:
            probe.task.cancel()

    async def _run(self, name: str, probe: _Probe, secrets: TenantSecrets) -> None:
        before = probe.state
        try:
            async with self._gate:
                await self._servers.probe(secrets)
            probe.state, probe.pause = True, FIRST_RETRY
        except TenantError as error:
            probe.state = error
            probe.due = time.monotonic() + probe.pause
            probe.pause = min(LONGEST_RETRY, probe.pause * 2)
            log.warning("data path broken", tenant=name, reason=error.reason, error=str(error))
        finally:
            probe.task = None
        if not probe.awaited and (repr(before) != repr(probe.state) or isinstance(probe.state, TenantError)):
            self._touch(name)
