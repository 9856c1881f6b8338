"""What is to be written and taken away in a tenant's namespace. Pure: what is wanted and what stands in, what differs
out."""

from collections.abc import Iterable, Mapping
from typing import Any

from handrail_contracts import names
from handrail_operator.errors import NameTaken
from handrail_operator.kube import kinds
from handrail_operator.reconcile.difference import as_wanted

Object = dict[str, Any]
Key = tuple[str, str]
"""Plural of the kind, and name."""
_NAMED = 10
"""Strangers' objects that are named at most."""


def key(thing: Object) -> Key:
    return kinds.of(thing).plural, thing["metadata"]["name"]


def is_ours(thing: Object, tenant: str) -> bool:
    """By its labels, or, where somebody took those away, by its owner."""
    meta = thing["metadata"]
    labels = meta.get("labels") or {}
    if labels.get(names.LABEL_TENANT) == tenant and labels.get(names.LABEL_MANAGED_BY) == names.FIELD_MANAGER:
        return True
    owners = meta.get("ownerReferences") or []
    return any(one.get("kind") == names.KIND and one.get("name") == tenant for one in owners)


def applied(wanted: Iterable[Object], standing: Mapping[Key, Object]) -> list[Object]:
    """Those of the wanted objects that differ from what stands, or are missing."""
    return [thing for thing in wanted if not as_wanted(thing, standing.get(key(thing)))]


def superfluous(tenant: str, keep: Iterable[Key], standing: Mapping[Key, Object]) -> list[Object]:
    """What is ours and no longer wanted. Objects that are going already are left alone."""
    kept = set(keep)
    return [
        thing
        for found, thing in standing.items()
        if found not in kept and is_ours(thing, tenant) and "deletionTimestamp" not in thing["metadata"]
    ]


def refuse_strangers(tenant: str, wanted: Iterable[Object], found: Mapping[Key, Object]) -> None:
    """Raises NameTaken where somebody else's object stands under a name that is needed."""
    theirs = [one for one in wanted if (other := found.get(key(one))) is not None and not is_ours(other, tenant)]
    if not theirs:
        return
    named = [f"{one['kind']} {one['metadata']['name']}" for one in theirs[:_NAMED]]
    if len(theirs) > _NAMED:
        named.append(f"{len(theirs) - _NAMED} more")
    space = theirs[0]["metadata"]["namespace"]
    were, are, them = ("was", "is", "it") if len(theirs) == 1 else ("were", "are", "them")
    raise NameTaken(
        f"In namespace {space} {', '.join(named)} {were} not made by Handrail and {are} not touched."
        f" Remove or rename {them}; the tenant goes on by itself within seconds."
    )
