"""What pages call besides the events endpoint: identify and the snippet's files and config."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from handrail_contracts.snippet_config import SnippetConfig
from handrail_gateway import bodies
from handrail_gateway.door import header, header_key, read_body
from handrail_gateway.identify import MAX_BODY, IdentifyAnswer, IdentifyBody
from handrail_gateway.requests import gateway, key_header, matches, parse_json, request_id, validated
from handrail_gateway.sdk_files import ENTRY, EVERGREEN, SdkFile

router = APIRouter()

_SHARED = {"cross-origin-resource-policy": "cross-origin", "timing-allow-origin": "*"}
_SHORT = "public, max-age=300"
_CONFIG_CACHE = "public, max-age=60"
_IMMUTABLE = "public, max-age=31536000, immutable"
_CHANGING = "no-cache"
"""Of what is not released: the core knows the hashes of its chunks, so all must be of one build."""


@router.post(
    "/api/v1/identify",
    response_model=IdentifyAnswer,
    tags=["browser"],
    dependencies=[Depends(key_header)],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                media_type: {"schema": {"$ref": "#/components/schemas/IdentifyBody"}}
                for media_type in ("application/json", "text/plain")
            },
        }
    },
)
async def identify(request: Request) -> Any:
    """A user token, 10 minutes long, for a user who proves to be one or is anonymous."""
    headers = request.scope["headers"]
    bodies.check_media_type(header(headers, b"content-type") or "")
    key = header_key(headers)
    own = gateway(request)
    caller = own.door.admit(key, request.scope) if key else None
    body = await read_body(request.receive, headers, MAX_BODY)
    if bodies.is_gzipped(header(headers, b"content-encoding") or ""):
        body = bodies.gunzip(body, MAX_BODY)
    if caller is None:
        caller = own.door.admit(bodies.key_in(body), request.scope)
    wanted = validated(IdentifyBody, parse_json(body))
    return await own.identify(caller.tenant, wanted, own.door.address(request.scope), request_id(request))


@router.get("/sdk/v1/config", response_model=SnippetConfig, tags=["snippet"], dependencies=[Depends(key_header)])
async def snippet_config(
    request: Request, key: Annotated[str | None, Query(description="pk_…, here or in X-API-Key.")] = None
) -> Response:
    """What the snippet may do on this tenant's pages."""
    caller = gateway(request).door.admit(header_key(request.scope["headers"]) or key, request.scope)
    tenant = caller.tenant
    headers = {"etag": tenant.snippet_etag, "cache-control": _CONFIG_CACHE, "vary": "Origin, X-API-Key"} | _SHARED
    if matches(request.headers.get("if-none-match"), tenant.snippet_etag):
        return Response(status_code=304, headers=headers)
    return Response(tenant.snippet_config, media_type="application/json", headers=headers)


@router.get(f"/sdk/v1/{ENTRY}", tags=["snippet"], response_class=Response)
async def newest_snippet(request: Request) -> Response:
    """The newest version of the snippet."""
    return await _file(request, gateway(request).sdk_files.find(EVERGREEN, ENTRY), _SHORT)


@router.get("/sdk/{version}/{name}", tags=["snippet"], response_class=Response)
async def snippet_file(request: Request, version: str, name: str) -> Response:
    """A file of one version, which never changes; under v1 a file of the newest."""
    cache = _SHORT if version == EVERGREEN else _IMMUTABLE
    return await _file(request, gateway(request).sdk_files.find(version, name), cache)


async def _file(request: Request, found: SdkFile, cache: str) -> Response:
    headers = {
        "etag": found.etag,
        "cache-control": cache if found.is_final else _CHANGING,
        "vary": "Accept-Encoding",
    } | _SHARED
    if found.source_map is not None:
        # Here and not in the file, whose bytes count.
        headers["sourcemap"] = found.source_map
    if matches(request.headers.get("if-none-match"), found.etag):
        return Response(status_code=304, headers=headers)
    if found.zipped is not None and "gzip" in request.headers.get("accept-encoding", ""):
        headers["content-encoding"] = "gzip"
        return Response(found.zipped, media_type=found.media_type, headers=headers)
    body = found.body if found.body is not None else await asyncio.to_thread(found.path.read_bytes)
    return Response(body, media_type=found.media_type, headers=headers)
