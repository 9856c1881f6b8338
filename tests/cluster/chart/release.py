"""The release before this tree, as it was: its chart, its programs, its snippet. From the history of the repository."""

import io
import subprocess
import tarfile
from dataclasses import dataclass, replace
from pathlib import Path

from tests.cluster.pods.images import Image, python_image

ROOT = Path(__file__).parents[3]
TAG = "before"
_PACKAGES = ("contracts", "operator", "gateway", "tenant-runtime")
_RELEASES = "sdk-js/releases"
_SERVED = "gateway/src/handrail_gateway/static/sdk"


class NoHistory(Exception):
    """This tree's history does not reach back to its last release."""


@dataclass(frozen=True)
class Release:
    """`version`: of the snippet, which is released with it."""

    version: str
    folder: Path

    @property
    def chart(self) -> Path:
        return self.folder / "charts" / "handrail"

    def images(self) -> dict[str, Image]:
        """With what is installed here beside them: only the programs are those of before."""
        sources = ":".join(str(self.folder / name / "src") for name in _PACKAGES)
        found = {}
        for name in ("operator", "gateway", "runtime"):
            image = python_image(f"handrail_{name}")
            keep = (*image.keep, str(self.folder))
            found[f"handrail/{name}:{TAG}"] = replace(image, environment={"PYTHONPATH": sources}, keep=keep)
        return found


def last_release(folder: Path) -> Release:
    """Unpacked into `folder`. Raises NoHistory."""
    versions = sorted((ROOT / _RELEASES).iterdir(), key=lambda one: [int(part) for part in one.name.split(".")])
    version = versions[-1].name
    # A release's files are added by its commit and never changed.
    path = f"{_RELEASES}/{version}/manifest.json"
    commit = _git("log", "--diff-filter=A", "--format=%H", "--", path).decode().strip()
    if not commit:
        raise NoHistory(f"no commit that released {version}")
    packed = _git("archive", commit, "charts", "examples", _RELEASES, *_PACKAGES)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(folder, filter="data")
    (folder / _SERVED).parent.mkdir(parents=True, exist_ok=True)
    (folder / _RELEASES).rename(folder / _SERVED)
    return Release(version, folder)


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    if done.returncode:
        raise NoHistory(done.stderr.decode(errors="replace").strip())
    return done.stdout
