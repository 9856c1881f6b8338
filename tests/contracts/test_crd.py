"""The custom resource's definition: structural, bounded, described, and with the models' own defaults.

What only an API server can tell (its rules' cost, pruning, messages) is asked of a real one elsewhere.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from ruamel.yaml import YAML

from handrail_contracts import crd, durations, names
from handrail_contracts.tenant_spec import TenantSpec

ROOT = Path(__file__).parents[2]
DEFINITION = crd.definition()
(VERSION,) = DEFINITION["spec"]["versions"]
SCHEMA = VERSION["schema"]["openAPIV3Schema"]
SPEC = SCHEMA["properties"]["spec"]


def nodes(schema: dict[str, Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in schema:
        yield from nodes(schema["items"], f"{path}[]")


NODES = dict(nodes(SPEC, "spec")) | dict(nodes(SCHEMA["properties"]["status"], "status"))


@pytest.mark.parametrize("path", NODES)
def test_every_node_is_structural_and_bounded(path):
    node = NODES[path]
    assert node["type"] in ("object", "array", "string", "integer", "number", "boolean")
    assert not node.keys() & {"$ref", "anyOf", "oneOf", "allOf", "title", "x-kubernetes-preserve-unknown-fields"}
    if node["type"] == "array":
        assert node["maxItems"] <= 50
        assert node["x-kubernetes-list-type"] in ("set", "map")
    if node["type"] == "string" and path.startswith("spec"):
        assert node.keys() & {"maxLength", "enum"}
    # The server would show a pattern as it is; a rule has words.
    assert "pattern" not in node
    if node["type"] in ("integer", "number") and path.startswith("spec"):
        assert {"minimum", "maximum"} <= node.keys()


@pytest.mark.parametrize("path", [path for path in NODES if not path.endswith("[]") and path.count(".")])
def test_every_field_says_what_it_is(path):
    assert NODES[path]["description"]


def defaulted(schema: dict[str, Any], value: Any) -> Any:
    """As the API server fills a value in before it stores it."""
    if schema["type"] == "object" and isinstance(value, dict):
        value = dict(value)
        for name, child in schema.get("properties", {}).items():
            if name not in value and "default" in child:
                value[name] = child["default"]
            if name in value:
                value[name] = defaulted(child, value[name])
    elif schema["type"] == "array" and isinstance(value, list):
        value = [defaulted(schema["items"], entry) for entry in value]
    return value


STEP = {"name": "open", "event": "page_view"}
LAST = {"name": "save", "event": "submit", "within": "2m"}
WRITTEN = {
    "least": {"displayName": "A", "origins": ["*"]},
    "lists": {
        "displayName": "A",
        "origins": ["https://a.test:8443"],
        "baselines": [{"name": "b", "success": {"event": "submit"}, "steps": [STEP, LAST]}],
        "escalation": {"webhooks": [{"name": "w", "urlSecretRef": {"name": "s", "key": "k"}}]},
        "llm": {"apiKeySecretRef": {"name": "s", "key": "k"}, "monthlyBudget": "7"},
    },
}  # fmt: skip


@pytest.mark.parametrize("written", WRITTEN.values(), ids=WRITTEN)
def test_the_api_servers_defaults_are_the_models(written):
    stored = defaulted(SPEC, written)
    jsonschema.validate(stored, SPEC)
    assert TenantSpec.model_validate(stored).dump() == TenantSpec.model_validate(written).dump()


def test_what_users_see():
    assert DEFINITION["metadata"]["name"] == f"{crd.PLURAL}.{names.GROUP}"
    assert DEFINITION["spec"]["names"]["shortNames"] == ["otn"]
    assert DEFINITION["spec"]["names"]["categories"] == ["handrail"]
    assert DEFINITION["spec"]["scope"] == "Cluster"
    assert VERSION["subresources"] == {"status": {}}
    columns = {column["name"]: column["priority"] for column in VERSION["additionalPrinterColumns"]}
    assert [name for name, priority in columns.items() if priority == 0] == ["Plan", "Ready", "Reason", "Age"]


@pytest.mark.parametrize("path", sorted((ROOT / "examples/tenants").glob("*.yaml")), ids=lambda path: path.name)
def test_the_examples_fit(path):
    for document in YAML(typ="safe").load_all(path):
        if document["kind"] == names.KIND:
            jsonschema.validate(document["spec"], SPEC)


def test_rules_stand_beside_what_they_mirror():
    rules = {path: [rule["rule"] for rule in node.get("x-kubernetes-validations", [])] for path, node in NODES.items()}
    assert rules["spec"] == ["self.nudges.maxPerStuckPoint >= self.escalation.afterNudges"]
    assert rules["spec.runtime.agent"] == ["self.maxReplicas >= self.replicas"]
    form, bounds = rules["spec.nudges.cooldown"]
    assert form == f"self.matches(r'{durations.PATTERN}')"
    assert bounds.endswith(" && duration(self) >= duration('1s') && duration(self) <= duration('2160h'))")
    lists = {path: node.get("x-kubernetes-list-map-keys", "set") for path, node in NODES.items() if "items" in node}
    assert lists == {
        "spec.origins": "set",
        "spec.baselines": ["name"],
        "spec.baselines[].steps": ["name"],
        "spec.escalation.webhooks": ["name"],
        "spec.escalation.email.to": "set",
        "spec.privacy.queryParameters": "set",
        "spec.identity.signingSecretRefs": ["name", "key"],
        "status.conditions": ["type"],
    }
