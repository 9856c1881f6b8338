"""One platform for all workers of a run, and one for who measures."""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from tests.hostile.world import BYSTANDER, DESCRIBED, HOSTILE, World, platform


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Started by the worker that needs it first, and ended by it once no other uses it any more."""
    alone = "PYTEST_XDIST_WORKER" not in os.environ
    base = tmp_path_factory.getbasetemp()
    folder = (base if alone else base.parent) / "hostile"
    folder.mkdir(exist_ok=True)
    told = folder / "world.json"
    with (folder / "turn").open("w") as turn, (folder / "use").open("w") as use:
        fcntl.flock(turn, fcntl.LOCK_EX)
        if told.exists():
            fcntl.flock(use, fcntl.LOCK_SH)
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield _read(told)
            return
        with platform(HOSTILE, BYSTANDER, DESCRIBED) as made:
            told.write_text(json.dumps(asdict(made), default=str))
            fcntl.flock(turn, fcntl.LOCK_UN)
            yield made
            # Whoever comes from now on starts one anew; whoever uses this one is waited for.
            fcntl.flock(turn, fcntl.LOCK_EX)
            told.unlink()
            fcntl.flock(turn, fcntl.LOCK_UN)
            fcntl.flock(use, fcntl.LOCK_EX)


def _read(told: Path) -> World:
    value = json.loads(told.read_text())
    return World(value["port"], value["keys"], Path(value["folder"]), Path(value["log"]))
