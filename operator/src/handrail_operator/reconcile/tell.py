"""Tells people what was found: the tenant's status, written only when it changed, and events on transitions."""

import secrets
from datetime import UTC, datetime
from typing import Any

import structlog
from pydantic import ValidationError

from handrail_contracts import names, status
from handrail_contracts.status import Condition, TenantStatus, settled
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError, NotFound
from handrail_operator.reconcile.conditions import Findings, conditions

log = structlog.get_logger()

Object = dict[str, Any]
PAUSED = "Paused"
_PAUSED_MESSAGE = (
    f"The annotation {names.ANNOTATION_PAUSED} is true: nothing is looked at, repaired or deleted, and what else "
    "stands here is as old as that."
)
_REPORTER = "handrail.dev/operator"
_EVENTS_NAMESPACE = "default"
"""Where Kubernetes keeps the events of objects that are in no namespace."""


class Teller:
    """Keeps what it wrote last of each tenant, for the cache is told of it later."""

    def __init__(self, cluster: Cluster, identity: str) -> None:
        self._cluster = cluster
        self._identity = identity
        self._written: dict[str, tuple[str, TenantStatus]] = {}

    def forget(self, name: str) -> None:
        self._written.pop(name, None)

    async def tell(self, tenant: Object, found: Findings, *, revision: str, version: str) -> bool:
        """Whether there was anything new to tell. `revision`, `version`: in force; empty: as before. Raises
        ApiError."""
        meta = tenant["metadata"]
        before = self._before(tenant)
        wanted = TenantStatus(
            observed_generation=meta.get("generation", 0),
            revision=revision or before.revision,
            version=version or before.version,
            namespace=found.namespace or before.namespace,
            conditions=settled(
                conditions(found, before.conditions),
                before.conditions,
                generation=meta.get("generation", 0),
                now=_now("seconds"),
            ),
        )
        if not await self._write(tenant, before, wanted):
            return False
        for kind, reason, message in transitions(before.conditions, wanted.conditions):
            await self.post(tenant, kind, reason, message)
        return True

    async def tell_paused(self, tenant: Object) -> None:
        """That nobody looks: all else in the status is as old as that, and keeps its generation. Raises ApiError."""
        before = self._before(tenant)
        wanted = before.model_copy(update={"conditions": paused(before.conditions, _now("seconds"))})
        try:
            if await self._write(tenant, before, wanted):
                await self.post(tenant, "Normal", PAUSED, _PAUSED_MESSAGE)
        except NotFound:
            return

    async def _write(self, tenant: Object, before: TenantStatus, wanted: TenantStatus) -> bool:
        if wanted == before:
            return False
        meta = tenant["metadata"]
        await self._cluster.apply_status(kinds.TENANT, meta["name"], wanted.model_dump(by_alias=True), uid=meta["uid"])
        self._written[meta["name"]] = (meta["resourceVersion"], wanted)
        _log(meta["name"], before.conditions, wanted.conditions)
        return True

    def _before(self, tenant: Object) -> TenantStatus:
        version, written = self._written.get(tenant["metadata"]["name"], ("", TenantStatus()))
        if version == tenant["metadata"]["resourceVersion"]:
            return written
        try:
            return TenantStatus.model_validate(tenant.get("status") or {})
        except ValidationError:
            # Somebody wrote what no version of ours writes: it is written anew.
            return TenantStatus()

    async def post(self, tenant: Object, kind: str, reason: str, message: str) -> None:
        """An event, which `kubectl describe` shows. `kind`: Normal or Warning."""
        meta = tenant["metadata"]
        event = {
            "apiVersion": kinds.EVENT.api_version,
            "kind": kinds.EVENT.kind,
            "metadata": {"name": f"{meta['name']}.{secrets.token_hex(8)}", "namespace": _EVENTS_NAMESPACE},
            "eventTime": _now("microseconds"),
            "type": kind,
            "reason": reason,
            "action": "Reconcile",
            "note": (message or reason)[:1000],
            "regarding": {
                "apiVersion": kinds.TENANT.api_version,
                "kind": kinds.TENANT.kind,
                "name": meta["name"],
                "uid": meta["uid"],
            },
            "reportingController": _REPORTER,
            "reportingInstance": self._identity[:128],
        }
        try:
            await self._cluster.create(event)
        except ApiError as error:
            # An event is a courtesy: the status says the same.
            log.warning("event not posted", tenant=meta["name"], reason=reason, error=str(error))


def paused(before: list[Condition], now: str) -> list[Condition]:
    """What was told last, and that nothing moves. Pure."""
    old = {one.type: one for one in before}
    fresh = Condition(type=status.READY, status="Unknown", reason=PAUSED, message=_PAUSED_MESSAGE)
    ready = old.get(status.READY) or settled([fresh], before, generation=0, now=now)[0]
    still = fresh.model_copy(update={"type": status.PROGRESSING})
    generation = old[status.PROGRESSING].observed_generation if status.PROGRESSING in old else 0
    told = settled([still], before, generation=generation, now=now)
    kept = [one for one in before if one.type not in (status.READY, status.PROGRESSING)]
    return [ready, *told, *kept]


def _log(tenant: str, before: list[Condition], after: list[Condition]) -> None:
    """What an operator wants to find at 3 am: when it was how, and why."""
    was = {one.type: (one.status, one.reason) for one in before}
    for one in after:
        if one.type in (status.READY, status.DEGRADED) and was.get(one.type) != (one.status, one.reason):
            wrong = (one.status == "True") == (one.type == status.DEGRADED)
            say = log.warning if wrong and one.reason not in ("Provisioning", "Migrating", "NotAvailable") else log.info
            say("condition", tenant=tenant, type=one.type, status=one.status, reason=one.reason, message=one.message)


def transitions(before: list[Condition], after: list[Condition]) -> list[tuple[str, str, str]]:
    """Type, reason and message of the events that a change of conditions is worth. Pure. How a new tenant comes up
    is told by its status alone."""
    old = {one.type: one for one in before}
    new = {one.type: one for one in after}
    found = []
    for kind in (status.PROGRESSING, status.DEGRADED, status.READY):
        was, now = old.get(kind), new[kind]
        if was is not None and (was.status, was.reason) == (now.status, now.reason):
            continue
        if kind == status.DEGRADED:
            if now.status == "True":
                found.append(("Warning", now.reason, now.message))
            elif was is not None and was.status == "True":
                found.append(("Normal", "Recovered", f"{was.reason} is over."))
        elif kind == status.PROGRESSING and now.status == "True" and was is not None and was.reason == "Settled":
            found.append(("Normal", now.reason, now.message or now.reason))
        elif kind == status.READY and now.reason == "Suspended":
            found.append(("Normal", now.reason, now.message))
        elif kind == status.READY and now.status == "True" and (was is None or was.status != "True"):
            found.append(("Normal", "Ready", now.message or "It runs."))
    return found


def _now(precision: str) -> str:
    return datetime.now(UTC).isoformat(timespec=precision).replace("+00:00", "Z")
