"""The API server as a test asks it: straight, not through any proxy, in calls that block."""

import json
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx2
from tests.cluster.control_plane import ControlPlane

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

Object = dict[str, Any]
T = TypeVar("T")
_MERGE = "application/merge-patch+json"
_APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True)
class KubeApi:
    """Every method raises httpx2.HTTPStatusError where the server refuses."""

    client: httpx2.Client

    def get(self, kind: Kind, namespace: str | None, name: str) -> Object | None:
        answer = self.client.get(kind.path(namespace, name))
        return None if answer.status_code == 404 else _read(answer)

    def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Object]:
        found = _read(self.client.get(kind.path(namespace), params={"labelSelector": labels} if labels else None))
        return [{"apiVersion": kind.api_version, "kind": kind.kind} | one for one in found["items"]]

    def create(self, manifest: Object) -> Object:
        kind = _kind(manifest)
        return _read(self.client.post(kind.path(manifest["metadata"].get("namespace")), json=manifest))

    def apply(self, manifest: Object, manager: str = "kubectl") -> Object:
        """Server-side, with force."""
        path = _kind(manifest).path(manifest["metadata"].get("namespace"), manifest["metadata"]["name"])
        params = {"fieldManager": manager, "force": "true"}
        content, headers = json.dumps(manifest), {"Content-Type": _APPLY}
        return _read(self.client.patch(path, content=content, params=params, headers=headers))

    def merge(self, kind: Kind, namespace: str | None, name: str, change: Object) -> Object:
        """As `kubectl patch --type=merge`, `kubectl edit`, `kubectl scale` do."""
        content, headers = json.dumps(change), {"Content-Type": _MERGE}
        params = {"fieldManager": "kubectl-edit"}
        return _read(self.client.patch(kind.path(namespace, name), content=content, params=params, headers=headers))

    def delete(self, kind: Kind, namespace: str | None, name: str) -> None:
        """What is not there is deleted; finalizers may take their time."""
        answer = self.client.request("DELETE", kind.path(namespace, name), params={"propagationPolicy": "Background"})
        if answer.status_code != 404:
            _read(answer)


@contextmanager
def opened(plane: ControlPlane) -> Iterator[KubeApi]:
    context = ssl.create_default_context(cafile=str(plane.certificate))
    headers = {"Authorization": f"Bearer {plane.token()}"}
    with httpx2.Client(base_url=plane.url, verify=context, headers=headers, trust_env=False, timeout=30) as client:
        yield KubeApi(client)


def eventually(check: Callable[[], T], what: str, within: float = 60.0) -> T:
    """The first true answer. Raises TimeoutError, with the last one."""
    deadline = time.monotonic() + within
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:.0f} s: {what}; last seen: {found!r}")
        time.sleep(0.05)


def condition(tenant: Object | None, kind: str) -> Object:
    """Empty where it has none."""
    conditions = ((tenant or {}).get("status") or {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {})


def tenant(name: str, **spec: Any) -> Object:
    """A manifest; by default with the small plan, and to be deleted with its data."""
    given = {"displayName": name, "origins": ["https://app.example.test"], "plan": "small", "deletionPolicy": "Delete"}
    return {
        "apiVersion": names.API_VERSION,
        "kind": names.KIND,
        "metadata": {"name": name},
        "spec": given | spec,
    }


def _kind(manifest: Object) -> Kind:
    try:
        return kinds.of(manifest)
    except KeyError:
        plural = f"{manifest['kind'].lower()}s"
        return Kind(manifest["apiVersion"], manifest["kind"], plural)


def _read(answer: httpx2.Response) -> Object:
    if answer.is_error:
        raise httpx2.HTTPStatusError(answer.text, request=answer.request, response=answer)
    found: Object = answer.json()
    return found
