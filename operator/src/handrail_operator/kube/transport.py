"""One call to the API server with all its tries: time-outs, back-off, credentials that have run out."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Self

import aiohttp
import msgspec

from handrail_operator.kube import errors
from handrail_operator.kube.access import Access, AccessMissing
from handrail_operator.kube.bucket import Bucket
from handrail_operator.kube.kinds import SECRET, Kind

_METHODS = {
    "get": "GET", "list": "GET", "watch": "GET", "create": "POST", "apply": "PATCH", "patch": "PATCH",
    "delete": "DELETE",
}  # fmt: skip
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 5.0
_LONGEST_ASKED_PAUSE = 30.0
"""Seconds. The last: of a Retry-After."""
_TIMES_OUT_SILENT = 90.0
"""Seconds without a byte after which a watch counts as dead; bookmarks come each minute."""

_WRITES = frozenset({"create", "apply", "patch", "delete"})

Observe = Callable[[str, str, int, float], None]
"""Told of each try: verb, plural of the kind, status (0: no answer), seconds."""


@dataclass(frozen=True)
class Call:
    """What is asked. `again`: it may be sent twice."""

    verb: str
    kind: Kind
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str = "application/json"
    accept: str = "application/json"
    again: bool = True


@dataclass(frozen=True)
class Manners:
    """How the API server is talked to. Times in seconds."""

    requests_per_second: float = 100
    burst: int = 200
    tries: int = 5
    timeout: float = 30
    agent: str = "handrail-operator"
    """Who the audit log says it was."""


@dataclass(frozen=True)
class Hooks:
    """What else is told of calls."""

    observe: Observe | None = None
    """Of every try."""
    answered: Callable[[], None] | None = None
    """Of every answer, before it is used."""
    before_write: Callable[[], None] | None = None
    """Right before a write is sent; does not return where it must not be."""


class Transport:
    """Holds the connections."""

    def __init__(self, access: Access, manners: Manners, hooks: Hooks) -> None:
        self._access = access
        self._manners = manners
        self._hooks = hooks
        self._bucket = Bucket(manners.requests_per_second, manners.burst)
        self._reading = asyncio.Lock()
        self._read_at = 0.0
        self._stack = AsyncExitStack()
        self._session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        """Raises AccessMissing."""
        await self._access.load()
        # Connections are few: calls are bounded by the bucket and the queue, and each watch needs its own.
        connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=30)
        timeout = aiohttp.ClientTimeout(total=self._manners.timeout, connect=min(10, self._manners.timeout))
        session = aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
        self._session = await self._stack.enter_async_context(session)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def call(self, call: Call) -> dict[str, Any]:
        """The answer. Raises errors.ApiError."""
        renewed = False
        tried = 0
        while True:
            tried += 1
            await self._bucket.take()
            started = time.monotonic()
            status, answer, asked_pause = await self._once(call)
            if status and self._hooks.answered is not None:
                self._hooks.answered()
            if 200 <= status < 300:
                return answer
            if status == 401 and not renewed:
                renewed = True
                await self._renew(started)
                continue
            if tried >= self._manners.tries or not _worth_another(call, status, answer):
                raise errors.from_answer(status, answer, secret=call.kind is SECRET)
            await asyncio.sleep(_pause(tried, asked_pause))

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[AsyncIterator[bytes]]:
        """The lines of a long answer. One try. Raises errors.ApiError, also while the lines are read."""
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=_TIMES_OUT_SILENT)
        started = time.monotonic()
        try:
            async with self._session.request(**await self._request(call), timeout=timeout) as response:
                self._note(call, response.status, started)
                if response.status == 401:
                    await self._renew(started)
                if response.status != 200:
                    answer = _decoded(await response.read())
                    raise errors.from_answer(response.status, answer, secret=call.kind is SECRET)
                try:
                    yield _lines(response.content)
                finally:
                    _cut(response)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise errors.Unreachable(0, "Unreachable", _said(error)) from error

    async def _once(self, call: Call) -> tuple[int, dict[str, Any], float | None]:
        """Status (0: none), answer, seconds that the server asks to wait."""
        started = time.monotonic()
        request = await self._request(call)
        if call.verb in _WRITES and self._hooks.before_write is not None:
            self._hooks.before_write()
        try:
            async with self._session.request(**request) as response:
                content = await response.read()
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            self._note(call, 0, started)
            return 0, {"reason": "Unreachable", "message": _said(error)}, None
        self._note(call, response.status, started)
        return response.status, _decoded(content), _seconds(response.headers.get("Retry-After"))

    async def _request(self, call: Call) -> dict[str, Any]:
        headers = {"Accept": call.accept, "User-Agent": self._manners.agent, **await self._access.headers()}
        data = None
        if call.body is not None:
            headers["Content-Type"] = call.content_type
            data = msgspec.json.encode(call.body)
        return {
            "method": _METHODS[call.verb],
            "url": self._access.url + call.path,
            "params": dict(call.params),
            "headers": headers,
            "data": data,
            "allow_redirects": False,
            **self._access.options(),
        }

    async def _renew(self, refused: float) -> None:
        """Reads the credentials anew, once for all calls that were refused with the old ones."""
        async with self._reading:
            if self._read_at > refused:
                return
            try:
                await self._access.load()
            except AccessMissing as error:
                raise errors.Unauthorized(401, "Unauthorized", str(error)) from error
            self._read_at = time.monotonic()

    def _note(self, call: Call, status: int, started: float) -> None:
        if self._hooks.observe is not None:
            self._hooks.observe(call.verb, call.kind.plural, status, time.monotonic() - started)


async def _lines(content: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Of any length: an object may be larger than a reader's buffer."""
    rest = bytearray()
    async for part in content.iter_any():
        rest += part
        *whole, left = rest.split(b"\n")
        for line in whole:
            yield bytes(line)
        rest = left


def _worth_another(call: Call, status: int, answer: Mapping[str, Any]) -> bool:
    if status == 429:
        return True
    if errors.is_malformed_apply(status, answer):
        return False
    return call.again and (status == 0 or status >= 500)


def _cut(response: aiohttp.ClientResponse) -> None:
    """A stream that is left before its end: to take leave over TLS would take the server's answer, at the end of the
    process too."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        connection.transport.abort()


def _pause(tried: int, asked: float | None) -> float:
    if asked is not None:
        return min(asked, _LONGEST_ASKED_PAUSE) * random.uniform(1.0, 1.2)  # noqa: S311 - no secret
    return min(_FIRST_PAUSE * 2.0 ** (tried - 1), _LONGEST_PAUSE) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret


def _seconds(header: str | None) -> float | None:
    return float(header) if header and header.isdecimal() else None


def _decoded(content: bytes) -> dict[str, Any]:
    """A proxy before the API server may answer with anything."""
    try:
        found = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def _said(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "the API server did not answer in time"
    if isinstance(error, aiohttp.ClientConnectorError) and (cause := getattr(error, "os_error", None)):
        # Its own words hold an object of Python's.
        return f"the API server cannot be reached: {error.host}:{error.port}: {cause}"
    return f"the API server cannot be reached: {error or type(error).__name__}"
