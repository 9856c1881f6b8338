"""The API of a tenant's own programs and dashboard: config and keys answered here, the rest by its realtime."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from handrail_contracts import operator_calls
from handrail_contracts.api_keys import KeyKind
from handrail_contracts.operator_calls import ConfigEdit, HandBack, KeyCreate, KeyRevoke
from handrail_contracts.problems import Problem, ProblemItem
from handrail_contracts.record import Phase
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway import relay
from handrail_gateway.directory import Caller
from handrail_gateway.door import read_body
from handrail_gateway.requests import (
    SecretCaller,
    UserIdInPath,
    gateway,
    json_body,
    matches,
    request_id,
    validated,
)

router = APIRouter()

MAX_CONFIG = 256 * 1024
_JSON = ("application/json",)
_MERGE_PATCH = ("application/merge-patch+json", "application/json")
_SPEC_SCHEMA: dict[str, Any] = {"schema": {"$ref": "#/components/schemas/TenantSpec"}}


def _takes(schema: dict[str, Any], *media_types: str) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": dict.fromkeys(media_types, schema)}}


class KeyInfo(BaseModel):
    """A live key, without its text."""

    key_id: str
    kind: KeyKind
    created_at: str = Field(description="RFC 3339.")
    last_used_at: str | None = Field(description="RFC 3339, to the minute; null: never.")


class KeyList(BaseModel):
    """Newest first."""

    tenant: str = Field(description="Whose keys these are.")
    phase: Phase = Field(description="Ready: its runtime was made and answered. Suspended, Sleeping: it is stopped.")
    items: list[KeyInfo]
    next: str | None = None


class NewKey(BaseModel):
    """The body of `POST /api/v1/keys`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    kind: KeyKind


class CreatedKey(BaseModel):
    """The one time that a key's text is shown."""

    key_id: str
    kind: KeyKind
    created_at: str
    key: str


class FieldsToHandBack(BaseModel):
    """The body of `POST /api/v1/config/hand-back`."""

    model_config = ConfigDict(strict=True, extra="forbid")

    fields: list[Annotated[list[int | Annotated[str, Field(max_length=1000)]], Field(max_length=16)]] = Field(
        min_length=1,
        max_length=1000,
        description="Places in the config with all below them, each as in a problem's `loc`; an entry of a list by its"
        " index or its name. An empty place means all.",
        examples=[[["tone", "voice"], ["baselines", "first-project"]]],
    )


class HandedBack(BaseModel):
    """What the API owned of these places, and owns no more."""

    fields: list[list[str]] = Field(description="Entries of lists by their names. Empty: nothing was its own.")


TakeOver = Annotated[
    bool,
    Query(
        description="Changes fields that others (Git, kubectl) own, too. They are the API's from then on: the other's"
        " next apply is in conflict until they are handed back. What is removed may come back with it."
    ),
]


# --- config -----------------------------------------------------------------------------------------------------


@router.get("/api/v1/config", response_model=TenantSpec, tags=["config"])
async def read_config(request: Request, caller: SecretCaller) -> Response:
    """The spec, from the tenant record: also while the tenant sleeps."""
    headers = {"etag": caller.tenant.etag, "cache-control": "no-cache"}
    if matches(request.headers.get("if-none-match"), caller.tenant.etag):
        return Response(status_code=304, headers=headers)
    return JSONResponse(caller.tenant.record.spec, headers=headers)


@router.post("/api/v1/config", response_model=TenantSpec, tags=["config"], openapi_extra=_takes(_SPEC_SCHEMA, *_JSON))
async def replace_config(request: Request, caller: SecretCaller, take_over: TakeOver = False) -> Response:
    """Replaces the spec."""
    return await _edit(request, caller, "replace", _JSON, take_over=take_over)


@router.patch(
    "/api/v1/config",
    response_model=TenantSpec,
    tags=["config"],
    openapi_extra=_takes({"schema": {"type": "object"}}, *_MERGE_PATCH),
)
async def change_config(request: Request, caller: SecretCaller, take_over: TakeOver = False) -> Response:
    """Changes the spec by a JSON merge patch (RFC 7396)."""
    return await _edit(request, caller, "merge", _MERGE_PATCH, take_over=take_over)


