"""Whether an object of ours is as it was wanted, and what strangers added to it. Pure.

An object is written again when its manifest changed (its digest stands in an annotation) or when what stands in the
API server no longer says what the manifest says. What the server added, defaults and status, does not count.
"""

from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from handrail_contracts import names
from handrail_operator.kube.managed_fields import Element, Entry, Member, Path, decoded

Object = dict[str, Any]
_PODS: Path = ("spec", "replicas")
"""Where we do not say how many, an autoscaler does, whoever said it last: taken away, it would fall to one."""
_EXACT = {"podSelector", "namespaceSelector", "selector", "matchLabels", "nodeSelector", "data", "hard"}
"""Maps in which more is something else, and not a default."""

_SEEN = "seen"
"""No field of any object of Kubernetes."""
_KEPT = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences", "deletionTimestamp")


def as_wanted(wanted: Object, live: Object | None) -> bool:
    if live is None or _digest(live) != _digest(wanted):
        return False
    if is_seen(live):
        return True
    return _covers(wanted, live) and not _additions(wanted, live)


def seen(live: Object) -> Object:
    """What is to be remembered of a Secret that was as wanted, for as long as it stands at that version: enough to
    tell whose it is and whether something else is wanted, and nothing of what it holds, nor notes of others on it."""
    meta = live["metadata"]
    kept = {key: meta[key] for key in _KEPT if key in meta}
    notes = {names.ANNOTATION_APPLIED: _digest(live)} if _digest(live) else {}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {**kept, "annotations": notes}, _SEEN: True}


def is_seen(live: Object) -> bool:
    """Whether it is such a memory, and not what stands."""
    return _SEEN in live


def is_new(wanted: Object, live: Object | None) -> bool:
    """Whether what is wanted is not what was wanted when the object was written last."""
    return live is not None and _digest(live) != _digest(wanted)


def removals(wanted: Object, live: Object) -> list[Object]:
    """A JSON patch that takes away what strangers added: fields that applying what is wanted would leave standing.
    `live`: the whole object, no memory of it."""
    pointers = [pointer for path in _additions(wanted, live) if (pointer := _pointer(path, live)) is not None]
    if not pointers:
        return []
    same = {"op": "test", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]}
    # From the back, so that places in lists stay true.
    return [same, *({"op": "remove", "path": one} for one in sorted(pointers, key=_from_the_back, reverse=True))]


def _digest(thing: Object) -> object:
    return (thing["metadata"].get("annotations") or {}).get(names.ANNOTATION_APPLIED)


def _additions(wanted: Object, live: Object) -> list[Path]:
    """Fields that somebody else wrote into an object of ours and that it is not meant to have; the outermost of each.
    What controllers write by subresources, such as an autoscaler's number of pods, is none."""
    roots = {key for key in wanted if key not in ("apiVersion", "kind", "metadata")}
    ours: set[Path] = set()
    theirs: set[Path] = set()
    for entry in live["metadata"].get("managedFields") or []:
        if not entry.get("subresource"):
            paths = {path for path in decoded(entry.get("fieldsV1")) if path[0] in roots}
            (ours if entry.get("manager") == names.FIELD_MANAGER else theirs).update(paths)
    added = {path for path in theirs - ours - {_PODS} if not _has(wanted, path)}
    return sorted((path for path in added if not any(path[:n] in added for n in range(1, len(path)))), key=repr)


def _has(thing: Any, path: Path) -> bool:
    return _pointer(path, thing) is not None


def _pointer(path: Path, thing: Any) -> str | None:
    """Where a path leads in an object (RFC 6901); None: nowhere."""
    found = ""
    for element in path:
        place = _place(element, thing)
        if place is None:
            return None
        thing = thing[place]
        found += "/" + str(place).replace("~", "~0").replace("/", "~1")
    return found


def _place(element: Element, thing: Any) -> str | int | None:
    if isinstance(element, str):
        return element if isinstance(thing, dict) and element in thing else None
    for place, one in enumerate(thing if isinstance(thing, list) else []):
        if isinstance(element, Member) and one == element.value:
            return place
        if isinstance(element, Entry) and all(one.get(key) == value for key, value in element.keys):
            return place
    return None


def _from_the_back(pointer: str) -> list[tuple[int, str]]:
    return [(int(part) if part.isdecimal() else -1, part) for part in pointer.split("/")]


def _covers(wanted: Any, live: Any, *, exact: bool = False) -> bool:
    if isinstance(wanted, dict):
        if live is None:
            return not wanted
        if not isinstance(live, dict) or (exact and live.keys() - wanted.keys()):
            return False
        return all(_covers(value, live.get(key), exact=key in _EXACT) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(live, list):
            return not wanted and live is None
        return len(wanted) == len(live) and all(map(_covers, wanted, live))
    return bool(wanted == live) or _same_amount(wanted, live)


def _same_amount(one: Any, other: Any) -> bool:
    first, second = _amount(one), _amount(other)
    return first is not None and first == second


def _amount(value: Any) -> Decimal | None:
    """What a quantity means: the API server keeps 1000m as 1."""
    if not isinstance(value, str) or not value[:1].isdigit():
        return None
    try:
        return Decimal(parse_quantity(value))  # type: ignore[no-untyped-call]
    except ValueError:
        return None
