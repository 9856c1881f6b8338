"""What is generated says what the code does."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from handrail_contracts import api_description, problems
from handrail_contracts.tenant_spec import TenantSpec

ROOT = Path(__file__).parents[2]
SCHEMAS = sorted((ROOT / "contracts" / "schemas").glob("*.json"))


def load(name: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((ROOT / "contracts" / "schemas" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.name)
def test_schemas_are_schemas(path):
    jsonschema.Draft202012Validator.check_schema(json.loads(path.read_text()))


def test_schemas_accept_what_the_models_write():
    problem = problems.Problem("invalid", errors=[problems.ProblemItem(loc=["events", 3], msg="x")]).body("r")
    jsonschema.validate(problem.model_dump(mode="json"), load("problem"))
    spec = TenantSpec.model_validate({"displayName": "a", "origins": ["*"]})
    document = {"apiVersion": "handrail.dev/v1alpha1", "kind": "OnboardingTenant", "metadata": {"name": "a"}}
    jsonschema.validate(document | {"spec": spec.dump()}, load("onboarding-tenant"))
    for wrong in ({"displayName": "a"}, spec.dump() | {"suspend": "x"}, spec.dump() | {"nudges": {"cooldown": "5 m"}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(document | {"spec": wrong}, load("onboarding-tenant"))
    for frame in ({"type": "ack", "seq": 1}, {"type": "resume", "last_seq": 0}):
        jsonschema.validate(frame, load("client-frame"))
    for bad in ({"seq": 1}, {"type": "ack", "seq": -1}, {"type": "hello", "seq": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, load("client-frame"))


def test_the_description_is_whole():
    text = api_description.load()
    assert text is not None
    document = json.loads(text)
    assert document["openapi"].startswith("3.1")
    paths = document["paths"]
    for path, methods in {
        "/api/v1/events": {"get", "post"}, "/api/v1/identify": {"post"}, "/api/v1/config": {"get", "post", "patch"},
        "/api/v1/users": {"get"}, "/api/v1/users/{user_id}": {"get"}, "/api/v1/sessions": {"get"},
        "/api/v1/nudges": {"get"}, "/api/v1/decisions": {"get"}, "/api/v1/escalations": {"get"},
        "/api/v1/keys": {"get", "post"}, "/api/v1/keys/{key_id}": {"delete"}, "/sdk/v1/config": {"get"},
        "/api/v1/deadletters": {"get", "delete"}, "/api/v1/deadletters/retry": {"post"},
        "/api/v1/deadletters/{dead_letter_id}": {"delete"}, "/api/v1/deadletters/{dead_letter_id}/retry": {"post"},
        "/api/v1/targets": {"get"}, "/api/v1/runs": {"get"}, "/api/v1/runs/{run_id}/resume": {"post"},
        "/api/v1/escalations/{escalation_id}/close": {"post"},
    }.items():  # fmt: skip
        assert methods <= paths[path].keys(), path
    secured = set(document["components"]["securitySchemes"])
    for path, operations in paths.items():
        for method, operation in operations.items():
            problem = [
                answer for status, answer in operation["responses"].items() if status == "default" or status >= "400"
            ]
            assert problem, (path, method)
            assert all(problems.MEDIA_TYPE in answer["content"] for answer in problem), (path, method)
            if path.startswith("/api/"):
                assert {name for choice in operation["security"] for name in choice} <= secured
                assert operation["security"], (path, method)
    body = paths["/api/v1/events"]["post"]["requestBody"]["content"]
    assert {"application/json", "text/plain"} <= body.keys()
    assert body["application/json"]["schema"] == {"$ref": "#/components/schemas/EventBatch"}
    limit = next(it for it in paths["/api/v1/events"]["get"]["parameters"] if it["name"] == "limit")
    assert (limit["schema"]["maximum"], limit["schema"]["default"]) == (500, 50)
    identifiers = [operation["operationId"] for operations in paths.values() for operation in operations.values()]
    assert len(identifiers) == len(set(identifiers))
