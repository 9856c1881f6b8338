"""A reverse proxy before the API server that makes mistakes on purpose, and keeps a book of every call.

TLS with a certificate of its own; watches are streamed. It runs in a thread: tests may be of either kind.
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from multidict import CIMultiDict
from tests.cluster import api_calls
from tests.cluster.api_calls import Call
from tests.cluster.api_faults import OF_WATCHES, REASONS, Chance, Fault, Plan, Rule
from tests.cluster.certificates import self_signed
from tests.cluster.control_plane import ADMIN, ControlPlane
from yarl import URL

SLOW_BY = 1.0
"""Seconds a slow answer takes longer."""
RETRY_AFTER = 1
"""Seconds, in a 429."""
WATCH_LASTS = 1.0
"""Seconds until a watch that is to go wrong does so; what happens till then is told."""
_BODY_LIMIT = 16 * 1024 * 1024
_OF_ONE_CONNECTION = {"connection", "keep-alive", "transfer-encoding", "content-length", "host", "upgrade", "te"}


@dataclass(frozen=True)
class Entry:
    """A line of the book."""

    call: Call
    at: float
    """Seconds since 1970 when the request had come."""
    user_agent: str
    fault: Fault | None
    code: int
    """What the client was answered; 0: nothing, or it went away before the end."""


@dataclass
class Proxy:
    """`with running(plane, folder) as proxy`. `plan` may be changed at any time."""

    plane: ControlPlane
    folder: Path
    plan: Plan = field(default_factory=Plan)
    book: list[Entry] = field(default_factory=list)
    """In the order in which they came to their end; `calls` puts them in that in which they came."""
    answered: Callable[[Call], None] | None = None
    """Told of each call that the server has answered, before the client hears of it."""
    watches_stalled: int = 0
    """How many have begun to say nothing."""
    _port: int = 0
    _loop: asyncio.AbstractEventLoop | None = None
    _upstream: aiohttp.ClientSession | None = None
    _end: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self._port}"

    def kubeconfig(self, user: str = ADMIN) -> Path:
        """For a client that is to go through here."""
        document = json.loads(self.plane.kubeconfig(user).read_text())
        document["clusters"][0]["cluster"] = {
            "server": self.url,
            "certificate-authority": str(self.folder / "proxy.crt"),
        }
        path = self.folder / f"proxy-{user}.kubeconfig"
        path.write_text(json.dumps(document))
        return path

    def calls(self, *, writes: bool = False) -> list[Call]:
        """What was asked, of the API server's objects."""
        ordered = sorted(self.book, key=lambda entry: entry.at)
        found = [entry.call for entry in ordered if entry.call.verb != "raw"]
        return [call for call in found if call.writes] if writes else found

    def faults(self) -> list[Entry]:
        """What went wrong."""
        return [entry for entry in list(self.book) if entry.fault]

    def at_random(self, rate: float, seed: int, *faults: Fault) -> None:
        """From now on, on top of the rules; no faults named: all of them."""
        self.plan.chance = Chance(rate, seed, faults or tuple(Fault))

    def rule(self, rule: Rule) -> Rule:
        """From now on."""
        self.plan.rules.append(rule)
        return rule

    def flawless(self) -> None:
        """From now on every call passes; a watch that stalls goes on to."""
        self.plan = Plan()

    # --- one call --------------------------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        call = api_calls.read(request.method, request.path, request.query_string, request.headers, body)
        fault = self.plan.draw(call)
        at, code = time.time(), 0
        try:
            answer = await self._carried_out(request, call, body, fault)
            code = answer.status
            return answer
        except ConnectionResetError:
            return web.Response()  # nobody is there to read it
        finally:
            agent = request.headers.get("User-Agent", "")
            self.book.append(Entry(call, at, agent, fault, code))

    async def _carried_out(
        self, request: web.Request, call: Call, body: bytes, fault: Fault | None
    ) -> web.StreamResponse:
        match fault:
            case Fault.CONFLICT | Fault.INVALID | Fault.THROTTLED | Fault.ERROR | Fault.UNAVAILABLE:
                return _refusal(fault, call)
            case Fault.RESET_BEFORE:
                return _reset(request)
            case Fault.HANG_BEFORE:
                return await self._hang(request)
            case Fault.SLOW:
                await asyncio.sleep(SLOW_BY)
            case _:
                pass
        async with self._asked(request, body) as answer:
            if call.verb == "watch" and answer.status == 200:
                return await self._streamed(request, answer, fault)
            content = await answer.read()
        if self.answered is not None:
            self.answered(call)
        if fault is Fault.RESET_AFTER:
            return _reset(request)
        if fault is Fault.HANG_AFTER:
            return await self._hang(request)
        return web.Response(status=answer.status, headers=_passed_on(answer.headers), body=content)

    @contextlib.asynccontextmanager
    async def _asked(self, request: web.Request, body: bytes) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._upstream is None:
            raise RuntimeError("not started")
        headers = _passed_on(request.headers)
        url = URL(f"{self.plane.url}{request.raw_path}", encoded=True)
        async with self._upstream.request(request.method, url, headers=headers, data=body or None) as answer:
            try:
                yield answer
            finally:
                # A stream that is left before its end: to take leave over TLS would take longer than this loop lives.
                if answer.connection is not None and answer.connection.transport is not None:
                    answer.connection.transport.abort()

    async def _streamed(
        self, request: web.Request, answer: aiohttp.ClientResponse, fault: Fault | None
    ) -> web.StreamResponse:
        """A watch, as far as it may go."""
        out = web.StreamResponse(status=200, headers=_passed_on(answer.headers))
        await out.prepare(request)
        try:
            async with asyncio.timeout(WATCH_LASTS if fault in OF_WATCHES else None):
                # By lines, so that no half of an event is told.
                async for line in answer.content:
                    await out.write(line)
        except TimeoutError:
            if fault is Fault.WATCH_STALLED:
                self.watches_stalled += 1
                return await self._hang(request)
            if fault is Fault.WATCH_GONE:
                await out.write(_gone())
        await out.write_eof()
        return out

    async def _hang(self, request: web.Request) -> web.StreamResponse:
        """Until the client goes away or this proxy ends."""
        await self._end.wait()
        return _reset(request)

    # --- running ---------------------------------------------------------------------------------------------

    async def _serve(self, listening: socket.socket, ready: threading.Event) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        context = ssl.create_default_context(cafile=str(self.plane.certificate))
        # No limit of connections: a watch holds its own.
        connector = aiohttp.TCPConnector(ssl=context, limit=0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=10)
        async with aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, read_bufsize=_BODY_LIMIT
        ) as self._upstream:
            application = web.Application(client_max_size=_BODY_LIMIT)
            application.router.add_route("*", "/{path:.*}", self._answer)
            runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0, access_log=None)
            await runner.setup()
            await web.SockSite(runner, listening, ssl_context=_certificate(self.folder)).start()
            ready.set()
            await self._end.wait()
            await runner.cleanup()
        # What was let go of closes in the loop's next turns.
        for _ in range(20):
            await asyncio.sleep(0)


