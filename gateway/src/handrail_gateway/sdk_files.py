"""The snippet's files: only names of a manifest are served, so no path can leave the folder.

Layout: `<folder>/<version>/manifest.json` with `{"version", "files": {name: "sha384-..."}}` beside the files. All
released versions are there for good, because pages pin them and open pages load their chunks later; `x.y.z-dev` is what
a source tree builds again and again.
"""

import gzip
import json
import re
from dataclasses import dataclass
from pathlib import Path

import structlog

from handrail_contracts.problems import Problem

log = structlog.get_logger()

ENTRY = "onboarding-agent-sdk.js"
EVERGREEN = "v1"
"""The path that always serves the newest version."""
_UNRELEASED = "-dev"
_VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)((?:-[0-9A-Za-z.-]+)?)")
_TYPES = {
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".txt": "text/plain; charset=utf-8",
}
_WORTH_GZIP = 512


@dataclass(frozen=True)
class SdkFile:
    """One file of one version. What pages load is in memory; what only developers look at, source maps, is not."""

    path: Path
    body: bytes | None
    zipped: bytes | None
    media_type: str
    integrity: str
    source_map: str | None
    """Name of the file's source map, in the same folder."""
    is_final: bool
    """A released version's: these bytes for ever."""

    @property
    def etag(self) -> str:
        return f'"{self.integrity}"'


class SdkFiles:
    """All versions in the folder. A build made while the gateway runs is found at the next miss.

    `unreleased`: v1 is also what has not been released, when that is the newest; else only where there is no release.
    """

    def __init__(self, folder: Path, *, unreleased: bool = False) -> None:
        self._folder = folder
        self._unreleased = unreleased
        self._versions: dict[str, dict[str, SdkFile]] = {}
        self._stamp: tuple[tuple[str, int], ...] = ()

    def load(self) -> None:
        """Reads what is there. Says in the log what to do where there is nothing."""
        manifests = sorted(self._folder.glob("*/manifest.json")) if self._folder.is_dir() else []
        stamp = tuple((str(path), path.stat().st_mtime_ns) for path in manifests)
        if stamp == self._stamp and self._versions:
            return
        self._stamp = stamp
        self._versions = {}
        for path in manifests:
            try:
                self._versions[path.parent.name] = _read(path)
            except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
                log.error("a build of the snippet cannot be read", folder=str(path.parent), error=repr(error))
        if not self._versions:
            log.warning("the snippet is not built: run `make sdk`", folder=str(self._folder))

    def find(self, version: str, name: str) -> SdkFile:
        """A file of a version, or of the newest for `v1`. Raises Problem: not_found; unavailable when none is built."""
        if version == EVERGREEN or not _is_final(version) or version not in self._versions:
            self.load()
        if not self._versions:
            raise Problem("unavailable", "The snippet is not built on this platform.", retry_after=60)
        files = self._versions.get(self.newest if version == EVERGREEN else version, {})
        if name not in files:
            raise Problem("not_found", "There is no such version of the snippet here, or no such file of it.")
        return files[name]

    @property
    def newest(self) -> str:
        released = [version for version in self._versions if _is_final(version)]
        return max(released if released and not self._unreleased else self._versions, key=_order, default="")


def _order(version: str) -> tuple[tuple[int, ...], bool, str]:
    match = _VERSION.fullmatch(version)
    if match is None:
        return (), False, version
    # 1.0.0-rc.1 comes before 1.0.0.
    return tuple(int(part) for part in match.groups()[:3]), not match[4], match[4]


def _is_final(version: str) -> bool:
    return not version.endswith(_UNRELEASED)


def _read(manifest: Path) -> dict[str, SdkFile]:
    names: dict[str, str] = json.loads(manifest.read_bytes())["files"]
    found = {}
    for name, integrity in names.items():
        path = manifest.parent / name
        if path.parent != manifest.parent:
            raise ValueError(f"{name!r} is no name of a file")
        body = None if path.suffix == ".map" else path.read_bytes()
        source_map = f"{name}.map"
        found[name] = SdkFile(
            path=path,
            body=body,
            zipped=gzip.compress(body, 9, mtime=0) if body is not None and len(body) >= _WORTH_GZIP else None,
            media_type=_TYPES.get(path.suffix, "application/octet-stream"),
            integrity=str(integrity),
            source_map=source_map if source_map in names else None,
            is_final=_is_final(manifest.parent.name),
        )
    return found
