"""The one namespace of a tenant: found, made, or refused."""

from collections.abc import Iterable
from typing import Any

from handrail_contracts import names
from handrail_operator.errors import NamespaceTaken, TenantError
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import AlreadyExists
from handrail_operator.manifests import tenant as manifests
from handrail_operator.reconcile.objects import Objects

Object = dict[str, Any]
NOTES = (names.ANNOTATION_DATABASE, names.ANNOTATION_MIGRATED)
"""Annotations that say what is known of the tenant's database."""


class NamespaceTerminating(TenantError):
    """An earlier tenant's namespace of this name has not ended yet."""

    reason = "NamespaceTerminating"


def choose(tenant: str, labelled: list[Object], before: str) -> Object | None:
    """Of the namespaces labelled for the tenant, the one it lives in. Raises NamespaceTaken where that is not clear.
    `before`: what its status says."""
    by_name = {one["metadata"]["name"]: one for one in labelled}
    if before in by_name:
        return by_name[before]
    own = names.namespace(tenant)
    if own in by_name or len(by_name) < 2:
        return by_name.get(own) or next(iter(by_name.values()), None)
    raise NamespaceTaken(
        f"Several namespaces are labelled {names.LABEL_TENANT}: {tenant} ({', '.join(sorted(by_name))}). "
        f"Leave the label on one of them."
    )


def own(labelled: list[Object], uid: str) -> Object | None:
    """Of the namespaces labelled for a tenant, the one that was made for it."""
    return next((one for one in labelled if is_own(one, uid)), None)


def inhabited(children: Iterable[Object], uid: str, platform: str) -> set[str]:
    """Namespaces in which objects stand that were made for this very tenant: what its status says is anybody's word."""
    found = {str(one["metadata"]["namespace"]) for one in children if _owns(one, uid)}
    return {one for one in found if not is_reserved(one, platform)}


def is_own(namespace: Object, uid: str) -> bool:
    """Made by the operator for this very tenant, so it goes with it; not one that somebody made before and labelled.
    Labels prove nothing: whoever may label a namespace would have it removed."""
    return _owns(namespace, uid)


def _owns(thing: Object, uid: str) -> bool:
    owners = thing["metadata"].get("ownerReferences") or []
    return any(one.get("kind") == names.KIND and one.get("uid") == uid for one in owners)


def is_taken(namespace: Object, uid: str) -> bool:
    """Whether the operator brought it to what it should be before: until then nothing of it is touched."""
    return is_own(namespace, uid) or names.ANNOTATION_APPLIED in (namespace["metadata"].get("annotations") or {})


def is_home(namespace: Object, tenant: str, uid: str) -> bool:
    """Whether the tenant may live in it: its own, or one labelled for it that is no other tenant's own."""
    labels = namespace["metadata"].get("labels") or {}
    return is_own(namespace, uid) or (labels.get(names.LABEL_TENANT) == tenant and not _is_anothers(namespace, tenant))


def _is_anothers(namespace: Object, tenant: str) -> bool:
    owners = namespace["metadata"].get("ownerReferences") or []
    return any(one.get("kind") == names.KIND and one.get("name") != tenant for one in owners)


def is_reserved(namespace: str, platform: str) -> bool:
    """One whose pods a tenant's walls would cut off, whatever its labels say."""
    return namespace in (platform, "default") or namespace.startswith("kube-")


def refuse_reserved(namespace: str, platform: str) -> None:
    """Raises NamespaceTaken."""
    if is_reserved(namespace, platform):
        raise NamespaceTaken(
            f"Namespace {namespace} is the cluster's or the platform's own and cannot be a tenant's. "
            f"Take the label {names.LABEL_TENANT} off it."
        )


def moved(tenant: str, namespace: str) -> NamespaceTaken:
    """A tenant does not move because somebody changed labels. `namespace`: one of those it inhabits."""
    return NamespaceTaken(
        f"Namespace {namespace}, in which the tenant's objects stand, no longer bears the label "
        f"{names.LABEL_TENANT}: {tenant}. Nothing is changed there until it does again."
    )


async def make(cluster: Cluster, objects: Objects, tenant: str, uid: str) -> tuple[Object, bool]:
    """A new one (True), or the one that stands there and is labelled. Raises NamespaceTaken, NamespaceTerminating."""
    wanted = manifests.namespace(tenant, uid)
    try:
        return await objects.sent(wanted, cluster.create(wanted)), True
    except AlreadyExists:
        found = await cluster.get(kinds.NAMESPACE, None, wanted["metadata"]["name"])
    if found is None or "deletionTimestamp" in found["metadata"]:
        raise NamespaceTerminating(f"Namespace {wanted['metadata']['name']} is still being removed.")
    if not is_own(found, uid) and found["metadata"].get("labels", {}).get(names.LABEL_TENANT) != tenant:
        raise NamespaceTaken(
            f"Namespace {wanted['metadata']['name']} belongs to somebody else and is not touched. If it is meant for "
            f"this tenant, label it {names.LABEL_TENANT}: {tenant}; a tenant of another name is the other way out."
        )
    return found, False


def wanted(tenant: str, uid: str, found: Object, notes: dict[str, str]) -> Object:
    """What the namespace is to be. One that was there before gets the rules for its pods, but no owner."""
    made: Object = manifests.namespace(tenant, uid)
    meta = made["metadata"]
    kept = {"name": found["metadata"]["name"], "annotations": meta.get("annotations", {}) | notes}
    if is_own(found, uid):
        return made | {"metadata": meta | kept}
    labels = {key: value for key, value in meta["labels"].items() if key != names.LABEL_MANAGED_BY}
    return made | {"metadata": kept | {"labels": labels}}
