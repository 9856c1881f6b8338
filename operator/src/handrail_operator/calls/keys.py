"""API keys made and revoked: in the keyring first, then told to the gateways before the answer goes out."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import msgspec
import structlog

from handrail_contracts.operator_calls import KeyCreate, KeyRevoke, OperatorReply
from handrail_operator.calls import finding, listening
from handrail_operator.calls.finding import Unusable
from handrail_operator.calls.listening import problem
from handrail_operator.kube.client import Cluster
from handrail_operator.provision.keyring import LiveKey, TenantSecrets
from handrail_operator.reconcile.keyrings import Keyrings

log = structlog.get_logger()

MAX_KEYS = 100
"""Live keys of one tenant: each stands in the record that every gateway holds."""
_PUBLISHED_WITHIN = 4.0
"""Seconds that an answer waits for the gateways' record."""


class Keys:
    """Each method raises finding.Unusable, what Keyrings raises, and kube.errors. No key gets into a log."""

    def __init__(
        self,
        cluster: Cluster,
        keyrings: Keyrings,
        *,
        touch: Callable[[str], None],
        publish: Callable[[str], Awaitable[None]],
    ) -> None:
        self._cluster = cluster
        self._keyrings = keyrings
        self._touch = touch
        self._publish = publish
        self._publishing: set[asyncio.Future[None]] = set()

    async def create(self, name: str, call: KeyCreate) -> OperatorReply:
        await finding.living_tenant(self._cluster, name)
        key = LiveKey.new(call.kind, datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))

        def added(secrets: TenantSecrets) -> TenantSecrets:
            if any(one.key_id == key.key_id for one in secrets.keys):
                return secrets
            if len(secrets.keys) >= MAX_KEYS:
                raise Unusable(problem("invalid", f"There are {MAX_KEYS} live keys. Revoke one that is not used."))
            return msgspec.structs.replace(secrets, keys=[*secrets.keys, key])

        await self._keyrings.change(name, added)
        log.info("key made", tenant=name, key_id=key.key_id, kind=key.kind)
        # It is live whether or not the gateways know it already, and this is the only time that it is shown.
        await self._tell(name)
        return listening.made(key)

    async def revoke(self, name: str, call: KeyRevoke) -> OperatorReply:
        await finding.living_tenant(self._cluster, name)
        known = False

        def removed(secrets: TenantSecrets) -> TenantSecrets:
            nonlocal known
            keys = [key for key in secrets.keys if key.key_id != call.key_id]
            known = known or len(keys) < len(secrets.keys)
            return msgspec.structs.replace(secrets, keys=keys)

        await self._keyrings.change(name, removed)
        # Told also where the key was gone already: a gateway may not know it.
        told = await self._tell(name)
        if not known:
            return listening.no_key()
        log.info("key revoked", tenant=name, key_id=call.key_id)
        if not told:
            return problem("unavailable", "The key is revoked, but not yet refused: the gateways could not be told.")
        return listening.revoked(call.key_id)

    async def _tell(self, name: str) -> bool:
        """Whether the gateways' record was brought up to date in time; else it is on its way."""
        task = asyncio.ensure_future(self._publish(name))
        self._publishing.add(task)
        task.add_done_callback(self._publishing.discard)
        await asyncio.wait([task], timeout=_PUBLISHED_WITHIN)
        failed = task.exception() if task.done() and not task.cancelled() else None
        if failed is not None:
            log.warning("record not published", tenant=name, error=repr(failed))
        self._touch(name)
        return task.done() and not task.cancelled() and failed is None
