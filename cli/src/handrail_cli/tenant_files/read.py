"""Reads a tenant file: every document checked, every fault with its place. Nothing here touches a server."""

import base64
import binascii
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.scalarbool import ScalarBoolean

from handrail_cli.tenant_files.places import Fault, field_name, line_of
from handrail_contracts import names
from handrail_contracts.refusals import refusals
from handrail_contracts.tenant_spec import OnboardingTenant, TenantSpec

MAX_BYTES = 1024 * 1024
MAX_NODES = 100_000
MAX_OPEN = 200


@dataclass(frozen=True)
class TenantDocument:
    """A good OnboardingTenant."""

    name: str
    spec: TenantSpec
    path: Path
    index: int
    """Which document of the file, from 0."""
    line: int
    plan_line: int
    digest: str
    """Of the document's content."""


@dataclass(frozen=True)
class SecretDocument:
    name: str
    namespace: str
    usable: bool
    """Labelled for tenants' use."""
    values: dict[str, str] = field(repr=False)


@dataclass(frozen=True)
class TenantFile:
    path: Path
    tenants: list[TenantDocument] = field(default_factory=list)
    secrets: list[SecretDocument] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    digest: str = ""
    """Of the whole content; empty where there is none."""
    broken: list[str] = field(default_factory=list)
    """Names of tenants whose documents are there and wrong, as far as they can be told."""


class TooLarge(Exception):
    """More than a tenant file ever needs."""


def round_trip() -> YAML:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def read_file(path: Path) -> TenantFile:
    """The file as it is now. Faults are in the answer; a missing file is one."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return TenantFile(path, faults=[Fault(path, 0, "", f"cannot be read: {error.strerror}")])
    return parse(path, data)


def parse(path: Path, data: bytes) -> TenantFile:
    found = TenantFile(path, digest=sha256(data).hexdigest())
    if len(data) > MAX_BYTES:
        found.faults.append(Fault(path, 0, "", f"larger than {MAX_BYTES} bytes"))
        return found
    if _opens(data) > MAX_OPEN:
        found.faults.append(Fault(path, 0, "", f"more than {MAX_OPEN} brackets are open at once"))
        return found
    try:
        documents = list(round_trip().load_all(data.decode("utf-8")))
    except UnicodeDecodeError:
        found.faults.append(Fault(path, 0, "", "not UTF-8 text"))
        return found
    except (YAMLError, ValueError, RecursionError) as error:
        found.faults.append(_yaml_fault(path, error))
        return found
    for index, node in enumerate(documents):
        if node is not None:
            _read_document(found, node, index)
    if not found.tenants and not found.faults and not found.secrets:
        found.faults.append(Fault(path, 0, "", f"holds no {names.KIND}"))
    return found


def _opens(data: bytes) -> int:
    """The most brackets open at once, texts and comments not told apart: the reader's time grows with its square."""
    most = depth = 0
    for byte in data:
        if byte in b"[{":
            depth += 1
            most = max(most, depth)
        elif byte in b"]}" and depth:
            depth -= 1
    return most


def _yaml_fault(path: Path, error: Exception) -> Fault:
    mark = None
    reason = str(error).splitlines()[0]
    if isinstance(error, MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        reason = " ".join(str(error.problem or error.context or reason).split())
    return Fault(path, mark.line + 1 if mark else 0, "", f"not YAML: {reason}")


def _read_document(found: TenantFile, node: Any, index: int) -> None:
    path = found.path
    if not isinstance(node, dict):
        found.faults.append(Fault(path, line_of(node, []), "", "a document with apiVersion and kind is wanted"))
        return
    try:
        content = plain(node)
    except TooLarge as error:
        found.faults.append(Fault(path, line_of(node, []), "", str(error)))
        return
    match content.get("kind"):
        case "Namespace":
            return
        case "Secret":
            _read_secret(found, node, content)
        case names.KIND:
            _read_tenant(found, node, content, index)
        case kind:
            reason = f"{names.KIND}, Secret or Namespace is wanted, not {kind!r}"
            found.faults.append(Fault(path, line_of(node, ["kind"]), "kind", reason))


def _read_tenant(found: TenantFile, node: Any, content: dict[str, Any], index: int) -> None:
    try:
        tenant = OnboardingTenant.model_validate(content)
    except ValidationError as error:
        found.faults.extend(spec_faults(found.path, node, error))
        name = content["metadata"].get("name") if isinstance(content.get("metadata"), dict) else None
        if isinstance(name, str) and names.is_tenant_name(name):
            found.broken.append(name)
        return
    found.tenants.append(
        TenantDocument(
            name=tenant.metadata.name,
            spec=tenant.spec,
            path=found.path,
            index=index,
            line=line_of(node, []),
            plan_line=line_of(node, ["spec", "plan"]),
            digest=sha256(msgspec.json.encode(content)).hexdigest(),
        )
    )


def spec_faults(path: Path, node: Any, error: ValidationError) -> Iterator[Fault]:
    for place, reason in refusals(error, OnboardingTenant):
        location = [part for part in place if part != "[key]"]
        yield Fault(path, line_of(node, location), field_name(location), reason)


def _read_secret(found: TenantFile, node: Any, content: dict[str, Any]) -> None:
    path = found.path
    metadata = content.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        found.faults.append(Fault(path, line_of(node, ["metadata"]), "metadata.name", "a Secret needs a name"))
        return
    values: dict[str, str] = {}
    for part in ("data", "stringData"):
        entries = content.get(part) or {}
        if not isinstance(entries, dict):
            found.faults.append(Fault(path, line_of(node, [part]), part, "names with their values are wanted"))
            continue
        for key, value in entries.items():
            try:
                values[str(key)] = _decoded(value) if part == "data" else str(value)
            except ValueError:
                # The value itself is never shown.
                place = line_of(node, [part, key])
                found.faults.append(Fault(path, place, f"{part}.{key}", "base64 of UTF-8 text is wanted"))
    labels = metadata.get("labels")
    usable = isinstance(labels, dict) and labels.get(names.LABEL_USE) == "tenant"
    namespace = metadata.get("namespace")
    found.secrets.append(
        SecretDocument(metadata["name"], namespace if isinstance(namespace, str) else "", usable, values)
    )


def _decoded(value: object) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise ValueError("not base64 of UTF-8 text") from error


def plain(node: Any) -> Any:
    """The tree as JSON values. Raises TooLarge (YAML aliases can make a small file enormous)."""
    budget = MAX_NODES

    def convert(value: Any) -> Any:
        nonlocal budget
        budget -= 1
        if budget < 0:
            raise TooLarge(f"more than {MAX_NODES} values")
        if isinstance(value, dict):
            return {str(key): convert(child) for key, child in value.items()}
        if isinstance(value, list | tuple | set):
            return [convert(child) for child in value]
        return _plain_scalar(value)

    try:
        return convert(node)
    except RecursionError:
        raise TooLarge("nested too deeply") from None


def _plain_scalar(value: Any) -> Any:
    """Without the round-trip types, which remember how a value was written."""
    if isinstance(value, bool) or value is None:
        return value
    for kind, make in ((ScalarBoolean, bool), (int, int), (float, float)):
        if isinstance(value, kind):
            return make(value)
    return value.isoformat() if isinstance(value, dt.date) else str(value)
