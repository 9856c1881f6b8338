"""One platform for all workers of a run."""

import contextlib
import fcntl
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hostile.world import World, until

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Started by the worker that needs it first; it ends once no worker uses it any more, however they end."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "hostile"
    folder.mkdir(exist_ok=True)
    told = folder / "world.json"
    with (folder / "turn").open("a") as turn, (folder / "use").open("a") as use:
        fcntl.flock(turn, fcntl.LOCK_EX)
        fcntl.flock(use, fcntl.LOCK_SH)
        if not told.exists():
            _start(folder)
        fcntl.flock(turn, fcntl.LOCK_UN)
        yield _read(told)
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(use, fcntl.LOCK_EX | fcntl.LOCK_NB)
            # Nobody else uses it. It is waited for, so that nothing is left when the run is over.
            fcntl.flock(use, fcntl.LOCK_UN)
            until(lambda: not told.exists(), "the end of the platform", 30)
            fcntl.flock(use, fcntl.LOCK_SH)


def _start(folder: Path) -> None:
    log = str(folder / "hold.log")
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, "-m", "tests.hostile.hold", str(folder)],
        os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])},
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )

    def there() -> bool:
        assert os.waitpid(pid, os.WNOHANG) == (0, 0), Path(log).read_text()[-3000:]
        return (folder / "world.json").exists()

    until(there, "a platform to be hostile to", 200)


def _read(told: Path) -> World:
    value = json.loads(told.read_text())
    return World(value["port"], value["keys"], Path(value["folder"]), Path(value["log"]))
