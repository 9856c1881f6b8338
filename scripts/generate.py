"""Writes what is generated: JSON Schemas, the OpenAPI description, the snippet's wire types, parts of the chart.

`--check` writes nothing and names what is stale (exit code 1). Needs the Python members installed and, for the wire
types, the snippet's build tools (`make install`).
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any, Literal

import chart
import plan_reference
import tenant_reference
from pydantic import TypeAdapter
from pydantic_core import core_schema
from ruamel.yaml import YAML

from handrail_contracts import crd, events, frames, names, nudges, problems, snippet_config, tenant_spec
from handrail_gateway.app import create_app
from handrail_runtime.realtime.api.description import describe

ROOT = Path(__file__).resolve().parents[1]
SDK = ROOT / "sdk-js"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
KEY = "APIKeyHeader"

Mode = Literal["validation", "serialization"]

SCHEMAS: dict[str, tuple[Any, Mode]] = {
    "event-batch": (events.EventBatch, "validation"),
    "onboarding-tenant": (tenant_spec.OnboardingTenant, "validation"),
    "diagnosis": (nudges.Diagnosis, "validation"),
    "nudge": (nudges.Nudge, "serialization"),
    "server-frame": (frames.ServerFrame, "serialization"),
    "client-frame": (frames.ClientFrame, "serialization"),
    "snippet-config": (snippet_config.SnippetConfig, "serialization"),
    "problem": (problems.ProblemBody, "serialization"),
}
"""What is sent by us is described as written (every field is there), what is sent to us as read."""

WIRE = {
    "EventBatch": "event-batch",
    "ServerFrame": "server-frame",
    "ClientFrame": "client-frame",
    "SnippetConfig": "snippet-config",
    "ProblemBody": "problem",
}


class _AsWritten(crd.AsPublished):
    """What we write has every field, those with a default too."""

    def field_is_required(
        self, field: core_schema.ModelField | core_schema.DataclassField | core_schema.TypedDictField, total: bool
    ) -> bool:
        return self.mode == "serialization" or super().field_is_required(field, total)


def schema(name: str) -> dict[str, Any]:
    model, mode = SCHEMAS[name]
    made = TypeAdapter(model).json_schema(mode=mode, schema_generator=_AsWritten)
    return {"$schema": DRAFT, "title": made.pop("title", name), **made}


def openapi() -> dict[str, Any]:
    """The gateway's own description with that of realtime, which answers behind it. Raises ValueError on a clash."""
    whole = create_app().openapi()
    if KEY not in whole["components"]["securitySchemes"]:
        raise ValueError(f"the gateway's security scheme is no longer called {KEY}")
    behind = describe([{KEY: []}])
    for path, operations in behind["paths"].items():
        _merge(whole["paths"].setdefault(path, {}), operations, path)
    _merge(whole["components"]["schemas"], behind["components"]["schemas"], "components")
    # With the defaults as a tenant file gives them, which FastAPI does not know how to write.
    spec = tenant_spec.TenantSpec.model_json_schema(
        ref_template="#/components/schemas/{model}", schema_generator=crd.AsPublished
    )
    whole["components"]["schemas"] |= spec.pop("$defs") | {"TenantSpec": spec}
    whole["components"]["schemas"] = dict(sorted(whole["components"]["schemas"].items()))
    whole["paths"] = dict(sorted(whole["paths"].items()))
    _check_references(whole)
    return whole


def _merge(into: dict[str, Any], more: dict[str, Any], where: str) -> None:
    for name, value in more.items():
        if into.setdefault(name, value) != value:
            raise ValueError(f"gateway and realtime both describe {name} of {where}, differently")


def _check_references(document: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    if missing := {value for key, value in _walk(document) if key == "$ref"} - known:
        raise ValueError(f"described nowhere: {', '.join(sorted(missing))}")


def _walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield key, child
            yield from _walk(child)
    elif isinstance(value, list):
        for child in value:
            yield from _walk(child)


_REFERENCE = re.compile(r"(?: \*\n)? \* This interface was referenced by `Wire`'s JSON-Schema\n \* via the .*\n")
_EMPTY = re.compile(r"^/\*\*\n \*/\n|^export interface Wire \{\}\n", re.MULTILINE)


def wire_types() -> str:
    """TypeScript for what crosses the wire, by json-schema-to-typescript."""
    command = SDK / "node_modules" / "json-schema-to-typescript" / "dist" / "src" / "cli.js"
    node = shutil.which("node", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    if node is None or not command.exists():
        raise SystemExit("the snippet's build tools are not installed: run `make install`")
    definitions: dict[str, Any] = {}
    for title, name in WIRE.items():
        made = schema(name)
        del made["$schema"]
        _merge(definitions, {key: _untitled(value) for key, value in made.pop("$defs", {}).items()}, name)
        _merge(definitions, {title: _untitled(made)}, name)
    whole = {"title": "Wire", "type": "object", "properties": {}, "$defs": definitions}
    banner = "// Generated from the contracts by `make generate`. Do not edit."
    options = ["--unreachableDefinitions", "--additionalProperties=false", "--ignoreMinAndMaxItems"]
    ran = subprocess.run(
        [node, command, *options, "--bannerComment", banner],
        input=json.dumps(whole),
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(f"json-schema-to-typescript failed:\n{ran.stderr}")
    return _EMPTY.sub("", _REFERENCE.sub("", ran.stdout))


def _untitled(value: Any) -> Any:
    """Without titles, which would each become a type of their own."""
    if isinstance(value, dict):
        return {
            key: _untitled(child) for key, child in value.items() if not (key == "title" and isinstance(child, str))
        }
    return [_untitled(child) for child in value] if isinstance(value, list) else value


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _yaml(value: Any) -> str:
    text = StringIO()
    writer = YAML()
    writer.width = 110
    writer.dump(value, text)
    return "# Generated from the contracts by `make generate`. Do not edit.\n" + text.getvalue()


def files() -> dict[Path, str]:
    """Every generated file and what must stand in it."""
    made = {ROOT / "contracts" / "schemas" / f"{name}.json": _json(schema(name)) for name in SCHEMAS}
    made[ROOT / "contracts" / "openapi.json"] = _json(openapi())
    made[ROOT / "crds" / f"{crd.PLURAL}.{names.GROUP}.yaml"] = _yaml(crd.definition())
    made[SDK / "src" / "generated" / "wire.ts"] = wire_types()
    made[tenant_reference.PAGE] = tenant_reference.text()
    made[plan_reference.PAGE] = plan_reference.text()
    return made | chart.files()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 where a file is stale")
    check = parser.parse_args().check
    made = files()
    known = set((ROOT / "contracts" / "schemas").glob("*.json"))
    stale = sorted(path for path, text in made.items() if not path.exists() or path.read_text("utf-8") != text)
    left = sorted(known - made.keys())
    if check:
        for path in stale + left:
            print(f"{path.relative_to(ROOT)} is {'stale' if path in made else 'no longer generated'}", file=sys.stderr)
        if stale or left:
            sys.exit("run `make generate` and commit the result")
        return
    for path in stale:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made[path], "utf-8")
        print(f"wrote {path.relative_to(ROOT)}")
    for path in left:
        path.unlink()
        print(f"removed {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
