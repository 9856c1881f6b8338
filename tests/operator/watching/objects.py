"""Objects as watches tell them."""

from typing import Any

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

Object = dict[str, Any]


def tenant(name: str = "acme", *, uid: str = "u1", version: int = 1, **metadata: Any) -> Object:
    meta = {"name": name, "uid": uid, "resourceVersion": str(version), "generation": 1} | metadata
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": meta, "spec": {"plan": "standard"}}


def child(
    name: str = "web",
    of: str | None = "acme",
    *,
    kind: Kind = kinds.DEPLOYMENT,
    space: str = "handrail-acme",
    uid: str = "c1",
    version: int = 1,
    **rest: Any,
) -> Object:
    labels = {names.LABEL_TENANT: of} if of else {}
    meta: Object = {"name": name, "uid": uid, "resourceVersion": str(version), "labels": labels}
    if kind.namespaced:
        meta["namespace"] = space
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": meta, **rest}
