"""docs/platform/plans.md: every field of a plan, from its schema, and those built in. Used by generate.py."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from handrail_operator.plans import DEFAULT, Plan

PAGE = Path(__file__).resolve().parents[1] / "docs" / "platform" / "plans.md"
_HEAD = """<!-- Generated from the operator's own plans by `make generate`. Do not edit. -->
# Plans

A plan is what one tenant may use; a tenant names it in `spec.plan` (`standard` where it names none). The value `plans`
of the chart takes the place of **all** those built in: name there each plan that tenants have, or those tenants are no
longer looked after (`Ready` is `False`, `UnknownPlan`). A changed plan is put into force by itself; pods roll where
their sizes changed.

Sizes in bytes are whole numbers (1 MiB is 1048576, 1 GiB is 1073741824); CPU and memory are written as Kubernetes does
(`100m`, `256Mi`). Fields without a default must be given.

| field | unit, meaning | at least | default | small | standard | business |
|---|---|---|---|---|---|---|
"""
_EXAMPLE = """
## One of your own, beside those built in

```yaml
plans:
"""
_AFTER = """```

`gold` is the example; the others are as built in, so that tenants that have them are left as they are. How much of the
servers plans take: [production.md](production.md#how-much).
"""


def text() -> str:
    """The page."""
    built_in = {name: msgspec.to_builtins(plan) for name, plan in DEFAULT.items()}
    rows = "".join(_row(path, about, built_in) for path, about in _fields())
    return _HEAD + rows + _EXAMPLE + _example(built_in) + _AFTER


def _fields() -> Iterator[tuple[str, dict[str, Any]]]:
    """Paths with dots, and their schemas."""
    (_,), known = msgspec.json.schema_components([Plan])
    for name, about in known["Plan"]["properties"].items():
        required = name in known["Plan"]["required"]
        if name == "limits":
            yield from ((f"limits.{one}", inner) for one, inner in known["PlanLimits"]["properties"].items())
        else:
            yield name, about | {"required": required}


def _row(path: str, about: dict[str, Any], built_in: dict[str, Any]) -> str:
    default = "" if about.get("required") else "below" if path == "resources" else f"`{json.dumps(about['default'])}`"
    least = about.get("minimum", "")
    numbers = " | ".join("below" if path == "resources" else str(_at(plan, path)) for plan in built_in.values())
    return f"| `{path}` | {about['description']} | {least} | {default} | {numbers} |\n"


def _at(plan: dict[str, Any], path: str) -> Any:
    for step in path.split("."):
        plan = plan[step]
    return json.dumps(plan)


def _example(built_in: dict[str, Any]) -> str:
    gold = built_in["business"] | {"maxPods": 24, "resources": built_in["standard"]["resources"]}
    gold["resources"] = gold["resources"] | {"agent": {"cpu": "500m", "memory": "768Mi"}}
    lines = [_lines("gold", gold)]
    for name, plan in built_in.items():
        lines.append(_lines(name, {key: value for key, value in plan.items() if key != "resources"}))
    return "".join(lines)


def _lines(name: str, plan: dict[str, Any]) -> str:
    found = [f"  {name}:\n"]
    for key, value in plan.items():
        if isinstance(value, dict):
            found.append(f"    {key}:\n")
            found += [f"      {inner}: {_flow(one)}\n" for inner, one in value.items()]
        else:
            found.append(f"    {key}: {json.dumps(value)}\n")
    return "".join(found)


def _flow(value: Any) -> str:
    if not isinstance(value, dict):
        return json.dumps(value)
    return "{" + ", ".join(f"{key}: {one}" for key, one in value.items()) + "}"
