"""What `kubectl get -o json` gives, without a program started for each look: tests look often."""

import argparse
import ssl
from typing import Any

import httpx2
from tests.cluster.control_plane import ControlPlane

from handrail_contracts import crd, names

_GROUPS = {
    "/api/v1": ("configmap", "event", "persistentvolumeclaim", "pod", "secret", "service", "serviceaccount"),
    "/apis/apps/v1": ("deployment", "replicaset", "statefulset"),
    "/apis/autoscaling/v2": ("horizontalpodautoscaler",),
    "/apis/batch/v1": ("job",),
    "/apis/coordination.k8s.io/v1": ("lease",),
    "/apis/discovery.k8s.io/v1": ("endpointslice",),
    "/apis/networking.k8s.io/v1": ("networkpolicy",),
}
_EVERYWHERE = ("namespace", "node", "persistentvolume")
_PLURALS = {"networkpolicy": "networkpolicies"}


class Unknown(Exception):
    """Not a question of the kind that is answered here."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Any:
        raise Unknown(message)


def _parser() -> _Parser:
    parser = _Parser(add_help=False, exit_on_error=False)
    parser.add_argument("kind")
    parser.add_argument("name", nargs="?")
    parser.add_argument("-n", "--namespace", default="default")
    parser.add_argument("-A", "--all-namespaces", action="store_true")
    parser.add_argument("-l", "--selector")
    parser.add_argument("--field-selector")
    return parser


class Reader:
    def __init__(self, plane: ControlPlane) -> None:
        self._client = httpx2.Client(
            base_url=plane.url,
            verify=ssl.create_default_context(cafile=str(plane.certificate)),
            headers={"Authorization": f"Bearer {plane.token()}"},
            trust_env=False,
            timeout=30,
        )

    def close(self) -> None:
        self._client.close()

    def get(self, *arguments: str) -> Any:
        """An object, None where there is none, or a list's items. Raises Unknown, httpx2.HTTPStatusError."""
        asked = _parser().parse_args(arguments)
        path = _path(asked.kind, None if asked.all_namespaces else asked.namespace)
        selectors = {"labelSelector": asked.selector, "fieldSelector": asked.field_selector}
        answer = self._client.get(
            f"{path}/{asked.name}" if asked.name else path,
            params={name: text for name, text in selectors.items() if text},
        )
        if asked.name and answer.status_code == 404:
            return None
        found = answer.raise_for_status().json()
        return found if asked.name else found["items"]


def _path(kind: str, namespace: str | None) -> str:
    """Of a collection. Raises Unknown."""
    if kind in {"otn", crd.PLURAL}:
        return f"/apis/{names.API_VERSION}/{crd.PLURAL}"
    for one in _EVERYWHERE:
        if kind in {one, f"{one}s"}:
            return f"/api/v1/{one}s"
    for root, kinds in _GROUPS.items():
        for one in kinds:
            plural = _PLURALS.get(one, f"{one}s")
            if kind in {one, plural}:
                return f"{root}/namespaces/{namespace}/{plural}" if namespace else f"{root}/{plural}"
    raise Unknown(kind)
