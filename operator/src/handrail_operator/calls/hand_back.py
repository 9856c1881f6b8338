"""Which fields the dashboard gives up, so that the next apply of another owner is in conflict with nobody. Pure."""

from collections.abc import Iterable, Sequence
from typing import Any

from handrail_contracts.operator_calls import ReplyProblem
from handrail_operator.calls import ownership
from handrail_operator.calls.fields import Schema, entry_of, map_keys, schema
from handrail_operator.edits import MAX_ERRORS
from handrail_operator.kube.managed_fields import Element, Member, Object, Path

Place = Sequence[str | int]


def hand_back(tenant: Object, places: Sequence[Place]) -> set[Path] | ReplyProblem:
    """What the dashboard owns at these places and below. A place is written as in HandBack."""
    if refused := places_unknown(places, tenant["spec"]):
        return refused
    paths = [resolved(place, tenant["spec"]) for place in places]
    return {one for one in ownership.owned(tenant) for path in paths if path is not None and one[: len(path)] == path}


def places_unknown(places: Sequence[Place], spec: Any) -> ReplyProblem | None:
    """None where `spec` has them all."""
    errors = [
        {"loc": ["fields", index], "msg": "there is no such field in the config"}
        for index, place in enumerate(places)
        if resolved(place, spec) is None
    ]
    return ReplyProblem("invalid", "These fields cannot be handed back.", errors[:MAX_ERRORS]) if errors else None


def resolved(place: Place, spec: Any) -> Path | None:
    """The path that a place in `spec` means; None where there is no such place."""
    kind: Schema = schema()
    value = spec
    path: list[Element] = []
    for name in place:
        if "properties" in kind:
            if not isinstance(name, str) or name not in kind["properties"]:
                return None
            path.append(name)
            kind = kind["properties"][name]
            value = value.get(name) if isinstance(value, dict) else None
            continue
        element = _item(name, value, kind)
        if element is None:
            return None
        path.append(element[0])
        value, kind = element[1], kind["items"]
    return tuple(path)


def _item(name: str | int, items: Any, kind: Schema) -> tuple[Element, Any] | None:
    """An entry by its index or name, a value of a set by its index or itself."""
    keys = map_keys(kind)
    for index, item in enumerate(items if isinstance(items, list) else []):
        element = entry_of(item, keys) if keys else Member(item)
        if name in (index, element.label):
            return element, item
    return None


def places(paths: Iterable[Path]) -> list[list[str]]:
    """As people name them: the outermost only, entries by their names."""
    found = set(paths)
    whole = [path for path in found if not any(path[:length] in found for length in range(1, len(path)))]
    return sorted(_named(path) for path in whole)


def _named(path: Path) -> list[str]:
    return [element if isinstance(element, str) else element.label for element in path]
