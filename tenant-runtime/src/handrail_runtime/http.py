"""The process's HTTP side: probes, metrics, and what its roles serve."""

import math
from collections.abc import Sequence

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.exceptions import HTTPException

from handrail_contracts import names
from handrail_contracts.problems import MEDIA_TYPE, Problem
from handrail_runtime.roles import Role

_NO_CALL = "The tenant's runtime does not have this call; it may be of an earlier version."
_CODES = {404: "not_found", 405: "method_not_allowed"}


def create_app(roles: Sequence[Role]) -> FastAPI:
    """The app of a process with these roles. Pure: nothing is connected here."""
    app = FastAPI(title="Handrail runtime", openapi_url=None)
    for role in roles:
        if (router := role.router()) is not None:
            app.include_router(router)

    @app.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        checks = {name: ok for role in roles for name, ok in role.ready().items()}
        optional = {name for role in roles for name in role.optional}
        ready = all(ok for name, ok in checks.items() if name not in optional)
        answer = {"ready": ready, "checks": checks, "optional": sorted(optional)}
        return JSONResponse(answer, 200 if ready else 503)

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return render(error, request.headers.get(names.HEADER_REQUEST_ID, ""))

    @app.exception_handler(HTTPException)
    async def no_route(request: Request, error: HTTPException) -> Response:
        # A gateway of another version may ask for what this one does not have.
        code = _CODES.get(error.status_code, "bad_request")
        detail = _NO_CALL if code == "not_found" else ""
        return render(Problem(code, detail), request.headers.get(names.HEADER_REQUEST_ID, ""))

    return app


def render(problem: Problem, request_id: str) -> Response:
    """The answer that a problem is."""
    headers = {} if problem.retry_after is None else {"Retry-After": str(math.ceil(problem.retry_after))}
    body = problem.body(request_id).model_dump_json()
    return Response(body, problem.status, headers, media_type=MEDIA_TYPE)
