"""Names of Services as the lines of an /etc/hosts. Pure, but for `write`.

A headless Service's name means its ready pods' addresses, and so does another's: there is no proxy here, so a
Service's port must be its pods' own.
"""

import os
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from tests.cluster.pods.addresses import real
from tests.cluster.pods.api import Object

DOMAIN = "cluster.local"
_SERVICE_OF = "kubernetes.io/service-name"
_LOCAL = "127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n"


def names(service: str, namespace: str, seen_from: str | None) -> list[str]:
    """Every name a Service is known by in pods of the namespace `seen_from`."""
    found = [f"{service}.{namespace}.svc.{DOMAIN}", f"{service}.{namespace}.svc", f"{service}.{namespace}"]
    return [*found, service] if namespace == seen_from else found


def addresses(services: Iterable[Object], slices: Iterable[Object]) -> dict[tuple[str, str], dict[str, list[str]]]:
    """(namespace, service) -> host name (empty: the Service itself) -> addresses.

    A Service that is not headless falls back to pods that are ending and still serve where it has no others, as a
    cluster's proxy does."""
    headless = {
        (one["metadata"]["namespace"], one["metadata"]["name"]): one["spec"].get("clusterIP") == "None"
        for one in services
    }
    ready: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    ending: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for one in slices:
        place = (one["metadata"]["namespace"], one["metadata"].get("labels", {}).get(_SERVICE_OF, ""))
        if place not in headless:
            continue
        for endpoint in one.get("endpoints") or []:
            conditions = endpoint.get("conditions", {})
            if conditions.get("ready", True):
                _add(ready[place], endpoint)
            elif conditions.get("serving") and not headless[place]:
                _add(ending[place], endpoint)
    return {place: ready.get(place) or ending.get(place) or {} for place in headless}


def text(known: dict[tuple[str, str], dict[str, list[str]]], namespace: str | None, own: tuple[str, str] | None) -> str:
    """The file for pods of one namespace. `own`: a pod's own address and name."""
    lines = [f"{own[0]} {own[1]}"] if own else []
    for (place, service), hosts in sorted(known.items()):
        for host, found in sorted(hosts.items()):
            spelled = names(service, place, namespace)
            if host:
                spelled = [f"{host}.{name}" for name in spelled]
            lines += [f"{address} {' '.join(spelled)}" for address in sorted(set(found))]
    return _LOCAL + "".join(f"{line}\n" for line in lines)


def write(path: Path, wanted: str) -> None:
    """In place: the file is bound, and a renamed one would not be seen. One write, over all that stood there, so that
    a reader sees the old lines or the new ones; only empty lines are cut off."""
    content = wanted.encode()
    size = len(content)
    held = path.stat().st_size if path.exists() else 0
    content += b"\n" * (held - len(content))
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o644)
    try:
        os.pwrite(file, content, 0)
        os.ftruncate(file, size)
    finally:
        os.close(file)


def _add(found: dict[str, list[str]], endpoint: Object) -> None:
    here = [real(address) for address in endpoint["addresses"]]
    found[""] += here
    if host := endpoint.get("hostname"):
        found[host] += here
