"""A call to the API server, read from its HTTP: what is done to which object."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qs

_APPLY = "application/apply-patch+yaml"
WRITES = frozenset({"create", "update", "patch", "apply", "delete", "deletecollection"})


@dataclass(frozen=True)
class Call:
    """The same for the same call of another run: no times, no versions."""

    verb: str
    """get, list, watch, create, update, patch, apply, delete, deletecollection; `raw` where no object is meant."""
    kind: str
    """Plural, with the subresource: `deployments`, `onboardingtenants/status`; of a raw call its path."""
    namespace: str
    name: str
    digest: str
    """Of the body; of nothing: empty."""

    @property
    def writes(self) -> bool:
        return self.verb in WRITES

    @property
    def place(self) -> str:
        """For people and for counting alike calls."""
        return f"{self.verb} {self.kind} {self.namespace}/{self.name}"


def read(method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Call:
    """Pure. `path` without the query."""
    digest = hashlib.sha256(body).hexdigest()[:16] if body else ""
    parts = path.strip("/").split("/")
    rest = _resource(parts)
    if not rest:
        return Call("raw", path, "", "", digest)
    namespace = ""
    # /namespaces/x is the object; /namespaces/x/pods are pods in it; /namespaces/x/status is of the object.
    if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    plural, name, subresource = (*rest, "", "")[:3]
    kind = f"{plural}/{subresource}" if subresource else plural
    return Call(_verb(method, name, query, headers), kind, namespace, name, digest)


def _resource(parts: list[str]) -> list[str]:
    """What stands behind the group and version; nothing in discovery, probes and the like."""
    if parts[0] == "api":
        return parts[2:]
    if parts[0] == "apis":
        return parts[3:]
    return []


def _verb(method: str, name: str, query: str, headers: Mapping[str, str]) -> str:
    if method == "GET":
        watching = parse_qs(query).get("watch", ["false"])[0] in ("true", "1")
        return "watch" if watching else "get" if name else "list"
    if method == "PATCH":
        return "apply" if headers.get("Content-Type", "").startswith(_APPLY) else "patch"
    if method == "DELETE":
        return "delete" if name else "deletecollection"
    return {"POST": "create", "PUT": "update"}.get(method, "raw")
