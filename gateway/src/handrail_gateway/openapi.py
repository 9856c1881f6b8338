"""The parts of the API's description that FastAPI does not see: the events endpoint, bodies read by hand, problems."""

from typing import Any

from pydantic import BaseModel

from handrail_contracts.events import EventBatch
from handrail_contracts.problems import MEDIA_TYPE, ProblemBody
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway import intake
from handrail_gateway.identify import IdentifyBody
from handrail_gateway.tenant_api import FieldsToHandBack, NewKey

_REF = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (EventBatch, FieldsToHandBack, IdentifyBody, NewKey, ProblemBody, TenantSpec)
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemBody")}}}}
_REFUSALS = {
    "400": "Not HTTP that can be read.",
    "401": "The key is missing, unknown or revoked.",
    "403": "Origin, scope or identity.",
    "404": "There is no such thing.",
    "409": "Somebody else owns this field; `detail` names the owner and `errors` each field.",
    "412": "It has changed since you read it.",
    "413": "Too large.",
    "415": "Content type or encoding not supported.",
    "422": "Not valid; `errors` names each bad place.",
    "429": "Too many requests; see Retry-After.",
    "503": "Not now; see Retry-After.",
}
_ANYBODY = ("400", "413")
"""Whatever is asked: of a request's first line and headers."""
_KEYED = ("401", "403", "429", "503")
"""Whatever is asked with a key."""
_BODY = ("413", "415", "422")
_MORE: dict[tuple[str, str], tuple[str, ...]] = {
    (intake.PATH, "post"): _BODY,
    ("/api/v1/identify", "post"): _BODY,
    ("/api/v1/config", "post"): (*_BODY, "409", "412"),
    ("/api/v1/config", "patch"): (*_BODY, "409", "412"),
    ("/api/v1/config/hand-back", "post"): _BODY,
    ("/api/v1/keys", "post"): _BODY,
    ("/api/v1/keys/{key_id}", "delete"): ("404",),
    ("/sdk/v1/onboarding-agent-sdk.js", "get"): ("404",),
    ("/sdk/{version}/{name}", "get"): ("404",),
}
"""Of each operation of the gateway's own, beside what `_ANYBODY` and `_KEYED` say."""
_CACHED = {
    ("/api/v1/config", "get"),
    ("/sdk/v1/config", "get"),
    ("/sdk/v1/onboarding-agent-sdk.js", "get"),
    ("/sdk/{version}/{name}", "get"),
}


def complete(schema: dict[str, Any]) -> dict[str, Any]:
    """FastAPI's description with the rest. Changes and returns `schema`."""
    components = schema.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        components.pop(name, None)
    for model in _MODELS:
        made = model.model_json_schema(ref_template=_REF)
        components.update(made.pop("$defs", {}))
        components[model.__name__] = made
    schema["paths"].setdefault(intake.PATH, {})["post"] = _events()
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _refusals(path, method, operation)
    return schema


def _refusals(path: str, method: str, operation: dict[str, Any]) -> None:
    """Names every answer but the good one, which is there already."""
    responses = operation["responses"]
    responses.pop("422", None)
    keyed = _KEYED if operation.get("security") else ()
    for status in sorted({*_ANYBODY, *keyed, *_MORE.get((path, method), ())}):
        responses[status] = {"description": _REFUSALS[status], **_PROBLEM}
    if (path, method) in _CACHED:
        responses["304"] = {"description": "As you have it."}


def _events() -> dict[str, Any]:
    content = {"schema": {"$ref": _REF.format(model="EventBatch")}}
    accepted = {
        "type": "object",
        "required": ["accepted"],
        "properties": {"accepted": {"type": "integer", "description": "Number of events."}},
    }
    return {
        "tags": ["browser"],
        "summary": "Events",
        "description": "1 to 500 events of one user, at most 512 KiB after decompression. 202 means on disk.",
        "operationId": "events_api_v1_events_post",
        "security": [{"APIKeyHeader": []}],
        "requestBody": {"required": True, "content": {"application/json": content, "text/plain": content}},
        "responses": {"202": {"description": "On disk.", "content": {"application/json": {"schema": accepted}}}},
    }
