"""The role: notices in, frames out, the tenant's read API."""

import asyncio
import uuid
from collections.abc import Mapping

import msgspec
import structlog
from fastapi import APIRouter
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from starlette.websockets import WebSocket

from handrail_contracts import link as relay
from handrail_contracts import names, subjects, traces
from handrail_contracts.nudges import NudgeNotice
from handrail_contracts.problems import Problem
from handrail_contracts.snippet_config import from_spec
from handrail_runtime import http
from handrail_runtime.config import Config
from handrail_runtime.realtime import metrics
from handrail_runtime.realtime.api.mending import Mending
from handrail_runtime.realtime.api.reader import Reader
from handrail_runtime.realtime.api.routes import create_router
from handrail_runtime.realtime.api.targets import TargetList
from handrail_runtime.realtime.delivery import ConfigText, Delivery
from handrail_runtime.realtime.link import Link
from handrail_runtime.realtime.nudge_table import NudgeTable
from handrail_runtime.realtime.presence import Presence
from handrail_runtime.realtime.principals import Verifier
from handrail_runtime.realtime.registry import Registry
from handrail_runtime.roles import Resources

log = structlog.get_logger()

_notices = msgspec.json.Decoder(NudgeNotice)


class RealtimeRole:
    """See roles.Role."""

    # Without it nobody counts as reachable by a socket, and the agent goes by the last event instead.
    optional = frozenset({"realtime-redis"})

    def __init__(self, resources: Resources) -> None:
        settings = resources.settings
        self._nats = resources.nats
        self._principals = Verifier(settings.secrets / names.PRINCIPAL_KEYS_FILE, settings.tenant)
        self._reader = Reader(resources.engine)
        self._targets = TargetList(self._reader, lambda: resources.config.current.spec)
        self._mending = Mending(resources.engine, self._reader.turn, resources.nats.jetstream(timeout=3))
        self._registry = Registry()
        self._config = ConfigText(from_spec(resources.config.current.spec))
        self._delivery = Delivery(NudgeTable(resources.engine), self._registry, lambda: self._config)
        self._presence = Presence(resources.redis, settings.redis_prefix, uuid.uuid4().hex, self._registry)
        resources.config.on_change(self._config_changed)

    async def run(self) -> None:
        subscription = await self._nats.subscribe(subjects.NUDGES_ALL, cb=self._noticed)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._delivery.run(), name="delivery")
                tasks.create_task(self._delivery.sweep(), name="sweep")
                tasks.create_task(self._presence.run(), name="presence")
                tasks.create_task(self._watch_connection(), name="connection")
        finally:
            try:
                await subscription.unsubscribe()
            except NatsError:
                log.debug("already disconnected")

    def ready(self) -> Mapping[str, bool]:
        return {
            "realtime-nats": self._nats.is_connected,
            "realtime-database": self._delivery.ok,
            "realtime-redis": self._presence.ok,
        }

    def router(self) -> APIRouter:
        router = APIRouter()
        router.include_router(create_router(self._reader, self._targets, self._mending, self._principals))
        router.add_api_websocket_route(relay.PATH, self._link)
        return router

    async def _link(self, websocket: WebSocket) -> None:
        try:
            self._principals.verify(websocket.headers.get(names.HEADER_PRINCIPAL), frozenset({"link"}))
        except Problem as problem:
            metrics.REFUSED_LINKS.inc()
            log.warning("a link was refused", code=problem.code)
            await websocket.send_denial_response(http.render(problem, ""))
            return
        await websocket.accept()
        await Link(websocket, self._registry, self._delivery, self._presence).serve()

    async def _watch_connection(self) -> None:
        """After NATS was away, notices may have been lost."""
        seen = self._nats.stats["reconnects"]
        while True:
            await asyncio.sleep(1)
            if (now := self._nats.stats["reconnects"]) != seen:
                seen = now
                self._delivery.sweep_now()

    async def _noticed(self, message: Msg) -> None:
        metrics.NOTICES.inc()
        try:
            notice = _notices.decode(message.data)
        except msgspec.MsgspecError:
            log.warning("a notice cannot be read")
            return
        if self._delivery.notice(notice):
            trace = traces.from_headers(message.headers)
            log.info("a nudge goes to its user", seq=notice.seq, **traces.log_fields(trace))

    def _config_changed(self, config: Config) -> None:
        changed = ConfigText(from_spec(config.spec))
        if changed.digest != self._config.digest:
            self._config = changed
            self._delivery.config_changed()
