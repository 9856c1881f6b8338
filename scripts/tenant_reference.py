"""docs/platform/tenants.md: every field of a tenant, from its schema. Used by generate.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from handrail_contracts import crd, tenant_spec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "platform" / "tenants.md"
_HEAD = """<!-- Generated from the contracts by `make generate`. Do not edit. -->
# Every field of a tenant

`apiVersion: handrail.dev/v1alpha1`, `kind: OnboardingTenant`. Only `displayName` and `origins` have no default.
Examples: [examples/tenants](../../examples/tenants). `handrail validate FILES...` checks files without a cluster.
Durations are written as `90s`, `5m`, `24h`. A list's items are written as `[]`.

| field of `spec` | type | default | what it is |
|---|---|---|---|
"""


def text() -> str:
    """The page."""
    schema = tenant_spec.TenantSpec.model_json_schema(schema_generator=crd.AsPublished)
    known = schema.get("$defs", {})
    rows = [f"| `{path}` | {kind} | {default} | {about} |" for path, kind, default, about in _rows(schema, known, "")]
    return _HEAD + "\n".join(rows) + "\n"


def _rows(schema: dict[str, Any], known: dict[str, Any], above: str) -> Iterator[tuple[str, str, str, str]]:
    for name, given in schema.get("properties", {}).items():
        found = _resolved(given, known)
        path = f"{above}.{name}" if above else name
        about = str(given.get("description") or found.get("description") or "").replace("\n", " ").replace("|", "\\|")
        required = name in schema.get("required", [])
        default = "required" if required else f"`{json.dumps(given['default'])}`" if "default" in given else ""
        items = _resolved(found["items"], known) if "items" in found else {}
        inner = found if "properties" in found else items
        yield path, _type(found, items), "" if "properties" in found else default, about
        if "properties" in inner:
            yield from _rows(inner, known, path if inner is found else f"{path}[]")


def _resolved(schema: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    found = schema
    for one in [*schema.get("anyOf", []), *schema.get("allOf", [])]:
        if one.get("type") != "null":
            found = one | {key: value for key, value in schema.items() if key not in ("anyOf", "allOf")}
            break
    if reference := found.get("$ref"):
        return _resolved(known[reference.rpartition("/")[2]], known)
    return found


def _type(found: dict[str, Any], items: dict[str, Any]) -> str:
    if options := found.get("enum"):
        return " \\| ".join(f"`{one}`" for one in options)
    kind = str(found.get("type", "any"))
    bounds = [
        f"{sign} {found[key]}"
        for key, sign in (
            ("minimum", "≥"),
            ("maximum", "≤"),
            ("exclusiveMinimum", ">"),
            ("maxLength", "≤"),
            ("maxItems", "≤"),
        )
        if key in found
    ]
    units = {"maxLength": " characters", "maxItems": " items"}
    unit = next((text for key, text in units.items() if key in found), "")
    said = f"list of {_type(items, {})}" if kind == "array" and items else kind
    return f"{said}, {' and '.join(bounds)}{unit}" if bounds else said
