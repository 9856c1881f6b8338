"""One control plane for each worker that needs one."""

import tempfile
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
        kubectl(made, "wait", "--for=condition=Established", "--timeout=60s", "crd", "--all")
        yield made
    finally:
        made.stop()
        rmtree(folder, ignore_errors=True)
