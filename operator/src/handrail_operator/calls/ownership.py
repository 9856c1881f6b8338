"""Who owns which field of a tenant's spec, as the API server keeps it in `metadata.managedFields`. Pure.

A field is a path. Entries of lists that are told apart by a key, and values of sets, are owned one by one.
"""

import json
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Any

from handrail_contracts import names

Object = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """An object in a list, told apart by these fields."""

    keys: tuple[tuple[str, Any], ...]
    """Sorted by name."""

    @property
    def label(self) -> str:
        return "/".join(str(value) for _, value in self.keys)


@dataclass(frozen=True)
class Member:
    """A value of a set."""

    value: str | int | float | bool

    @property
    def label(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Other:
    """What no schema of ours has, kept as it is."""

    text: str

    @property
    def label(self) -> str:
        return self.text


Element = str | Entry | Member | Other
Path = tuple[Element, ...]

_SPEC = "f:spec"
_ITSELF = "."


def is_ours(entry: Object) -> bool:
    """Whether an entry of managedFields is what we applied ourselves."""
    return entry.get("manager") == names.DASHBOARD_MANAGER and entry.get("operation") == "Apply" and _is_main(entry)


def owned(tenant: Object) -> set[Path]:
    """The spec's fields that the dashboard owns, alone or with others."""
    return {path for entry in _entries(tenant) if is_ours(entry) for path in _paths(entry)}


def others(tenant: Object) -> Iterator[tuple[str, bool, set[Path]]]:
    """Each manager but the dashboard: its name, whether it applies (server-side), what it owns of the spec."""
    for entry in _entries(tenant):
        if not is_ours(entry) and _is_main(entry):
            yield entry.get("manager", ""), entry.get("operation") == "Apply", _paths(entry)


def claimed(tenant: Object, fields: Collection[Path]) -> list[Object]:
    """managedFields where these fields are the dashboard's and nobody else's. What lies below them is not touched."""
    wanted = set(fields)
    mine = owned(tenant) | wanted
    kept = _changed(tenant, lambda entry, paths: mine if is_ours(entry) else paths - wanted)
    if any(is_ours(entry) for entry in kept):
        return kept
    return [*kept, _new_entry(mine)]


def released(tenant: Object, fields: Collection[Path]) -> list[Object]:
    """managedFields where these fields are no longer the dashboard's."""
    dropped = set(fields)
    return _changed(tenant, lambda entry, paths: paths - dropped if is_ours(entry) else paths)


# --- managedFields ----------------------------------------------------------------------------------------------


def _entries(tenant: Object) -> list[Object]:
    return tenant["metadata"].get("managedFields") or []


def _is_main(entry: Object) -> bool:
    """Of the object itself; status has owners of its own."""
    return not entry.get("subresource")


def _paths(entry: Object) -> set[Path]:
    return decoded((entry.get("fieldsV1") or {}).get(_SPEC))


def _changed(tenant: Object, change: Callable[[Object, set[Path]], set[Path]]) -> list[Object]:
    """managedFields with other owners of the spec's fields; entries that own nothing any more are left out."""
    found = []
    for entry in _entries(tenant):
        before = _paths(entry)
        after = change(entry, before) if _is_main(entry) else before
        if after == before:
            found.append(entry)
            continue
        fields = {key: value for key, value in (entry.get("fieldsV1") or {}).items() if key != _SPEC}
        if after:
            fields[_SPEC] = encoded(after)
        if fields:
            found.append(entry | {"fieldsV1": fields})
    return found


def _new_entry(paths: set[Path]) -> Object:
    return {
        "manager": names.DASHBOARD_MANAGER,
        "operation": "Apply",
        "apiVersion": names.API_VERSION,
        "fieldsType": "FieldsV1",
        "fieldsV1": {_SPEC: encoded(paths)},
    }


# --- fieldsV1 ---------------------------------------------------------------------------------------------------


def decoded(fields: Any) -> set[Path]:
    """The paths that a tree of fieldsV1 means."""
    return set(_walk(fields, ())) if fields else set()


def _walk(node: Object, path: Path) -> Iterator[Path]:
    if path and (not node or _ITSELF in node):
        yield path
    for key, child in node.items():
        if key != _ITSELF:
            yield from _walk(child, (*path, _element(key)))


def encoded(paths: Collection[Path]) -> Object:
    """The tree of fieldsV1 that means these paths."""
    root: Object = {}
    inner = {path[:length] for path in paths for length in range(1, len(path))}
    for path in paths:
        node = root
        for element in path:
            node = node.setdefault(_key(element), {})
        if path in inner:
            node[_ITSELF] = {}
    return root


def _element(key: str) -> Element:
    kind, _, rest = key.partition(":")
    match kind:
        case "f":
            return rest
        case "k":
            return Entry(tuple(sorted(json.loads(rest).items())))
        case "v":
            return Member(json.loads(rest))
        case _:
            return Other(key)


def _key(element: Element) -> str:
    match element:
        case str():
            return f"f:{element}"
        case Entry(keys):
            return f"k:{_json(dict(keys))}"
        case Member(value):
            return f"v:{_json(value)}"
        case Other(text):
            return text


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
