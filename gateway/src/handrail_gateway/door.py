"""How every request is met: its id, its key, its origin, its rate; and how every answer looks."""

import contextlib
import math
import random
import re
import time
from collections.abc import Iterator, Mapping

import structlog
from starlette.types import Receive, Scope, Send

from handrail_contracts import names
from handrail_contracts.problems import MEDIA_TYPE, Problem
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Caller, Directory, Tenant
from handrail_gateway.limits import Limiter, Rate, client_address, limited_address
from handrail_gateway.metrics import Metrics
from handrail_gateway.newcomers import Known
from handrail_gateway.settings import Networks
from handrail_gateway.shares import Shares

log = structlog.get_logger()

Headers = list[tuple[bytes, bytes]]
Head = dict[bytes, bytes]
"""The first value of each header, names in lower case."""

KEY_HEADER = names.HEADER_API_KEY.lower().encode()
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:+=@-]{1,128}")
_BROWSER_PATHS = re.compile(r"/api/v1/(?:events|identify)|/sdk/.*")
# Chromium keeps a preflight's answer for two hours at most.
_PREFLIGHT_SECONDS = b"7200"
_STRANGERS = Rate(per_second=1, burst=60)
"""Requests of one address whose key is missing or unknown."""
NOSNIFF = (b"x-content-type-options", b"nosniff")
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


def first_values(headers: Headers) -> Head:
    return dict(reversed(headers))


def request_id(headers: Headers) -> str:
    """The client's id of this request where it is well formed, else a new one."""
    return given_request_id(next((value for name, value in headers if name == b"x-request-id"), None))


def given_request_id(value: bytes | None) -> str:
    """The same from the header's value."""
    return new_request_id() if value is None or _REQUEST_ID.fullmatch(value) is None else value.decode("ascii")


def new_request_id() -> str:
    """32 hexadecimal characters. They name a request and guard nothing."""
    return f"{random.getrandbits(128):032x}"


def is_browser_path(path: str) -> bool:
    """Whether pages of other origins call this."""
    return _BROWSER_PATHS.fullmatch(path) is not None


