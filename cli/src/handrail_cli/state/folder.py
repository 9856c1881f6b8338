"""The layout of a state folder, and typed access to what is in it.

version, lock         which layout; who runs on it
servers.json          passwords of the embedded servers
platform.json         the platform's own keys
ports.json            ports of the inner servers, the same at every start where they are free
files.json            which tenant files are followed
status.json           what `handrail status` shows
tenants/              tenant files that were copied here (the shipped examples)
secrets/<tenant>/     everything secret of one tenant; handrail-keys/ and handrail-identity/ as files to read
run/                  secrets folders of the running processes, made again at every start
postgres/ nats/ valkey/
"""

import contextlib
import fcntl
import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from handrail_cli.embedded.passwords import ServerSecrets
from handrail_cli.state import files
from handrail_cli.state.errors import NoPlatform, StateError
from handrail_cli.state.live import LiveStatus
from handrail_contracts import names
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets

VERSION = 1
NEEDED = 200 * 1024 * 1024
"""Bytes that must be free before anything is started."""

T = TypeVar("T")


class Followed(msgspec.Struct):
    """Tenant files by absolute path, and tenants that were deleted while their document still stands in a file."""

    paths: list[str] = []
    deleted: dict[str, str] = {}
    """Tenant -> digest of the document that no longer counts."""


class KeptSpec(msgspec.Struct):
    """The last spec that was accepted."""

    spec: dict[str, Any]
    generation: int = 1
    identity_secrets: list[str] = []
    """As the spec's references resolved."""
    path: str = ""
    runtime_secrets: dict[str, str] = {}
    """The values of references that the runtime reads itself, by their file in its secrets folder."""


def default_folder() -> Path:
    base = os.environ.get("XDG_DATA_HOME") or ""
    # A relative value is to be ignored, says the XDG specification.
    root = Path(base) if Path(base).is_absolute() else Path.home() / ".local" / "share"
    return root / "handrail"


