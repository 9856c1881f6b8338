"""What a container finds in its environment. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubernetes.utils.quantity import parse_quantity
from tests.cluster.pods.api import Object

_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
_ALL_ADDRESSES = ("::", "0.0.0.0")
_FIELD = re.compile(r"^metadata\.(labels|annotations)\['(.*)'\]$")


class Missing(Exception):
    """A Secret, ConfigMap or key that is not optional is not there; the text names it."""


class Unsupported(Exception):
    """The manifest asks for something that this helper does not do; the text names it."""


@dataclass(frozen=True)
class Surroundings:
    """What values may come from. `data(kind, name)`: the decoded data of a Secret or ConfigMap, None without one."""

    pod: Object
    address: str
    host: str
    data: Callable[[str, str], Mapping[str, bytes] | None]

    def field(self, path: str) -> str:
        """A fieldRef's value. Raises Unsupported."""
        metadata, spec = self.pod["metadata"], self.pod["spec"]
        if found := _FIELD.match(path):
            return str(metadata.get(found[1], {}).get(found[2], ""))
        fields: dict[str, Any] = {
            "metadata.name": metadata["name"],
            "metadata.namespace": metadata["namespace"],
            "metadata.uid": metadata["uid"],
            "metadata.labels": _lines(metadata.get("labels")),
            "metadata.annotations": _lines(metadata.get("annotations")),
            "spec.nodeName": spec.get("nodeName", ""),
            "spec.serviceAccountName": spec.get("serviceAccountName", ""),
            "status.podIP": self.address,
            "status.podIPs": self.address,
            "status.hostIP": self.host,
            "status.hostIPs": self.host,
        }
        if path not in fields:
            raise Unsupported(f"fieldPath {path}")
        return str(fields[path])

    def key(self, kind: str, reference: Mapping[str, Any]) -> bytes | None:
        """The value of a secretKeyRef or configMapKeyRef; None where it is optional. Raises Missing."""
        found = self.data(kind, reference["name"])
        if found is not None and reference["key"] in found:
            return found[reference["key"]]
        if reference.get("optional"):
            return None
        if found is None:
            raise Missing(f'{kind.lower()} "{reference["name"]}" not found')
        raise Missing(f"couldn't find key {reference['key']} in {kind} {self.pod['metadata']['namespace']}/"
                      f"{reference['name']}")  # fmt: skip


def resolve(container: Object, around: Surroundings, given: Mapping[str, str]) -> dict[str, str]:
    """`given`: the image's own and the node's. Raises Missing, Unsupported."""
    found = dict(given)
    for source in container.get("envFrom", []):
        found |= _all_of(source, around)
    for variable in container.get("env", []):
        value = _value(container, variable, around, found)
        if value is not None:
            found[variable["name"]] = value
    return found


def expand(text: str, known: Mapping[str, str]) -> str:
    """`$(NAME)`; an unknown one stays as it is, and `$$` is one `$`."""
    return _REFERENCE.sub(lambda found: "$" if found[1] == "$" else known.get(found[2], found[0]), text)


def resource(container: Object, reference: Mapping[str, Any]) -> str:
    """A resourceFieldRef's value, rounded up. Raises Unsupported."""
    kind, _, name = reference["resource"].partition(".")
    if kind not in {"limits", "requests"}:
        raise Unsupported(f"resource {reference['resource']}")
    amount = container.get("resources", {}).get(kind, {}).get(name, "0")
    return str(int(-(-parse_quantity(amount) // parse_quantity(str(reference.get("divisor") or "1")))))


def refuse_unsupported(pod: Object) -> None:
    """What would be left out in silence. Raises Unsupported."""
    spec = pod["spec"]
    for container in spec.get("initContainers", []):
        if container.get("restartPolicy"):
            raise Unsupported(f"the sidecar {container['name']}")
    for container in spec["containers"]:
        for kind in ("startupProbe", "readinessProbe", "livenessProbe"):
            if "grpc" in container.get(kind, {}):
                raise Unsupported(f"the gRPC {kind} of {container['name']}")


def _value(container: Object, variable: Object, around: Surroundings, known: Mapping[str, str]) -> str | None:
    source = variable.get("valueFrom")
    if not source:
        value = expand(variable.get("value", ""), known)
        # Pods have this machine's network: all of a pod's addresses are the one it was given.
        return around.address if value in _ALL_ADDRESSES else value
    if "fieldRef" in source:
        return around.field(source["fieldRef"]["fieldPath"])
    if "resourceFieldRef" in source:
        return resource(container, source["resourceFieldRef"])
    for kind, name in (("Secret", "secretKeyRef"), ("ConfigMap", "configMapKeyRef")):
        if name in source:
            found = around.key(kind, source[name])
            return None if found is None else found.decode()
    raise Unsupported(f"the source of {variable['name']}: {', '.join(source)}")


def _all_of(source: Object, around: Surroundings) -> dict[str, str]:
    kind, name = ("Secret", "secretRef") if "secretRef" in source else ("ConfigMap", "configMapRef")
    reference = source[name]
    found = around.data(kind, reference["name"])
    if found is None:
        if reference.get("optional"):
            return {}
        raise Missing(f'{kind.lower()} "{reference["name"]}" not found')
    return {source.get("prefix", "") + key: value.decode() for key, value in found.items()}


def _lines(given: Mapping[str, str] | None) -> str:
    quoted = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in (given or {}).items()}
    return "\n".join(f'{name}="{quoted[name]}"' for name in sorted(quoted))
