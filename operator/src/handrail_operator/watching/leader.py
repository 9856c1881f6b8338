"""One operator leads: the one whose name stands in the Lease, as long as it keeps renewing it.

Times are this machine's monotonic clock; what others wrote as times is never compared with it. A leader that could
not renew counts itself out before anyone else may count it out, whatever was in the way: the API server, the network,
a process that stood still. `Lead.check` before each write and a thread that watches the time see to it.
"""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import AlreadyExists, ApiError, Conflict
from handrail_operator.kube.kinds import LEASE

log = structlog.get_logger()

Object = dict[str, Any]
_WATCH_EVERY = 0.1
"""Seconds between looks of the thread at the time."""


@dataclass(frozen=True)
class Terms:
    """Times in seconds."""

    namespace: str
    name: str
    identity: str
    """A part is added that no other process has."""
    duration: float
    deadline: float
    retry: float


class Lead:
    """`lost` is called with the reason, from any thread, when the time is over; it must end the process and not
    return."""

    def __init__(self, deadline: float, lost: Callable[[str], None]) -> None:
        self._deadline = deadline
        self._lost = lost
        self._until: float | None = None
        self._why = f"it was not renewed within {deadline:g} s"

    def renewed(self, asked: float) -> None:
        """`asked`: when the renewal was sent, not when it was answered."""
        first = self._until is None
        self._until = asked + self._deadline
        if first:
            threading.Thread(target=self._watch, name="lead", daemon=True).start()

    def taken(self, holder: str) -> None:
        """Somebody else has it; an empty `holder`: nobody, by another's hand."""
        self._why = f"{holder or 'nobody'} holds the Lease now"
        self._until = 0.0
        self.check()

    def given_up(self) -> None:
        """In good order; nothing is written after it."""
        self._until = None

    @property
    def held(self) -> bool:
        return self._until is not None and time.monotonic() < self._until

    def check(self) -> None:
        """Ends the process where the lead was lost. Before each write."""
        until = self._until
        if until is not None and time.monotonic() >= until:
            self._lost(self._why)

    def _watch(self) -> None:
        while self._until is not None:
            self.check()
            time.sleep(_WATCH_EVERY)


class Election:
    """Runs for the lead, then renews it. `cluster` is its own: one try a call, no waiting behind others' calls."""

    def __init__(self, cluster: Cluster, terms: Terms, lead: Lead) -> None:
        self._cluster = cluster
        self._terms = terms
        self._lead = lead
        self._me = f"{terms.identity}_{secrets.token_hex(4)}"
        self._seen = ""
        self._seen_at = 0.0
        self._holder = ""

    @property
    def identity(self) -> str:
        """As it stands in the Lease."""
        return self._me

    async def win(self) -> None:
        """Returns once this process leads."""
        while True:
            asked = time.monotonic()
            try:
                if await self._take(await self._read(), asked):
                    log.info("leads now", identity=self._me)
                    return
            except ApiError as error:
                log.warning("cannot ask for the lead", why=error.message)
            await asyncio.sleep(self._terms.retry)

    async def keep(self) -> None:
        """Renews until cancelled. That it was lost is told by the `Lead`, also where a call hangs."""
        while True:
            await asyncio.sleep(self._terms.retry)
            asked = time.monotonic()
            try:
                lease = await self._read()
                if lease is None or lease["spec"].get("holderIdentity") != self._me:
                    self._lead.taken(str((lease or {"spec": {}})["spec"].get("holderIdentity") or ""))
                    return
                await self._write(lease, {**lease["spec"], "renewTime": _now()})
                self._lead.renewed(asked)
            except ApiError as error:
                log.warning("the lead could not be renewed", why=error.message)

    async def release(self) -> None:
        """For a fast hand-over. Nothing may be written by this process afterwards."""
        self._lead.given_up()
        with contextlib.suppress(ApiError):
            lease = await self._read()
            if lease is not None and lease["spec"].get("holderIdentity") == self._me:
                free = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _now()}
                await self._write(lease, free)
                log.info("lead given up")

    # --- parts -----------------------------------------------------------------------------------------------

    async def _read(self) -> Object | None:
        lease = await self._cluster.get(LEASE, self._terms.namespace, self._terms.name)
        version = "" if lease is None else str(lease["metadata"]["resourceVersion"])
        if version != self._seen:
            self._seen, self._seen_at = version, time.monotonic()
        return lease

    async def _take(self, lease: Object | None, asked: float) -> bool:
        """Whether it could be had."""
        spec = {} if lease is None else lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder and time.monotonic() < self._seen_at + float(spec.get("leaseDurationSeconds") or 0):
            if holder != self._holder:
                self._holder = holder
                log.info("another operator leads", holder=holder)
            return False
        wanted = {
            "holderIdentity": self._me,
            "leaseDurationSeconds": max(1, round(self._terms.duration)),
            "acquireTime": _now(),
            "renewTime": _now(),
            "leaseTransitions": int(spec.get("leaseTransitions") or 0) + (1 if lease is not None else 0),
        }
        try:
            if lease is None:
                await self._cluster.create(self._new(wanted))
            else:
                await self._write(lease, wanted)
        except (AlreadyExists, Conflict):
            return False
        self._lead.renewed(asked)
        return True

    async def _write(self, lease: Object, spec: Object) -> None:
        """Raises Conflict where it has changed since it was read."""
        operations = [
            {"op": "test", "path": "/metadata/resourceVersion", "value": lease["metadata"]["resourceVersion"]},
            {"op": "add", "path": "/spec", "value": spec},
        ]
        found = await self._cluster.json_patch(LEASE, self._terms.namespace, self._terms.name, operations)
        self._seen, self._seen_at = str(found["metadata"]["resourceVersion"]), time.monotonic()

    def _new(self, spec: Object) -> Object:
        place = {"name": self._terms.name, "namespace": self._terms.namespace}
        return {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": place, "spec": spec}


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