@router.post(
    "/api/v1/config/hand-back",
    tags=["config"],
    openapi_extra=_takes({"schema": {"$ref": "#/components/schemas/FieldsToHandBack"}}, *_JSON),
)
async def hand_back_config(request: Request, caller: SecretCaller) -> HandedBack:
    """Gives fields up that the API owns, so that the next apply by Git or kubectl sets them. Values stay until then."""
    body = validated(FieldsToHandBack, await json_body(request, MAX_CONFIG, _JSON))
    call = HandBack(body.fields, by=caller.key.key_id)
    value = await gateway(request).bus.ask(operator_calls.VERB_HAND_BACK, caller.tenant.name, call)
    return HandedBack.model_validate(value)


async def _edit(
    request: Request,
    caller: Caller,
    mode: Literal["replace", "merge"],
    media_types: tuple[str, ...],
    *,
    take_over: bool,
) -> Response:
    body = await json_body(request, MAX_CONFIG, media_types)
    if not isinstance(body, dict):
        raise Problem("invalid", errors=[ProblemItem(loc=[], msg="an object is wanted")])
    if_match = request.headers.get("if-match")
    if_match = None if if_match == "*" else if_match
    edit = ConfigEdit(mode, body, if_match, by=caller.key.key_id, take_over=take_over)
    value = await gateway(request).bus.ask(operator_calls.VERB_CONFIG, caller.tenant.name, edit)
    return JSONResponse(value.get("spec"), headers={"etag": str(value.get("etag", ""))})


# --- keys -------------------------------------------------------------------------------------------------------


@router.get("/api/v1/keys", tags=["keys"])
async def list_keys(request: Request, caller: SecretCaller) -> KeyList:
    """The live keys."""
    keys = sorted(caller.tenant.record.keys, key=lambda key: (key.created_at, key.key_id), reverse=True)
    used = await gateway(request).bus.last_used([key.key_id for key in keys])
    return KeyList(
        tenant=caller.tenant.name,
        phase=caller.tenant.record.phase,
        items=[
            KeyInfo(key_id=key.key_id, kind=key.kind, created_at=key.created_at, last_used_at=used.get(key.key_id))
            for key in keys
        ],
    )


@router.post(
    "/api/v1/keys",
    status_code=201,
    tags=["keys"],
    openapi_extra=_takes({"schema": {"$ref": "#/components/schemas/NewKey"}}, *_JSON),
)
async def create_key(request: Request, caller: SecretCaller) -> CreatedKey:
    """A new key; its text is shown here and never again."""
    body = validated(NewKey, await json_body(request, 4096, _JSON))
    value = await gateway(request).bus.ask(operator_calls.VERB_KEY_CREATE, caller.tenant.name, KeyCreate(body.kind))
    return CreatedKey.model_validate(value)


@router.delete("/api/v1/keys/{key_id}", status_code=204, tags=["keys"])
async def revoke_key(request: Request, caller: SecretCaller, key_id: str) -> None:
    """Ends a key within a second."""
    if key_id not in caller.tenant.keys:
        raise Problem("not_found", "There is no live key of this id.")
    await gateway(request).bus.ask(operator_calls.VERB_KEY_REVOKE, caller.tenant.name, KeyRevoke(key_id))


# --- what realtime answers --------------------------------------------------------------------------------------


async def _relay(request: Request, caller: SecretCaller) -> Response:
    if request.method not in ("GET", "HEAD") and await read_body(
        request.receive, request.scope["headers"], relay.MAX_BODY
    ):
        # Silently left out, a body that names some would become a call that means all.
        raise Problem("invalid", errors=[ProblemItem(loc=[], msg="no body is taken here")])
    raw_path = request.scope["raw_path"].decode("ascii")
    query = request.scope["query_string"].decode("ascii")
    asked = gateway(request).relay
    with gateway(request).door.relaying(caller.tenant):
        return await asked.ask(request.method, caller, raw_path, query, request.headers, request_id(request))


async def _relay_user(request: Request, caller: SecretCaller, user_id: UserIdInPath) -> Response:
    del user_id  # Checked; realtime reads the raw path, too.
    return await _relay(request, caller)


async def _relay_item(request: Request, caller: SecretCaller, item_id: UUID) -> Response:
    del item_id  # Checked: what is no UUID, an encoded slash for one, goes no further.
    return await _relay(request, caller)


def _relaying(path: str) -> Callable[..., Awaitable[Response]]:
    return _relay_user if "{user_id}" in path else _relay_item if "{item_id}" in path else _relay


for _method, _path in relay.ROUTES:
    # Described by realtime, whose API is merged into the published description.
    router.add_api_route(_path, _relaying(_path), methods=[_method], include_in_schema=False)
