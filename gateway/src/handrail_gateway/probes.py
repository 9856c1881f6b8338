"""Probes, description, metrics: on the public port, or on an admin port of their own."""

from fastapi import APIRouter, Request, Response
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST

from handrail_contracts.api_description import load
from handrail_gateway.requests import gateway

probes = APIRouter()
admin = APIRouter()


@probes.get("/healthz", include_in_schema=False)
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@probes.get("/readyz", include_in_schema=False)
async def readyz(request: Request) -> JSONResponse:
    """All tenants are known, and events can be taken: a gateway cut off from NATS for longer than a restart of NATS
    takes is left out while others are there. That a tenant's realtime is away is the tenant's matter."""
    own = gateway(request)
    ready = own.ready and own.bus.away_for() < own.settings.nats_grace
    up, wanted = own.links.state()
    answer = {
        "ready": ready,
        "checks": {"tenants": own.ready, "nats": own.bus.connected, "links": up == wanted},
        "optional": ["links"],
        "detail": {
            "tenants": {"known": len(own.directory)},
            "nats": {"away_seconds": round(own.bus.away_for(), 1)},
            "links": {"up": up, "wanted": wanted},
        },
    }
    return JSONResponse(answer, 200 if ready else 503)


@probes.get("/openapi.json", include_in_schema=False)
async def description(request: Request) -> Response:
    """The committed description of the whole API, or this part's own where there is none."""
    committed = load()
    if committed is not None:
        return Response(committed, media_type="application/json")
    return JSONResponse(request.app.openapi())


@admin.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text."""
    return Response(gateway(request).metrics.render(), media_type=CONTENT_TYPE_LATEST)


@admin.get("/docs", include_in_schema=False)
async def docs() -> HTMLResponse:
    """The description for people."""
    return get_swagger_ui_html(openapi_url="/openapi.json", title="Handrail API")
