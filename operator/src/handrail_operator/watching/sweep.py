"""Whether the watches told everything: what a list of the API server says, against what is known.

Versions of objects are compared as numbers, as Kubernetes has them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from handrail_operator.kube.client import Cluster
from handrail_operator.kube.kinds import TENANT, Kind
from handrail_operator.watching.cache import Children, Key, Tenants, key_of, version
from handrail_operator.watching.watched import selector

Seen = Mapping[Key, tuple[str, int]]
"""By key: uid and version."""


@dataclass(frozen=True)
class Listed:
    """One kind as the API server had it at one time."""

    objects: Seen = field(repr=False)
    version: int


def unseen(listed: Listed, known: Seen) -> set[Key]:
    """What was not told, or not as late as it was listed."""
    return {
        key
        for key, (uid, at) in listed.objects.items()
        if (found := known.get(key)) is None or found[1] < at or (found[0] != uid and found[1] <= listed.version)
    }


def ghosts(listed: Listed, known: Seen) -> dict[Key, str]:
    """What is known and was gone when the list was made: uid by key."""
    return {
        key: uid
        for key, (uid, at) in known.items()
        if at <= listed.version and listed.objects.get(key, ("",))[0] != uid
    }


def overlooked(before: Listed, now: Listed, known: Seen) -> set[Key]:
    """What stood in the older list, is there still, and was not told in all the time between."""
    still = {key for key in unseen(before, known) if now.objects.get(key, ("",))[0] == before.objects[key][0]}
    return still & unseen(now, known)


def known(kind: Kind, tenants: Tenants, children: Children) -> Seen:
    """What the caches hold of a kind."""
    if kind != TENANT:
        return children.seen(kind)
    return {(kind.plural, "", name): one for name, one in tenants.seen().items()}


async def listed(cluster: Cluster, kind: Kind) -> Listed:
    """Metadata alone. Raises kube.errors.ApiError."""
    objects: dict[Key, tuple[str, int]] = {}
    at = 0
    async for page, whole in cluster.pages(kind, labels=selector(kind), metadata_only=True):
        objects.update((key_of(kind, one), (one["metadata"]["uid"], version(one))) for one in page)
        at = int(whole) if whole.isdecimal() else 0
    return Listed(objects, at)
