"""A spec as its fields: path -> value, by the lists' kinds as the custom resource declares them. Pure."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from handrail_contracts import crd
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.kube.managed_fields import Element, Entry, Member, Path

Schema = Mapping[str, Any]


class Here:
    """The value of an entry's own path: it is there."""


HERE: Final = Here()

_ORDERED = frozenset({"steps"})
"""Lists whose order means something."""


@cache
def schema() -> Schema:
    """Of the spec, as the API server has it."""
    return crd.structural(TenantSpec.model_json_schema(schema_generator=crd.AsPublished))


def fields(spec: Mapping[str, Any]) -> dict[Path, Any]:
    """In the spec's order. Empty lists and nulls have none."""
    return dict(_fields(spec, schema(), ()))


def _fields(value: Any, kind: Schema, path: Path) -> Iterator[tuple[Path, Any]]:
    if value is None:
        return
    if isinstance(value, Mapping) and "properties" in kind:
        for name, child in value.items():
            yield from _fields(child, kind["properties"].get(name, {}), (*path, name))
    elif isinstance(value, list) and (keys := map_keys(kind)):
        for item in value:
            entry = entry_of(item, keys)
            yield (*path, entry), HERE
            yield from _fields(item, kind["items"], (*path, entry))
    elif isinstance(value, list) and kind.get("x-kubernetes-list-type") == "set":
        for item in value:
            yield (*path, Member(item)), item
    else:
        yield path, value


def default(path: Path) -> Any:
    """What the API server puts there where nobody says anything; None where it puts nothing."""
    kind: Schema = schema()
    for element in path:
        kind = kind["properties"].get(element, {}) if isinstance(element, str) and "properties" in kind else kind
        if not isinstance(element, str):
            kind = kind.get("items", {})
    return kind.get("default")


def built(found: Mapping[Path, Any]) -> dict[str, Any]:
    """The spec that has these fields, in their order. Keys of an entry come with it."""
    root: dict[str, Any] = {}
    places: dict[Path, Any] = {(): root}
    for path, value in found.items():
        for length in range(1, len(path) + 1):
            if path[:length] in places:
                continue
            last = length == len(path)
            _put(places, path[:length], path[length] if not last else None, value)
    return root


def _put(places: dict[Path, Any], path: Path, following: Element | None, value: Any) -> None:
    """Puts what stands at `path` into what holds it: a leaf's value, an entry, an object, or a list."""
    holder, element = places[path[:-1]], path[-1]
    made: Any
    match element:
        case Entry(keys):
            made = dict(keys)
            holder.append(made)
        case Member(member):
            made = member
            holder.append(made)
        case _:
            made = value if following is None else {} if isinstance(following, str) else []
            holder.setdefault(element, made)
    places[path] = made


def entries(path: Path) -> list[Path]:
    """The paths of all list entries that hold this path, outermost first; its own, where it is one."""
    return [path[: index + 1] for index, element in enumerate(path) if isinstance(element, Entry)]


def sequences(found: Mapping[Path, Any]) -> dict[Path, list[Path]]:
    """The lists whose order means something: path of the list -> paths of its entries, in order."""
    lists: dict[Path, list[Path]] = {}
    for path in found:
        if isinstance(path[-1], Entry) and path[-2] in _ORDERED:
            lists.setdefault(path[:-1], []).append(path)
    return lists


def map_keys(kind: Schema) -> list[str]:
    """The fields by which the entries of this list are told apart; none for other kinds."""
    return kind.get("x-kubernetes-list-map-keys", []) if kind.get("x-kubernetes-list-type") == "map" else []


def entry_of(item: Mapping[str, Any], keys: list[str]) -> Entry:
    return Entry(tuple(sorted((key, item.get(key)) for key in keys)))


def loc(path: Path, body: Any) -> list[str | int]:
    """Where the path stands in `body`, as problems name places: an entry by its index. It ends at the list where the
    body has no such entry."""
    found: list[str | int] = []
    for element in path:
        if isinstance(element, str):
            if isinstance(body, Mapping):
                body = body.get(element)
            found.append(element)
            continue
        index = _index(element, body)
        if index is None:
            break
        found.append(index)
        body = body[index]
    return found


def _index(element: Element, body: Any) -> int | None:
    for index, item in enumerate(body if isinstance(body, list) else []):
        if isinstance(element, Entry) and isinstance(item, Mapping):
            if all(item.get(key) == value for key, value in element.keys):
                return index
        elif isinstance(element, Member) and item == element.value:
            return index
    return None


def shown(path: Path) -> str:
    """For people: tone.voice, baselines[first-project].success.selector."""
    text = ""
    for element in path:
        text += f".{element}" if isinstance(element, str) else f"[{element.label}]"
    return text.removeprefix(".")