@dataclass(frozen=True)
class State:
    """An existing state folder."""

    root: Path

    # --- opening ---------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, root: Path | None) -> "State":
        """Opens the folder, makes it where it is not there. Raises StateError."""
        root = (root or default_folder()).expanduser().absolute()
        try:
            fresh = not root.exists()
            root.mkdir(parents=True, exist_ok=True)
            if fresh:
                root.chmod(stat.S_IRWXU)
            if not (root / "version").exists():
                strangers = [path.name for path in root.iterdir() if not path.name.startswith(".")]
                if strangers and not (root / "lock").exists():
                    raise StateError(
                        f"{root} holds other things ({', '.join(sorted(strangers)[:3])}). Choose an empty folder "
                        "or a new one by --state."
                    )
        except OSError as error:
            raise StateError(f"{root} cannot be used: {error.strerror}. Choose another folder by --state.") from error
        state = cls(root)
        state.check_version()
        return state

    @classmethod
    def open(cls, root: Path | None) -> "State":
        """Opens what `handrail up` made. Raises StateError; NoPlatform where it made nothing there."""
        root = (root or default_folder()).expanduser().absolute()
        if not (root / "version").exists():
            raise NoPlatform(f"there is no platform in {root} yet. Start one with `handrail up`, or name its --state.")
        state = cls(root)
        state.check_version()
        return state

    def check_version(self) -> None:
        text = (files.read(self.root / "version") or b"").decode(errors="replace").strip()
        if not text:
            return
        if not text.isdigit() or int(text) > VERSION:
            raise StateError(
                f"{self.root} was made by a newer handrail (layout {text}, this one knows {VERSION}). "
                "Update handrail, or choose another folder by --state."
            )

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Only one platform runs on a state folder. Raises StateError."""
        try:
            handle = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StateError(f"{self.root} cannot be used: {error.strerror}. Choose another by --state.") from error
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StateError(
                    f"another `handrail up` runs on {self.root}. End it first, or start this one with another "
                    "--state and --port."
                ) from error
            self._check_room()
            files.write_if_changed(self.root / "version", f"{VERSION}\n".encode(), mode=0o644)
            yield
        finally:
            os.close(handle)

    def in_use(self) -> bool:
        """Whether a platform runs on this folder right now."""
        with contextlib.suppress(OSError):
            handle = os.open(self.root / "lock", os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            finally:
                os.close(handle)
        return False

    def _check_room(self) -> None:
        free = shutil.disk_usage(self.root).free
        if free < NEEDED:
            raise StateError(
                f"the disk of {self.root} is full: {free // 1024**2} MiB are free, {NEEDED // 1024**2} are needed. "
                "Make room, or choose another disk by --state."
            )

    # --- the platform ----------------------------------------------------------------------------------------

    def _load(self, path: Path, kind: type[T]) -> T | None:
        data = files.read(path)
        if data is None:
            return None
        try:
            return msgspec.json.decode(data, type=kind)
        except msgspec.MsgspecError as error:
            raise StateError(f"{path} is damaged: {error}. Restore it, or choose another folder by --state.") from error

    def _save(self, path: Path, value: object) -> None:
        files.write_if_changed(path, msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")

    def server_secrets(self) -> ServerSecrets:
        """Made at the first call."""
        path = self.root / "servers.json"
        found = self._load(path, ServerSecrets)
        if found is None:
            found = ServerSecrets.new()
            self._save(path, found)
        return found

    def platform_secrets(self) -> PlatformSecrets:
        """Made at the first call."""
        path = self.root / "platform.json"
        found = self._load(path, PlatformSecrets)
        if found is None:
            found = PlatformSecrets.new()
            self._save(path, found)
        return found

    def ports(self) -> dict[str, int]:
        return self._load(self.root / "ports.json", dict[str, int]) or {}

    def save_ports(self, ports: dict[str, int]) -> None:
        self._save(self.root / "ports.json", ports)

    def followed(self) -> Followed:
        return self._load(self.root / "files.json", Followed) or Followed()

    def save_followed(self, followed: Followed) -> None:
        self._save(self.root / "files.json", followed)

    def live(self) -> LiveStatus | None:
        """What the running platform last said of itself; None where none ever ran."""
        return self._load(self.root / "status.json", LiveStatus)

    def save_live(self, live: LiveStatus) -> None:
        self._save(self.root / "status.json", live)

    @property
    def examples(self) -> Path:
        return self.root / "tenants"

    # --- tenants ---------------------------------------------------------------------------------------------

    def _tenant(self, name: str) -> Path:
        return self.root / "secrets" / name

    def tenant_names(self) -> list[str]:
        """Every tenant whose secrets are kept here."""
        folder = self.root / "secrets"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def tenant_secrets(self, name: str) -> TenantSecrets | None:
        return self._load(self._tenant(name) / "keyring.json", TenantSecrets)

    def save_tenant_secrets(self, name: str, value: TenantSecrets) -> None:
        """Also as files to read: handrail-keys and handrail-identity, as in the tenant's Secrets on Kubernetes."""
        folder = self._private(self._tenant(name))
        self._save(folder / "keyring.json", value)
        shown = {key.key_id: key.key for key in value.keys}
        for kind in ("publishable", "secret"):
            if newest := value.newest(kind):
                shown[kind] = newest.key
        self._write_folder(folder / names.KEYS_SECRET, shown)
        self._write_folder(folder / names.IDENTITY_SECRET, {"current": value.identity_secret})

    def kept_spec(self, name: str) -> KeptSpec | None:
        return self._load(self._tenant(name) / "spec.json", KeptSpec)

    def save_kept_spec(self, name: str, kept: KeptSpec) -> None:
        self._save(self._private(self._tenant(name)) / "spec.json", kept)

    def forget_tenant(self, name: str, *, secrets_too: bool) -> None:
        """Its spec and running files; its secrets only with its data, since they open it."""
        shutil.rmtree(self.root / "run" / "tenants" / name, ignore_errors=True)
        (self._tenant(name) / "spec.json").unlink(missing_ok=True)
        if secrets_too:
            shutil.rmtree(self._tenant(name), ignore_errors=True)

    # --- secrets folders of processes ------------------------------------------------------------------------

    def process_folder(self, *parts: str, content: dict[str, str]) -> Path:
        """A secrets folder with exactly these files."""
        folder = self.root.joinpath("run", *parts)
        self._write_folder(folder, content)
        return folder

    def _private(self, folder: Path) -> Path:
        try:
            for path in reversed([folder, *folder.relative_to(self.root).parents[:-1]]):
                self.root.joinpath(path).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise StateError(f"{folder} cannot be made: {error.strerror}. Choose another --state.") from error
        return folder

    def _write_folder(self, folder: Path, content: dict[str, str]) -> None:
        """Exactly these files; a name may hold folders (`a/b`)."""
        self._private(folder)
        wanted = {folder / name for name in content}
        self._sweep(folder, wanted)
        for name, text in content.items():
            self._private((folder / name).parent)
            files.write_if_changed(folder / name, text.encode())

    def _sweep(self, folder: Path, wanted: set[Path]) -> None:
        for path in folder.iterdir():
            if path in wanted and not path.is_dir():
                continue
            if path.is_dir() and not path.is_symlink():
                self._sweep(path, wanted)
                if not any(path in each.parents for each in wanted):
                    path.rmdir()
            else:
                path.unlink(missing_ok=True)
