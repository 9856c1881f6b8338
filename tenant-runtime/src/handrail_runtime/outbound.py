"""The one guard for calls that go out to addresses a tenant has named: webhooks and models.

A name is resolved here, each address is judged (`outbound_policy` of the contracts), and the connection goes to exactly
an address that was judged: there is no second look-up that could be answered differently. TLS checks the certificate
for the name all the same. Whoever follows a redirect meets the guard again, for it sits below the client, at the
connection.

Errors:
- OutboundRefused: the call may not be made. Trying again does not help.
- AnswerTooLarge: the other side sends more than it may.
- everything else is httpx2's.

None of them holds an address's path, which may be a secret.
"""

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Any

import httpcore2
import httpx2

from handrail_contracts.outbound_policy import Address, Allowed, plain, refusal

LOOK_UP_LIMIT = 5.0
"""Seconds for resolving a name."""
MOST_CONNECTIONS = 20


class OutboundRefused(Exception):
    """The call may not be made, and why."""


class AnswerTooLarge(httpx2.TransportError):
    """The other side sends more than it may, or packed, which could become more than it may."""


@dataclass(frozen=True)
class Guard:
    """Judges addresses, and makes clients that cannot go round it."""

    allowed: Allowed = field(default_factory=Allowed)
    tls: ssl.SSLContext | None = field(default=None, repr=False)
    """None: the authorities this machine trusts."""

    @classmethod
    def parse(cls, outbound_allowed: str) -> "Guard":
        """From the setting. Raises ValueError that names the wrong entry."""
        return cls(Allowed.parse(outbound_allowed))

    def http_client(
        self, *, timeout: float, body_limit: int = 1 << 20, follow_redirects: bool = False
    ) -> httpx2.AsyncClient:
        """`timeout`: seconds for a request in all, from looking the name up to the last byte of the answer, for each
        hop. `body_limit`: bytes of an answer's body. No proxy and no password comes from the environment."""
        return httpx2.AsyncClient(
            transport=_Transport(self, timeout, body_limit),
            timeout=timeout,
            trust_env=False,
            follow_redirects=follow_redirects,
            max_redirects=3,
        )

    async def addresses(self, host: str, port: int, *, encrypted: bool) -> list[Address]:
        """What of a host may be called, resolved now. Raises OutboundRefused, and httpcore2.ConnectError where the
        name leads nowhere. Unencrypted calls go to hosts of the platform's list alone."""
        found = await _look_up(host, port)
        why = ""
        good = []
        for address in found:
            if self.allowed.holds(host, port, address):
                good.append(address)
            elif what := refusal(address):
                why = f"{plain(host)} has an address that is {what}"
            elif not encrypted:
                why = f"{plain(host)} is not called without encryption; https:// is wanted"
            else:
                good.append(address)
        if not good:
            raise OutboundRefused(f"{why}, and the platform has not allowed it (HANDRAIL_OUTBOUND_ALLOWED)")
        return good


async def _look_up(host: str, port: int) -> list[Address]:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(LOOK_UP_LIMIT):
            rows = await loop.getaddrinfo(plain(host), port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise httpcore2.ConnectTimeout(f"the name {plain(host)} was not resolved in time") from None
    except (OSError, UnicodeError):
        raise httpcore2.ConnectError(f"the name {plain(host)} cannot be resolved") from None
    # A scope like %eth0 belongs to link-local addresses alone.
    found = dict.fromkeys(ip_address(str(row[4][0]).partition("%")[0]) for row in rows)
    if not found:
        raise httpcore2.ConnectError(f"the name {plain(host)} cannot be resolved")
    return list(found)


class _Backend(httpcore2.AsyncNetworkBackend):
    """Connects to judged addresses alone. The pool above goes on speaking of the name: in the Host header, in TLS."""

    def __init__(self, guard: Guard, *, encrypted: bool) -> None:
        self._guard = guard
        self._encrypted = encrypted
        self._backend = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError("no address")
        for address in await self._guard.addresses(host, port, encrypted=self._encrypted):
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address=local_address, socket_options=socket_options
                )
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class _Transport(httpx2.AsyncBaseTransport):
    def __init__(self, guard: Guard, limit: float, body_limit: int) -> None:
        self._limit = limit
        self._body_limit = body_limit
        tls = guard.tls or httpx2.create_ssl_context(trust_env=False)
        # Apart, so that what may be called without encryption is known where the connection is made.
        self._pools = {
            scheme: httpcore2.AsyncConnectionPool(
                ssl_context=tls,
                max_connections=MOST_CONNECTIONS,
                max_keepalive_connections=MOST_CONNECTIONS,
                keepalive_expiry=15.0,
                network_backend=_Backend(guard, encrypted=scheme == "https"),
            )
            for scheme in ("http", "https")
        }

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        pool = self._pools.get(request.url.scheme)
        if pool is None or not request.url.host:
            raise OutboundRefused("an address that begins with https:// is wanted")
        # Packed answers could grow without end when unpacked.
        request.headers["Accept-Encoding"] = "identity"
        deadline = asyncio.get_running_loop().time() + self._limit
        url = httpcore2.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        stream: Any = request.stream
        with _errors(request):
            async with asyncio.timeout_at(deadline):
                answer = await pool.handle_async_request(
                    httpcore2.Request(
                        request.method, url, headers=request.headers.raw, content=stream, extensions=request.extensions
                    )
                )
        response = httpx2.Response(
            answer.status,
            headers=answer.headers,
            stream=_Bounded(request, answer, deadline, self._body_limit),
            extensions=answer.extensions,
        )
        if response.headers.get("content-encoding", "identity").strip().lower() not in ("identity", ""):
            await answer.aclose()
            raise AnswerTooLarge("the answer is packed, although an unpacked one was asked for", request=request)
        return response

    async def aclose(self) -> None:
        for pool in self._pools.values():
            await pool.aclose()


class _Bounded(httpx2.AsyncByteStream):
    """An answer's body: bytes counted, time limited."""

    def __init__(self, request: httpx2.Request, answer: httpcore2.Response, deadline: float, limit: int) -> None:
        self._request = request
        self._answer = answer
        self._deadline = deadline
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        stream: Any = self._answer.stream
        parts = aiter(stream)
        while True:
            with _errors(self._request):
                async with asyncio.timeout_at(self._deadline):
                    part = await anext(parts, None)
            if part is None:
                return
            self._left -= len(part)
            if self._left < 0:
                raise AnswerTooLarge("the answer is longer than it may be", request=self._request)
            yield part

    async def aclose(self) -> None:
        await self._answer.aclose()


@contextlib.contextmanager
def _errors(request: httpx2.Request) -> Any:
    """httpcore2's errors under httpx2's names, which are the same; the deadline as httpx2 would tell of it."""
    try:
        yield
    except TimeoutError:
        raise httpx2.ReadTimeout("no whole answer in time", request=request) from None
    except (httpcore2.TimeoutException, httpcore2.NetworkError, httpcore2.ProtocolError) as error:
        kind: Any = getattr(httpx2, type(error).__name__)
        raise kind(str(error), request=request) from error
