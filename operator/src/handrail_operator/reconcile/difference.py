"""Whether an object of ours is as it was wanted, and what strangers added to it. Pure.

An object is written again when its manifest changed (its digest stands in an annotation) or when what stands in the
API server no longer says what the manifest says. What the server added, defaults and status, does not count.
"""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from handrail_contracts import names
from handrail_operator.kube.ownership import Path, owned_paths

_EXACT = {"podSelector", "namespaceSelector", "selector", "matchLabels", "nodeSelector", "data", "hard"}
"""Maps in which more is something else, and not a default."""
_OURS = ("spec", "data", "rules", "subjects", "roleRef")
"""Where a stranger's field counts; labels and annotations may be anybody's."""


def as_wanted(wanted: dict[str, Any], live: dict[str, Any] | None) -> bool:
    if live is None:
        return False
    if _digest(live) != _digest(wanted):
        return False
    return _covers(wanted, live) and next(strays(live), None) is None


def _digest(thing: dict[str, Any]) -> object:
    return (thing["metadata"].get("annotations") or {}).get(names.ANNOTATION_APPLIED)


def strays(live: dict[str, Any]) -> Iterator[Path]:
    """Fields that somebody else wrote into an object of ours, and we did not. Controllers write by subresources."""
    ours: set[Path] = set()
    theirs: set[Path] = set()
    for entry in live.get("metadata", {}).get("managedFields", []):
        if entry.get("subresource"):
            continue
        paths = {path for path in owned_paths(entry.get("fieldsV1", {})) if path and path[0] in _OURS}
        if entry.get("manager") == names.FIELD_MANAGER:
            ours |= paths
        else:
            theirs |= paths
    yield from sorted(theirs - ours, key=repr)


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
        return Decimal(parse_quantity(value))
    except ValueError:
        return None
