"""One control plane for each worker that needs one."""

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from tests.cluster.control_plane import ControlPlane, kubectl

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def plane() -> Iterator[ControlPlane]:
    """Running, with the custom resource's definition served."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-plane-"))
    made = ControlPlane(folder, audit=True)
    try:
        made.start()
        kubectl(made, "apply", "-f", str(ROOT / "crds"))
        _await_served(made)
        yield made
    finally:
        made.stop()
        rmtree(folder, ignore_errors=True)


def _await_served(plane: ControlPlane) -> None:
    """kubectl's own wait fails on a definition that has no condition at all yet."""
    deadline = time.monotonic() + 60
    while True:
        try:
            kubectl(plane, "get", "otn")
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
