"""Small files that are whole or absent: written beside, flushed, renamed."""

import os
import tempfile
from pathlib import Path

from handrail_cli.state.errors import StateError


def write(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Raises StateError, e.g. on a full disk; what stood there before is untouched then."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)  # noqa: PTH101 - mkstemp gives a name
            os.replace(name, path)  # noqa: PTH105
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StateError(f"{path} cannot be written: {error.strerror}. {_remedy(error)}") from error


def write_if_changed(path: Path, data: bytes, *, mode: int = 0o600) -> bool:
    """Whether it had to be written."""
    if read(path) == data:
        return False
    write(path, data, mode=mode)
    return True


def read(path: Path) -> bytes | None:
    """None where there is no such file. Raises StateError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(f"{path} cannot be read: {error.strerror}. {_remedy(error)}") from error


def _remedy(error: OSError) -> str:
    import errno

    if error.errno == errno.ENOSPC:
        return "Make room on the disk, or choose another one by --state."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "Run handrail as the user the state folder belongs to, or choose another one by --state."
    return "Choose another folder by --state."
