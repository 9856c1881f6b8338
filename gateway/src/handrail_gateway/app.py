"""The FastAPI app and what stands before it: request ids, CORS, the events endpoint, sockets, the last catch."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import structlog
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Message, Receive, Scope, Send

from handrail_contracts.problems import Problem, ProblemItem
from handrail_gateway import browser_api, door, intake, openapi, probes, tenant_api
from handrail_gateway.gateway import Gateway

log = structlog.get_logger()

_ROUTERS = (browser_api.router, tenant_api.router, probes.probes)
_NO_PATH = "Nothing is served under this path. GET /openapi.json lists what is."
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


class GatewayApp(FastAPI):
    """FastAPI for everything but two: events (what of them comes here, see `intake_protocol`) and sockets are plain
    ASGI."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._http(scope, receive, send)
        elif scope["type"] == "websocket":
            await self.state.gateway.sockets(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    def openapi(self) -> dict[str, Any]:
        """FastAPI's description plus what FastAPI does not see."""
        if self.openapi_schema is None:
            self.openapi_schema = openapi.complete(super().openapi())
        return self.openapi_schema

    async def _http(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        request_id = door.request_id(scope["headers"])
        # Routed as it was sent: an encoded slash in an id parts nothing.
        path = scope["raw_path"].decode("latin-1")
        browser = door.is_browser_path(path)
        answered = _Answered(send, request_id, browser=browser)
        route = "other"
        try:
            if browser and scope["method"] == "OPTIONS":
                route = "preflight"
                await door.answer_preflight(answered.pass_on, request_id)
            elif path == intake.PATH and scope["method"] == "POST":
                route = path
                await self.state.gateway.intake(scope, receive, answered.pass_on, request_id)
            else:
                method = "GET" if scope["method"] == "HEAD" else scope["method"]
                inner = {**scope, "path": path, "method": method, "handrail.request_id": request_id}
                try:
                    await super().__call__(inner, receive, answered.complete)
                finally:
                    # The template, so that no id gets into a label.
                    route = getattr(inner.get("route"), "path", "other")
        except (door.Gone, ClientDisconnect):
            return
        except Exception:
            # A fault of ours, whatever it is: the log gets all of it, the caller a 500 that says nothing.
            log.exception("a request failed", request_id=request_id, method=scope["method"])
            if not answered.status:
                await door.answer_problem(answered.pass_on, Problem("internal"), request_id, browser=browser)
        finally:
            if answered.status:
                self._count(route, scope["method"], answered.status, time.perf_counter() - began)

    def _count(self, route: str, method: str, status: int, seconds: float) -> None:
        own: Gateway | None = getattr(self.state, "gateway", None)
        if own is not None:
            own.metrics.count_request(route, method, status, seconds)


class _Answered:
    """An answer on its way out: remembers its status, completes its headers."""

    def __init__(self, send: Send, request_id: str, *, browser: bool) -> None:
        self._send = send
        self._request_id = request_id
        self._browser = browser
        self.status = 0

    async def pass_on(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
        await self._send(message)

    async def complete(self, message: Message) -> None:
        """For answers of FastAPI, which know nothing of request ids and CORS."""
        if message["type"] == "http.response.start":
            own = door.common_headers(self._request_id, browser=self._browser)
            given = {name for name, _ in message["headers"]}
            if b"cache-control" not in given:
                own.append((b"cache-control", b"no-store"))
            message = {**message, "headers": [*message["headers"], *own]}
        await self.pass_on(message)


def create_app(gateway: Gateway | None = None, *, with_admin: bool = False) -> GatewayApp:
    """The app. Pure: nothing is read or connected here; without a gateway it only describes itself."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        if gateway is not None:
            await gateway.start()
        yield
        if gateway is not None:
            await gateway.stop()

    app = GatewayApp(
        title="Handrail",
        version=version("handrail-gateway"),
        description="Events in, nudges out; the tenant's own API.",
        lifespan=lifespan,
        openapi_url=None,
        redirect_slashes=False,
    )
    if gateway is not None:
        app.state.gateway = gateway
    for router in _ROUTERS:
        app.include_router(router)
    if with_admin:
        app.include_router(probes.admin)
    _add_handlers(app)
    return app


def create_admin_app(gateway: Gateway) -> FastAPI:
    """Metrics, docs and probes for a port that is not public."""
    app = GatewayApp(title="Handrail gateway", openapi_url=None, redirect_slashes=False)
    app.state.gateway = gateway
    app.include_router(probes.probes)
    app.include_router(probes.admin)
    _add_handlers(app)
    return app


# --- errors -----------------------------------------------------------------------------------------------------


def _add_handlers(app: FastAPI) -> None:
    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return _render(request, error)

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> Response:
        # From the root of body, query or path, without the word that says which.
        errors = [ProblemItem(loc=list(item["loc"])[1:], msg=item["msg"]) for item in error.errors()]
        return _render(request, Problem("invalid", errors=errors))

    @app.exception_handler(Exception)
    async def unexpected(request: Request, _: Exception) -> Response:
        # Raised again by Starlette once this is sent; logged where it ends up.
        return _render(request, Problem("internal"))

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        headers = {name.lower(): value for name, value in (error.headers or {}).items()}
        if error.status_code == 405:
            headers["allow"] = ", ".join(_allowed(request))
        detail = _NO_PATH if error.status_code == 404 else ""
        return _render(request, Problem(_CODES.get(error.status_code, "bad_request"), detail), headers)


def _render(request: Request, problem: Problem, extra: Mapping[str, str] | None = None) -> Response:
    request_id = request.scope["handrail.request_id"]
    return Response(
        door.problem_body(problem, request_id), problem.status, headers=door.problem_headers(problem, extra)
    )


def _allowed(request: Request) -> list[str]:
    """All methods of a path; Starlette names those of the first route only."""
    found = {
        method
        for router in (*_ROUTERS, probes.admin)
        for route in router.routes
        if route.matches(request.scope)[0] is not Match.NONE
        for method in getattr(route, "methods", None) or ()
    }
    if "GET" in found:
        found.add("HEAD")
    if door.is_browser_path(request.scope["path"]):
        found |= {"OPTIONS"}
    if request.scope["path"] == intake.PATH:
        found |= {"POST"}
    return sorted(found)
