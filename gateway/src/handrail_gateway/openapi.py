"""The parts of the API's description that FastAPI does not see: the events endpoint, bodies read by hand, problems."""

from typing import Any

from pydantic import BaseModel

from handrail_contracts.events import EventBatch
from handrail_contracts.problems import MEDIA_TYPE, ProblemBody
from handrail_contracts.tenant_spec import TenantSpec
from handrail_gateway import intake
from handrail_gateway.identify import IdentifyBody
from handrail_gateway.tenant_api import NewKey

_REF = "#/components/schemas/{model}"
_MODELS: tuple[type[BaseModel], ...] = (EventBatch, IdentifyBody, NewKey, ProblemBody, TenantSpec)
_PROBLEM = {"content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="ProblemBody")}}}}
_REFUSALS = {
    "401": "The key is missing, unknown or revoked.",
    "403": "Origin, scope or identity.",
    "413": "Too large.",
    "415": "Content type or encoding not supported.",
    "422": "Not valid; `errors` names each bad place.",
    "429": "Too many requests; see Retry-After.",
    "503": "Not now; see Retry-After.",
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
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = {"description": "A problem (RFC 9457).", **_PROBLEM}
    return schema


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
        "responses": {
            "202": {"description": "On disk.", "content": {"application/json": {"schema": accepted}}},
            **{status: {"description": text, **_PROBLEM} for status, text in _REFUSALS.items() if status != "422"},
        },
    }
