"""The effective config as it stands now. A change in the KV bucket is live within a second; nothing restarts."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from nats.js.errors import KeyNotFoundError
from nats.js.kv import KeyValue

from handrail_contracts import names, record
from handrail_contracts.nats_client import Client
from handrail_contracts.other_versions import read_spec
from handrail_contracts.tenant_spec import TenantSpec

log = structlog.get_logger()

POLL_EVERY = 2.0
"""Seconds. A watch may miss a change around a restart of the server, so the key is read again at times."""


@dataclass(frozen=True)
class Config:
    """One revision of the tenant's config."""

    revision: str
    spec: TenantSpec
    local: bool = False


class ConfigWatch:
    """Holds `current`; `follow` keeps it fresh until cancelled, `on_change` is called with each new revision."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listeners: list[Callable[[Config], None]] = []
        self._current: Config | None = None

    @property
    def current(self) -> Config:
        if self._current is None:
            raise RuntimeError("the config was not loaded yet")
        return self._current

    def on_change(self, listener: Callable[[Config], None]) -> None:
        self._listeners.append(listener)

    async def load(self, timeout: float = 30.0) -> Config:
        """Waits for the first revision. Raises TimeoutError."""
        async with asyncio.timeout(timeout):
            bucket = await self._bucket()
            while self._current is None:
                await self._read(bucket)
                if self._current is None:
                    await asyncio.sleep(0.1)
        return self.current

    async def follow(self) -> None:
        bucket = await self._bucket()
        watcher = await bucket.watch(names.EFFECTIVE_CONFIG)
        while True:
            with contextlib.suppress(TimeoutError):
                await watcher.updates(timeout=POLL_EVERY)
            if self._client.is_connected:
                try:
                    await self._read(bucket)
                except Exception as error:  # noqa: BLE001 - NATS away: the last revision stays in force
                    log.debug("config not readable right now", error=repr(error))

    async def _bucket(self) -> KeyValue:
        return await self._client.jetstream(timeout=5).key_value(names.CONFIG_BUCKET)

    async def _read(self, bucket: KeyValue) -> None:
        try:
            entry = await bucket.get(names.EFFECTIVE_CONFIG)
        except KeyNotFoundError:
            return
        try:
            effective = record.decode_config(entry.value or b"")
            if self._current is not None and effective.revision == self._current.revision:
                return
            spec, unknown = read_spec(effective.spec)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("the config cannot be read; the last revision stays in force", error=str(error))
            return
        if unknown:
            log.warning("fields of the config are of a newer version and have no effect", fields=unknown)
        self._current = config = Config(effective.revision, spec, effective.local)
        log.info("config revision in force", revision=config.revision)
        for listener in self._listeners:
            listener(config)