class Door:
    """Lets callers in. `admit` is the one place where keys are checked."""

    def __init__(
        self,
        directory: Directory,
        bus: PlatformBus,
        metrics: Metrics,
        *,
        trusted: Networks,
        work_requests: int,
        work_bytes: int,
        relayed: int,
    ) -> None:
        """`work_requests`, `work_bytes`: of all tenants together; `relayed`: requests waiting for realtime."""
        self._directory = directory
        self._bus = bus
        self._metrics = metrics
        self._trusted = trusted
        self._requests = Limiter()
        self._keys = Limiter()
        self._strangers = Limiter()
        self._newcomers = Limiter()
        self._events = Limiter()
        self._known: dict[str, Known] = {}
        self._work = Shares(work_requests)
        self._work_bytes = Shares(work_bytes)
        self._relayed = Shares(relayed)
        directory.subscribe(self._changed)
        for table, limiter in (
            ("key_address", self._requests),
            ("key", self._keys),
            ("stranger", self._strangers),
            ("new_user", self._newcomers),
            ("events", self._events),
        ):
            metrics.watch_table(table, limiter.__len__, limiter.most)
        for share, what in (("requests", self._work), ("bytes", self._work_bytes), ("relayed_requests", self._relayed)):
            metrics.watch_share(share, what)

    def address(self, scope: Scope) -> str:
        """The client's address, for limits."""
        peer = scope["client"][0] if scope.get("client") else ""
        forwarded = [value.decode("latin-1") for name, value in scope["headers"] if name == b"x-forwarded-for"]
        return self.address_of(peer, ",".join(forwarded))

    def address_of(self, peer: str, forwarded: str) -> str:
        """The same from the connection's other end and from X-Forwarded-For, empty where there is none."""
        return limited_address(client_address(peer, forwarded, self._trusted) if forwarded else peer)

    def admit(self, key: str | None, scope: Scope, *, secret: bool = False) -> Caller:
        """Who calls with this key. `secret`: only a secret key will do. Raises Problem 401, 403, 429, 503."""
        return self.let_in(key, header(scope["headers"], b"origin"), self.address(scope), secret=secret)

    def let_in(self, key: str | None, origin: str | None, address: str, *, secret: bool = False) -> Caller:
        """`admit` for a request whose origin and address (as `address` gives it) are read already."""
        caller = self._directory.find(key) if key else None
        if caller is None:
            raise self._stranger(key, address)
        self._check_use(caller, origin, secret=secret)
        key_id, rates, now = caller.key.key_id, caller.tenant.rates, time.monotonic()
        if wait := self._requests.take((key_id, address), rates.key_address, now):
            raise self._limited("key_address", "Too many requests with this key from this address.", wait)
        if wait := self._keys.take(key_id, rates.key, now):
            raise self._limited("key", "Too many requests with this key.", wait)
        self._bus.used(key_id)
        return caller

    def _stranger(self, key: str | None, address: str) -> Problem:
        """The answer to a request without a key that counts: slower for who tries many."""
        if not self._directory.complete and key:
            # Just started: "unknown" would be final for a browser, and may not be true.
            return Problem("unavailable", "The gateway is starting.", retry_after=1)
        if wait := self._strangers.take(address, _STRANGERS, time.monotonic()):
            return self._limited("stranger", "Too many requests without a valid key from this address.", wait)
        return Problem("key_unknown") if key else Problem("key_missing", "Send the key in the header X-API-Key.")

    def _limited(self, limit: str, why: str, wait: float) -> Problem:
        self._metrics.limited.labels(limit).inc()
        return Problem("rate_limited", why, retry_after=wait)

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
        if wait := self._events.take(tenant.name, tenant.rates.events, time.monotonic(), count):
            raise self._limited("events", "Too many events for this tenant.", wait)

    def meet(self, tenant: Tenant, user_id: str, address: str, *, verified: bool) -> None:
        """Notes a user who comes with this request. Raises Problem rate_limited where one address brings too many
        that were not seen before; who was seen lately or bears a token of ours (`verified`) always passes."""
        known = self._known.get(tenant.name)
        if known is None:
            known = self._known[tenant.name] = Known()
        if user_id in known:
            return
        if not verified and (
            wait := self._newcomers.take((tenant.name, address), tenant.rates.newcomers, time.monotonic())
        ):
            raise self._limited("new_user", "Too many new users from this address.", wait)
        known.add(user_id)

    def begin(self, tenant: Tenant, size: int) -> None:
        """A batch of `size` bytes goes to work; `end` it. Raises Problem rate_limited where the tenant has its share
        of this process in work already."""
        if not self._work.take(tenant.name):
            raise self._limited("share_requests", "Too many requests of this tenant are in work already.", 1)
        if not self._work_bytes.take(tenant.name, size):
            self._work.give(tenant.name)
            raise self._limited("share_bytes", "Too much of this tenant is in work already.", 1)

    def end(self, tenant: str, batches: int, size: int) -> None:
        """So many batches of a tenant, of `size` bytes together, are out of work."""
        self._work.give(tenant, batches)
        self._work_bytes.give(tenant, size)

    @contextlib.contextmanager
    def relaying(self, tenant: Tenant) -> Iterator[None]:
        """A request waits for the tenant's realtime. Raises Problem rate_limited where too many do already."""
        if not self._relayed.take(tenant.name):
            raise self._limited("share_relayed", "Too many requests of this tenant wait for its runtime already.", 1)
        try:
            yield
        finally:
            self._relayed.give(tenant.name)

    def _changed(self, name: str, tenant: Tenant | None) -> None:
        if tenant is None:
            self._known.pop(name, None)


# --- answers ----------------------------------------------------------------------------------------------------


def common_headers(request: str, *, browser: bool) -> Headers:
    """What stands on every answer."""
    own: Headers = [(b"x-request-id", request.encode()), NOSNIFF]
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
    return header(headers, KEY_HEADER)
