"""The CustomResourceDefinition of OnboardingTenant, made from the models. Pure.

The models' JSON Schema already carries the API server's rules beside the validators they mirror; what is left is to
give it the structural form that Kubernetes asks for: no references, no unions, a type on every node.
"""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from handrail_contracts import durations, names, patterns
from handrail_contracts.status import TenantStatus
from handrail_contracts.tenant_spec import TenantSpec

PLURAL = "onboardingtenants"
SINGULAR = "onboardingtenant"
SHORT_NAME = "otn"
CATEGORY = "handrail"

# The name is the tenant's id, and names of namespace and children are made of it.
_NAME_RULE = {
    "rule": f"self.metadata.name.matches('{names.TENANT_NAME_PATTERN}')",
    "message": f"metadata.name: {patterns.WORDS[names.TENANT_NAME_PATTERN]}",
}
_DROPPED = {"title", "$defs"}


def _column(name: str, path: str, description: str, *, kind: str = "string", priority: int = 0) -> dict[str, Any]:
    return {"name": name, "type": kind, "jsonPath": path, "description": description, "priority": priority}


def _of_ready(field: str) -> str:
    return f'.status.conditions[?(@.type=="Ready")].{field}'


_COLUMNS = [
    _column("Plan", ".spec.plan", "Plan the tenant is on."),
    _column("Ready", _of_ready("status"), "Whether everything the tenant needs stands and answers."),
    _column("Reason", _of_ready("reason"), "Why, in one word."),
    _column("Revision", ".status.revision", "Revision of the config in force.", priority=1),
    _column("Version", ".status.version", "Version of the runtime that runs.", priority=1),
    _column("Message", _of_ready("message"), "Why, for a person.", priority=1),
    _column("Age", ".metadata.creationTimestamp", "Time since it was made.", kind="date"),
]


class AsPublished(GenerateJsonSchema):
    """Defaults in the form in which a file would give them."""

    def encode_default(self, dft: Any) -> Any:
        if isinstance(dft, timedelta):
            return durations.render(dft)
        if isinstance(dft, Decimal):
            return f"{dft:.2f}"
        return super().encode_default(dft)


def definition() -> dict[str, Any]:
    """The whole document."""
    schema = {
        "type": "object",
        "description": "A SaaS product that Handrail helps to onboard its users.",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": structural(TenantSpec.model_json_schema(schema_generator=AsPublished)),
            "status": structural(TenantStatus.model_json_schema(schema_generator=AsPublished)),
        },
        "x-kubernetes-validations": [_NAME_RULE],
    }
    version = {
        "name": names.VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": _COLUMNS,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURAL}.{names.GROUP}"},
        "spec": {
            "group": names.GROUP,
            "scope": "Cluster",
            "names": {
                "kind": names.KIND,
                "listKind": f"{names.KIND}List",
                "plural": PLURAL,
                "singular": SINGULAR,
                "shortNames": [SHORT_NAME],
                "categories": [CATEGORY],
            },
            "versions": [version],
        },
    }


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """A model's JSON Schema (draft 2020-12, with `$defs`) in Kubernetes' structural form."""
    made = _node(schema, schema.get("$defs", {}))
    made.pop("default", None)
    return made


def _node(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    # What stands beside a reference or a union (a description, a default) says more than what it points to.
    own = {key: value for key, value in schema.items() if key not in _DROPPED and key not in ("$ref", "anyOf")}
    if "$ref" in schema:
        own = _node(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions) | own
    elif "anyOf" in schema:
        own = _node(_only(schema["anyOf"], own), definitions) | own
        if own.get("default", ...) is None:
            # Absent is how "none" is written: a null would have to be declared, and defaulted, everywhere.
            del own["default"]
    if "properties" in own:
        # Closed by pruning and strict field validation; the API server takes no such word beside properties.
        own.pop("additionalProperties", None)
        own["properties"] = {name: _node(child, definitions) for name, child in own["properties"].items()}
        if "default" not in own and not own.get("required"):
            # Whole, and not {} to be filled in: the server judges a default by the rules as it stands.
            children = own["properties"].items()
            own["default"] = {name: child["default"] for name, child in children if "default" in child}
    if "pattern" in own:
        own["x-kubernetes-validations"] = [_form(own), *own.get("x-kubernetes-validations", [])]
    if isinstance(own.get("items"), dict):
        own["items"] = _entry(own["items"], definitions)
    if isinstance(own.get("additionalProperties"), dict):
        own["additionalProperties"] = _node(own["additionalProperties"], definitions)
    return own


def _form(node: dict[str, Any]) -> dict[str, Any]:
    """A rule with words for a person instead of the node's pattern, which goes."""
    pattern = node.pop("pattern")
    if "maxLength" not in node or "'" in pattern:
        raise ValueError(f"a rule would cost too much, or could not be written: {pattern}")
    return {"rule": f"self.matches(r'{pattern}')", "message": patterns.WORDS[pattern]}


def _entry(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    made = _node(schema, definitions)
    made.pop("default", None)
    return made


def _only(choices: list[dict[str, Any]], own: dict[str, Any]) -> dict[str, Any]:
    """The one choice that is meant: all but null, or the one of the type that stands beside the union."""
    found = [choice for choice in choices if choice.get("type") != "null"]
    if len(found) > 1:
        found = [choice for choice in found if choice.get("type") == own.get("type")]
    if len(found) != 1:
        raise ValueError(f"a structural schema has no unions: {choices}")
    return found[0]
