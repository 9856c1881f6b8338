"""Becomes a container's command, in a mount namespace of its own.

Run by its path with `python -I -S`: `launch.py VIEW.json COMMAND [ARGUMENT...]`. The view says which folders and files
are bound where. The root is built anew from what stands in `/` (each thing bound, nothing copied), so that a path which
does not exist on this machine can be a mount's place all the same; all of it is gone with the process. Under another
user than root the same is done in a user namespace. Nothing but the standard library: it starts before each process.
"""

import ctypes
import errno
import json
import os
import sys

CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 1, 32, 4096, 16384, 1 << 18
NOT_ALLOWED = 125
"""Exit code where this machine lets us have no mount namespace."""
NOT_FOUND = 127
ADVICE = (
    "pods run in mount namespaces of their own, and this machine allows none: run as root with CAP_SYS_ADMIN, or allow "
    "user namespaces to ordinary users (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces > 0, "
    "kernel.apparmor_restrict_unprivileged_userns=0); in a container: --security-opt seccomp=unconfined"
)
_libc = ctypes.CDLL(None, use_errno=True)


def _call(done: int, what: str) -> None:
    if done != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), what)


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    _call(_libc.mount(words[0], words[1], words[2], flags, options.encode() or None), target)


def _unshare() -> None:
    """A mount namespace; with a user namespace around it where we may not make one alone."""
    if os.geteuid() == 0 and _libc.unshare(CLONE_NEWNS) == 0:
        return
    uid, gid = os.geteuid(), os.getegid()
    _call(_libc.unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"{uid} {uid} 1"), ("gid_map", f"{gid} {gid} 1")):
        with open(f"/proc/self/{name}", "w") as file:  # noqa: PTH123 - pathlib is slow to import here
            file.write(text)


def _bind(source: str, target: str) -> None:
    _mount(source, target, None, MS_BIND | MS_REC)


def _seal(target: str) -> None:
    """Read-only. What was locked by the namespace around us must be asked for again, or it is refused."""
    held = os.statvfs(target).f_flag
    kept = {os.ST_NOSUID: 2, os.ST_NODEV: 4, os.ST_NOEXEC: 8, os.ST_NOATIME: 1024, os.ST_RELATIME: 1 << 21}
    flags = sum(flag for name, flag in kept.items() if held & name)
    _mount(None, target, None, MS_BIND | MS_REMOUNT | MS_RDONLY | flags)


def _mirror(folder: str, target: str, without: str = "") -> None:
    """Everything in `folder`, bound one by one into `target`."""
    for entry in os.scandir(folder):
        place = os.path.join(target, entry.name)  # noqa: PTH118
        if entry.name == without:
            continue
        if entry.is_symlink():
            os.symlink(os.readlink(entry.path), place)  # noqa: PTH115, PTH211
        elif entry.is_dir():
            os.mkdir(place)  # noqa: PTH102
            _bind(entry.path, place)
        else:
            os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
            _bind(entry.path, place)


def _inside(root: str, path: str) -> str:
    """Where a path of the new root lies, its symbolic links followed inside it."""
    place = root
    rest = [part for part in path.split("/") if part]
    while rest:
        part = rest.pop(0)
        step = os.path.join(place, part)  # noqa: PTH118
        if os.path.islink(step):  # noqa: PTH114
            goal = os.readlink(step)  # noqa: PTH115
            if goal.startswith("/"):
                place = root
            rest = [piece for piece in goal.split("/") if piece not in {"", "."}] + rest
        elif part == "..":
            place = os.path.dirname(place) if place != root else root  # noqa: PTH120
        else:
            place = step
    return place


def _make(root: str, place: str, *, folder: bool, made: set[str]) -> None:
    """A folder or an empty file at a place that may not exist. The first folder above it that does is laid out anew
    in memory, for this process alone: this machine's own folders get nothing new."""
    missing: list[str] = []
    above = place
    while not os.path.exists(above):  # noqa: PTH110
        missing.insert(0, os.path.basename(above))  # noqa: PTH119
        above = os.path.dirname(above)  # noqa: PTH120
    if not missing:
        return
    if above != root and not any(above == own or above.startswith(own + "/") for own in made):
        fresh = os.path.join(root, ".fresh")  # noqa: PTH118
        os.mkdir(fresh)  # noqa: PTH102
        _mount("tmpfs", fresh, "tmpfs", 0, "mode=755")
        _mirror(above, fresh)
        _bind(fresh, above)
        _call(_libc.umount2(fresh.encode(), 2), fresh)
        os.rmdir(fresh)  # noqa: PTH106
        made.add(above)
    for name in missing[:-1]:
        above = os.path.join(above, name)  # noqa: PTH118
        os.mkdir(above)  # noqa: PTH102
    if folder:
        os.mkdir(place)  # noqa: PTH102
    else:
        os.close(os.open(place, os.O_CREAT | os.O_WRONLY, 0o600))
    made.add(place)


def _has_something(path: str) -> bool:
    """An empty folder is where an earlier start of the container had something put back."""
    return bool(os.listdir(path)) if os.path.isdir(path) else os.path.exists(path)  # noqa: PTH110, PTH112, PTH208


def enter(view: dict) -> None:  # type: ignore[type-arg]
    """`view`: {"root": an empty folder, "mounts": [{"source", "target", "read_only"}], "keep": [paths], "cwd"}.
    `keep`: paths of this machine that the command needs, put back where a mount hides them."""
    _unshare()
    _mount(None, "/", None, MS_REC | MS_PRIVATE)
    root = view["root"]
    _mount("tmpfs", root, "tmpfs", 0, "mode=755")
    _mirror("/", root)
    made: set[str] = set()
    for mount in sorted(view["mounts"], key=lambda one: one["target"].count("/")):
        place = _inside(root, mount["target"])
        folder = os.path.isdir(mount["source"])  # noqa: PTH112
        _make(root, place, folder=folder, made=made)
        _bind(mount["source"], place)
        if folder and not mount["read_only"]:
            made.add(place)  # its own folder: things may be made in it
        for path in view["keep"]:
            inside = _inside(root, path)
            if inside.startswith(place + "/") and not _has_something(inside):
                _make(root, inside, folder=os.path.isdir(path), made=made)  # noqa: PTH112
                _bind(path, inside)
        if mount["read_only"]:
            _seal(place)
    os.chroot(root)
    os.chdir(view["cwd"])


def main() -> None:
    path, *command = sys.argv[1:]
    with open(path) as file:  # noqa: PTH123
        view = json.load(file)
    try:
        enter(view)
    except OSError as error:
        refused = error.errno in {errno.EPERM, errno.EACCES, errno.ENOSPC, errno.ENOSYS, errno.EINVAL}
        sys.stderr.write(f"{error.filename}: {error.strerror}. {ADVICE if refused else ''}\n")
        sys.exit(NOT_ALLOWED)
    try:
        os.execvpe(command[0], command, os.environ)
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.exit(NOT_FOUND)


if __name__ == "__main__":
    main()
