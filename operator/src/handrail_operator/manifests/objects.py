"""What every child of a tenant has in common: its labels, its owner, and the digest by which a change is seen."""

import hashlib
import json
from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind
from handrail_operator.manifests.place import Home, Manifest


def digest(value: Any) -> str:
    """Of a JSON value; the order of its keys does not count. 128 bits, in hex."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def sealed(manifest: Manifest) -> Manifest:
    """The manifest, annotated with the digest of all the rest of it."""
    metadata = manifest["metadata"]
    annotations = {k: v for k, v in metadata.get("annotations", {}).items() if k != names.ANNOTATION_APPLIED}
    rest = {k: v for k, v in metadata.items() if k != "annotations"}
    bare = manifest | {"metadata": rest | ({"annotations": annotations} if annotations else {})}
    annotations[names.ANNOTATION_APPLIED] = digest(bare)
    return bare | {"metadata": rest | {"annotations": annotations}}


def owner(tenant: str, uid: str) -> Manifest:
    """Children go with their tenant, yet never hold its deletion up."""
    return {
        "apiVersion": kinds.TENANT.api_version,
        "kind": kinds.TENANT.kind,
        "name": tenant,
        "uid": uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def child(
    place: Home,
    kind: Kind,
    name: str,
    *,
    component: str | None = None,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
    **content: Any,
) -> Manifest:
    """One sealed object in the tenant's namespace. `content`: what stands beside the metadata."""
    metadata: dict[str, Any] = {
        "name": name,
        "namespace": place.namespace,
        "labels": place.labels(component) | (labels or {}),
        "ownerReferences": [owner(place.name, place.uid)],
    }
    if annotations:
        metadata["annotations"] = annotations
    return sealed({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, **content})
