"""A pod's volumes as folders of this machine; those of Secrets, ConfigMaps and the downward API kept up to date.

A folder of files is replaced as a whole, as the kubelet does it: a fresh folder, then one rename of the link `..data`.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.pods.api import Object
from tests.cluster.pods.environment import Missing, Surroundings, Unsupported, resource

DATA = "..data"
_SOURCES = {"secret": ("Secret", "secretName"), "configMap": ("ConfigMap", "name")}
_READ_ONLY = ("secret", "configMap", "projected", "downwardAPI")


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int


Payload = dict[str, File]
"""Relative path -> file."""


@dataclass
class Volumes:
    """Those of one pod."""

    folder: Path
    claims: Path
    """Where the folders of claims stand, one for each namespace and name."""
    tokens: Mapping[str, bytes] = field(default_factory=dict)
    """Service account tokens: audience -> text."""
    group: int | None = None
    """Who reads files that only their group may, where a program is not who we are: as by an fsGroup."""
    _written: dict[str, Payload] = field(default_factory=dict)

    def place(self, volume: Object, namespace: str) -> Path:
        claim = volume.get("persistentVolumeClaim")
        if claim is not None:
            return self.claims / f"{namespace}.{claim['claimName']}"
        return self.folder / str(volume["name"])

    def refresh(self, around: Surroundings) -> bool:
        """Makes what is missing and rewrites what is other. Whether a file was. Raises Missing, Unsupported."""
        wrote = False
        pod = around.pod
        for volume in pod["spec"].get("volumes", []):
            place = self.place(volume, pod["metadata"]["namespace"])
            if host := volume.get("hostPath"):
                raise Unsupported(f"a volume of the host's {host['path']}")
            place.mkdir(parents=True, exist_ok=True)
            place.chmod(0o777)  # whoever the program is
            payload = self._payload(volume, around)
            if payload is not None and payload != self._written.get(volume["name"]):
                write(place, payload, self.group)
                self._written[volume["name"]] = payload
                wrote = True
        return wrote

    def mounts(self, container: Object, pod: Object) -> list[dict[str, Any]]:
        """As `launch.py` reads them."""
        known = {volume["name"]: volume for volume in pod["spec"].get("volumes", [])}
        found = []
        for mount in container.get("volumeMounts", []):
            volume = known[mount["name"]]
            source = self.place(volume, pod["metadata"]["namespace"])
            if part := mount.get("subPath"):
                source = (source / part).resolve()
                if not source.exists():
                    source.mkdir(parents=True)
            sealed = mount.get("readOnly", False) or any(kind in volume for kind in _READ_ONLY)
            found.append({"source": str(source), "target": mount["mountPath"], "read_only": sealed})
        return found

    def remove(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def _payload(self, volume: Object, around: Surroundings) -> Payload | None:
        """None for a volume without files of ours."""
        for kind in ("secret", "configMap", "downwardAPI"):
            if kind in volume:
                return self._part(kind, volume[kind], around, volume[kind].get("defaultMode", 0o644))
        if projected := volume.get("projected"):
            found: Payload = {}
            for source in projected["sources"]:
                for kind, part in source.items():
                    found |= self._part(kind, part, around, projected.get("defaultMode", 0o644))
            return found
        if {"emptyDir", "persistentVolumeClaim"} & volume.keys():
            return None
        raise Unsupported(f"the volume {volume['name']}: {', '.join(volume.keys() - {'name'})}")

    def _part(self, kind: str, source: Object, around: Surroundings, mode: int) -> Payload:
        if kind == "downwardAPI":
            return {item["path"]: File(_downward(item, around), item.get("mode", mode)) for item in source["items"]}
        if kind == "serviceAccountToken":
            return {source["path"]: File(self.tokens[source.get("audience", "")], 0o644)}
        if kind not in _SOURCES:
            raise Unsupported(f"a projected {kind}")
        what, name_field = _SOURCES[kind]
        name = source.get(name_field) or source["name"]
        data = around.data(what, name)
        if data is None:
            if source.get("optional"):
                return {}
            raise Missing(f'{what.lower()} "{name}" not found')
        return _items(what, name, source, data, mode)


def _items(what: str, name: str, source: Object, data: Mapping[str, bytes], mode: int) -> Payload:
    if "items" not in source:
        return {key: File(value, mode) for key, value in data.items()}
    found = {}
    for item in source["items"]:
        if item["key"] in data:
            found[item["path"]] = File(data[item["key"]], item.get("mode", mode))
        elif not source.get("optional"):
            raise Missing(f"references non-existent {what.lower()} key: {item['key']} of {name}")
    return found


def _downward(item: Object, around: Surroundings) -> bytes:
    if reference := item.get("fieldRef"):
        return around.field(reference["fieldPath"]).encode()
    reference = item["resourceFieldRef"]
    containers = around.pod["spec"]["containers"]
    return resource(next(one for one in containers if one["name"] == reference["containerName"]), reference).encode()


def write(folder: Path, payload: Payload, group: int | None = None) -> None:
    """All of it at once: whoever reads through `..data` sees the old files or the new ones, never some of each."""
    folder.chmod(0o755)
    fresh = Path(tempfile.mkdtemp(prefix="..", dir=folder))
    fresh.chmod(0o755)
    for path, file in payload.items():
        place = fresh / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.content)
        if group is not None:
            os.chown(place, -1, group)
        place.chmod(file.mode)
    link = folder / DATA
    before = link.resolve() if link.is_symlink() else None
    beside = folder / "..data_tmp"
    beside.symlink_to(fresh.name)
    beside.rename(link)
    tops = {Path(path).parts[0] for path in payload}
    for top in tops:
        if not (folder / top).is_symlink():
            (folder / top).symlink_to(f"{DATA}/{top}")
    for entry in os.scandir(folder):
        if not entry.name.startswith("..") and entry.name not in tops:
            Path(entry.path).unlink()
    if before is not None:
        shutil.rmtree(before, ignore_errors=True)
