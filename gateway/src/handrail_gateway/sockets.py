"""`/ws/{user_id}`: a browser's socket is accepted, checked, and held; or closed with a code that the browser sees."""

import asyncio
import re
from typing import Any
from urllib.parse import parse_qs, unquote_to_bytes

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from handrail_contracts import frames
from handrail_contracts.problems import Problem
from handrail_gateway import door
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Caller, Directory, Tenant
from handrail_gateway.door import Door
from handrail_gateway.identity import UserTokens, needs_proof, now
from handrail_gateway.limits import spend
from handrail_gateway.link import Browser, Links
from handrail_gateway.metrics import Metrics
from handrail_gateway.wire_protocol import EXTENSION, FRAME_RATE, MAX_BUFFER, Wire

log = structlog.get_logger()

_PATH = re.compile(rb"/ws/([^/]+)")
_CLOSE_NOT_TEXT = 1003
_CLOSE_MALFORMED = 1007
_CLOSES = {"rate_limited": frames.CLOSE_TOO_FAST, "unavailable": frames.CLOSE_RESTART}
_any_decoder = msgspec.json.Decoder()


class Refused(Exception):
    """A socket that must not stay open."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class Sockets:
    """All sockets of browsers."""

    def __init__(
        self, directory: Directory, door: Door, tokens: UserTokens, links: Links, bus: PlatformBus, metrics: Metrics
    ) -> None:
        self._door = door
        self._tokens = tokens
        self._links = links
        self._bus = bus
        self._metrics = metrics
        self._open: dict[str, dict[str, set[Browser]]] = {}
        self._counts: dict[str, int] = {}
        directory.subscribe(self._changed)
        metrics.socket_bytes.set_function(lambda: float(self._unread()))
        metrics.socket_bytes_bound.set(MAX_BUFFER)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = door.request_id(scope["headers"])
        await receive()
        match = _PATH.fullmatch(scope["raw_path"])
        if match is None:
            await _refuse_handshake(send, request_id)
            return
        protocol = frames.SUBPROTOCOL if frames.SUBPROTOCOL in scope["subprotocols"] else None
        await send(
            {"type": "websocket.accept", "subprotocol": protocol, "headers": [(b"x-request-id", request_id.encode())]}
        )
        wire: Wire = scope["extensions"][EXTENSION]
        try:
            caller, user_id = self._check(scope, match[1])
        except Refused as refused:
            self._close(wire, refused)
            return
        # Headers, key and token are of no use any more, and there are many sockets.
        scope.clear()
        browser = Browser(wire, caller.tenant.name, user_id, caller.key.key_id)
        self._enter(browser)
        try:
            if caller.tenant.record.phase == "Sleeping":
                await self._bus.wake(caller.tenant.name)
            await self._hear(browser, receive)
        except Refused as refused:
            self._close(wire, refused)
        finally:
            self._leave(browser)

    # --- checks ----------------------------------------------------------------------------------------------

    def _check(self, scope: Scope, raw_user_id: bytes) -> tuple[Caller, str]:
        """Whose socket this is. Raises Refused."""
        key, token = _credentials(scope)
        try:
            caller = self._door.admit(key, scope)
        except Problem as problem:
            raise Refused(_CLOSES.get(problem.code, frames.CLOSE_FORBIDDEN), problem.code) from problem
        user_id = self._check_token(caller.tenant, raw_user_id, token)
        self._check_room(caller.tenant, user_id)
        return caller, user_id

    def _check_token(self, tenant: Tenant, raw_user_id: bytes, text: str | None) -> str:
        if not text:
            raise Refused(frames.CLOSE_TOKEN, "identity_required")
        try:
            token = self._tokens.read(tenant.name, text)
            user_id = unquote_to_bytes(raw_user_id).decode()
        except (Problem, UnicodeDecodeError) as error:
            raise Refused(frames.CLOSE_TOKEN, "identity_invalid") from error
        if token.user_id != user_id:
            raise Refused(frames.CLOSE_TOKEN, "identity_invalid")
        if now() >= token.expires_at:
            raise Refused(frames.CLOSE_TOKEN, "token_expired")
        if needs_proof(user_id, enforced=tenant.identity_enforced) and not token.proven:
            raise Refused(frames.CLOSE_TOKEN, "identity_required")
        return user_id

    def _check_room(self, tenant: Tenant, user_id: str) -> None:
        users = self._open.get(tenant.name, {})
        limits = tenant.record.limits
        if len(users.get(user_id, ())) >= limits.sockets_per_user:
            raise Refused(frames.CLOSE_TOO_MANY, "too many sockets of one user")
        if self._counts.get(tenant.name, 0) >= limits.sockets:
            raise Refused(frames.CLOSE_TOO_FAST, "too many sockets of this tenant")

    # --- an open socket --------------------------------------------------------------------------------------

    async def _hear(self, browser: Browser, receive: Receive) -> None:
        """Until the browser leaves. Raises Refused when it must."""
        loop = asyncio.get_running_loop()
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            browser.recovered, wait = spend(browser.recovered, FRAME_RATE, loop.time())
            if wait:
                raise Refused(frames.CLOSE_TOO_FAST, "too many frames")
            text = message.get("text")
            if text is None:
                raise Refused(_CLOSE_NOT_TEXT, "only text frames are taken")
            frame = _read(text)
            if frame is not None:
                self._links.from_browser(browser, text, ack=isinstance(frame, frames.Ack))

    def _enter(self, browser: Browser) -> None:
        self._open.setdefault(browser.tenant, {}).setdefault(browser.user_id, set()).add(browser)
        self._counts[browser.tenant] = self._counts.get(browser.tenant, 0) + 1
        self._metrics.sockets.labels(browser.tenant).inc()
        self._links.attach(browser)

    def _leave(self, browser: Browser) -> None:
        self._links.detach(browser)
        self._metrics.sockets.labels(browser.tenant).dec()
        users = self._open[browser.tenant]
        users[browser.user_id].discard(browser)
        if not users[browser.user_id]:
            del users[browser.user_id]
        if not users:
            del self._open[browser.tenant]
        self._counts[browser.tenant] -= 1

    def _unread(self) -> int:
        return sum(one.wire.unread for users in self._open.values() for found in users.values() for one in found)

    def _close(self, wire: Wire, refused: Refused) -> None:
        self._metrics.socket_closes.labels(str(refused.code)).inc()
        wire.close(refused.code, refused.reason)

    def _changed(self, name: str, tenant: Tenant | None) -> None:
        """A revoked key closes its sockets."""
        for browsers in self._open.get(name, {}).values():
            for browser in browsers:
                if tenant is None or browser.key_id not in tenant.keys:
                    self._close(browser.wire, Refused(frames.CLOSE_FORBIDDEN, "key_unknown"))


def _credentials(scope: Scope) -> tuple[str | None, str | None]:
    """Key and token, from the sub-protocols or else the query."""
    key = token = None
    for offered in scope["subprotocols"]:
        if offered.startswith(frames.KEY_PROTOCOL):
            key = offered.removeprefix(frames.KEY_PROTOCOL)
        elif offered.startswith(frames.TOKEN_PROTOCOL):
            token = offered.removeprefix(frames.TOKEN_PROTOCOL)
    try:
        query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=20)
    except ValueError:
        query = {}
    return key or query.get("key", [None])[0], token or query.get("token", [None])[0]


def _read(text: str) -> frames.Ack | frames.Resume | None:
    """The frame, or None for one of a newer snippet. Raises Refused for what is no frame at all."""
    try:
        return frames.decode_client(text)
    except (msgspec.MsgspecError, RecursionError):
        pass
    try:
        value: Any = _any_decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        value = None
    kind = value.get("type") if isinstance(value, dict) else None
    if not isinstance(kind, str) or kind in ("ack", "resume"):
        raise Refused(_CLOSE_MALFORMED, "not a frame")
    return None


async def _refuse_handshake(send: Send, request_id: str) -> None:
    problem = Problem("not_found", "Sockets are served under /ws/{user_id}, the id percent-encoded.")
    headers = door.common_headers(request_id, browser=False)
    headers += [(name.encode(), value.encode()) for name, value in door.problem_headers(problem).items()]
    body = door.problem_body(problem, request_id)
    await send({"type": "websocket.http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "websocket.http.response.body", "body": body})
