"""How every request is met: its id, its key, its origin, its rate; and how every answer looks."""

import math
import re
import time
from collections.abc import Mapping
from uuid import uuid4

import structlog
from starlette.types import Receive, Scope, Send

from handrail_contracts import names
from handrail_contracts.problems import MEDIA_TYPE, Problem
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Caller, Directory, Tenant
from handrail_gateway.limits import Limiter, Rate, client_address, limited_address
from handrail_gateway.settings import Networks

log = structlog.get_logger()

Headers = list[tuple[bytes, bytes]]

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+=@-]{1,128}")
_BROWSER_PATHS = re.compile(r"/api/v1/(?:events|identify)|/sdk/.*")
# Chromium keeps a preflight's answer for two hours at most.
_PREFLIGHT_SECONDS = b"7200"
CORS: Headers = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"Retry-After, X-Request-ID"),
]
_PREFLIGHT: Headers = [
    (b"access-control-allow-methods", b"GET, HEAD, POST, OPTIONS"),
    (b"access-control-allow-headers", b"Content-Type, Content-Encoding, X-API-Key, X-Request-ID"),
    (b"access-control-max-age", _PREFLIGHT_SECONDS),
]


def header(headers: Headers, name: bytes) -> str | None:
    """The first value of a header (name in lower case), or None."""
    for found, value in headers:
        if found == name:
            return value.decode("latin-1")
    return None


def request_id(headers: Headers) -> str:
    """The client's id of this request where it is well formed, else a new one."""
    for name, value in headers:
        if name == b"x-request-id":
            return value.decode("ascii") if _REQUEST_ID.fullmatch(value) else uuid4().hex
    return uuid4().hex


def is_browser_path(path: str) -> bool:
    """Whether pages of other origins call this."""
    return _BROWSER_PATHS.fullmatch(path) is not None


class Door:
    """Lets callers in. `admit` is the one place where keys are checked."""

    def __init__(self, directory: Directory, bus: PlatformBus, trusted: Networks) -> None:
        self._directory = directory
        self._bus = bus
        self._trusted = trusted
        self._requests = Limiter()
        self._events = Limiter()

    def address(self, scope: Scope) -> str:
        """The client's address, for limits."""
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return limited_address(client_address(peer, ",".join(forwarded) or None, self._trusted))

    def admit(self, key: str | None, scope: Scope, *, secret: bool = False) -> Caller:
        """Who calls with this key. `secret`: only a secret key will do. Raises Problem 401, 403, 429, 503."""
        if not key:
            raise Problem("key_missing", "Send the key in the header X-API-Key.")
        caller = self._directory.find(key)
        if caller is None:
            if not self._directory.complete:
                # Just started: "unknown" would be final for a browser, and may not be true.
                raise Problem("unavailable", "The gateway is starting.", retry_after=1)
            raise Problem("key_unknown")
        self._check_use(caller, header(scope["headers"], b"origin"), secret=secret)
        rate = caller.tenant.record.limits.requests_per_minute / 60
        # A burst of ten seconds' worth, so that a page full of tabs is not turned away.
        wait = self._requests.take(
            (caller.key.key_id, self.address(scope)), Rate(rate, max(20.0, rate * 10)), time.monotonic()
        )
        if wait:
            raise Problem("rate_limited", "Too many requests with this key from this address.", retry_after=wait)
        self._bus.used(caller.key.key_id)
        return caller

    def _check_use(self, caller: Caller, origin: str | None, *, secret: bool) -> None:
        if caller.key.kind == "secret":
            if origin is not None:
                raise Problem("origin", "A secret key must never be used in a browser.")
        elif secret:
            raise Problem("scope", "This needs a secret key.")
        elif not caller.tenant.allows(origin):
            raise Problem("origin", "This origin is not among the tenant's origins.")

    def count_events(self, tenant: Tenant, count: int) -> None:
        """Takes `count` from the tenant's rate of events. Raises Problem rate_limited."""
        rate = tenant.record.limits.events_per_second
        if wait := self._events.take(tenant.name, Rate(rate, max(500.0, rate * 2)), time.monotonic(), count):
            raise Problem("rate_limited", "Too many events for this tenant.", retry_after=wait)


# --- answers ----------------------------------------------------------------------------------------------------


def common_headers(request: str, *, browser: bool) -> Headers:
    """What stands on every answer."""
    own: Headers = [(b"x-request-id", request.encode()), (b"x-content-type-options", b"nosniff")]
    return own + CORS if browser else own


def problem_headers(problem: Problem, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    found = {"content-type": MEDIA_TYPE, "cache-control": "no-store", **(extra or {})}
    if problem.retry_after is not None:
        found["retry-after"] = str(max(1, math.ceil(problem.retry_after)))
    return found


def problem_body(problem: Problem, request: str) -> bytes:
    return problem.body(request).model_dump_json().encode()


async def answer(send: Send, status: int, headers: Headers, body: bytes = b"") -> None:
    """One whole HTTP answer."""
    if status != 204:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def answer_problem(send: Send, problem: Problem, request: str, *, browser: bool) -> None:
    extra: Headers = [(name.encode(), value.encode()) for name, value in problem_headers(problem).items()]
    await answer(send, problem.status, common_headers(request, browser=browser) + extra, problem_body(problem, request))


async def answer_preflight(send: Send, request: str) -> None:
    await answer(send, 204, common_headers(request, browser=True) + _PREFLIGHT)


async def read_body(receive: Receive, headers: Headers, most: int) -> bytes:
    """The body, at most `most` bytes. Raises Problem too_large, or Gone when the client went away."""
    length = header(headers, b"content-length")
    if length is not None and length.isdecimal() and int(length) > most:
        raise Problem("too_large", f"At most {most} bytes are taken.")
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part = message.get("body", b"")
        size += len(part)
        if size > most:
            raise Problem("too_large", f"At most {most} bytes are taken.")
        parts.append(part)
        if not message.get("more_body", False):
            return parts[0] if len(parts) == 1 else b"".join(parts)


class Gone(Exception):
    """The client went away; there is nobody to answer."""


def header_key(headers: Headers) -> str | None:
    return header(headers, names.HEADER_API_KEY.lower().encode())
