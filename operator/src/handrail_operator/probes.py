"""The operator's only port: whether it lives, whether it knows the cluster, what it counts."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Vitals(Protocol):
    """What the probes ask."""

    def living(self) -> bool:
        """No: the process is to be ended."""
        ...

    def ready(self) -> bool:
        """Whether it would know what to do if it led."""
        ...

    def metrics(self) -> bytes: ...


class PortTaken(Exception):
    """Nobody else may listen there."""


@asynccontextmanager
async def served(vitals: Vitals, host: str, port: int) -> AsyncIterator[int]:
    """Answers on the port that it yields. Raises PortTaken."""
    app = web.Application()
    app.router.add_get("/livez", _probe(vitals.living))
    app.router.add_get("/readyz", _probe(vitals.ready))
    app.router.add_get("/metrics", _metrics(vitals))
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            raise PortTaken(
                f"cannot listen on {host} port {port}: {error.strerror or error}. Choose another one by"
                " HANDRAIL_PORT, or any free one: HANDRAIL_PORT=0 handrail-operator run"
            ) from error
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


def _probe(asked: Callable[[], bool]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        fine = asked()
        return web.Response(text="ok\n" if fine else "no\n", status=200 if fine else 503)

    return answer


def _metrics(vitals: Vitals) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        text = web.Response(body=vitals.metrics())
        text.headers["Content-Type"] = "text/plain; version=0.0.4; charset=utf-8"
        return text

    return answer