@contextmanager
def running(plane: ControlPlane, folder: Path) -> Iterator[Proxy]:
    """A proxy that makes no mistakes yet."""
    folder.mkdir(parents=True, exist_ok=True)
    proxy, ready = Proxy(plane, folder), threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))
    proxy._port = listening.getsockname()[1]
    thread = threading.Thread(target=lambda: asyncio.run(proxy._serve(listening, ready)), daemon=True)
    thread.start()
    if not ready.wait(30):
        raise TimeoutError("the proxy did not start")
    try:
        yield proxy
    finally:
        if proxy._loop is not None:
            proxy._loop.call_soon_threadsafe(proxy._end.set)
        thread.join(30)


def _refusal(fault: Fault, call: Call) -> web.Response:
    code, reason, message = REASONS[fault]
    throttled = fault is Fault.THROTTLED
    plural = call.kind.partition("/")[0]
    body = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f'{plural} "{call.name}": {message}',
        "reason": reason,
        "details": {"name": call.name, "kind": plural} | ({"retryAfterSeconds": RETRY_AFTER} if throttled else {}),
        "code": code,
    }
    return web.json_response(body, status=code, headers={"Retry-After": str(RETRY_AFTER)} if throttled else None)


def _gone() -> bytes:
    status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "reason": "Expired"}
    return json.dumps({"type": "ERROR", "object": status | {"message": "too old", "code": 410}}).encode() + b"\n"


def _reset(request: web.Request) -> web.StreamResponse:
    """A hard one: the peer sees RST. Raises ConnectionResetError."""
    if (transport := request.transport) is not None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    raise ConnectionResetError


def _passed_on(headers: "CIMultiDict[str] | aiohttp.typedefs.LooseHeaders") -> CIMultiDict[str]:
    found = CIMultiDict(headers)
    return CIMultiDict((name, value) for name, value in found.items() if name.lower() not in _OF_ONE_CONNECTION)


def _certificate(folder: Path) -> ssl.SSLContext:
    """A new one of our own, which clients are told to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "proxy.key").write_bytes(pem)
    (folder / "proxy.crt").write_bytes(self_signed(key, "proxy"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "proxy.crt", folder / "proxy.key")
    return context
