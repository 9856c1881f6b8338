import tempfile
from collections.abc import Iterator
from pathlib import Path
from shutil import rmtree

import pytest
from tests.cluster.chart.installation import Site, site


@pytest.fixture
def empty() -> Iterator[Site]:
    """A cluster with nothing in it but a node whose pods are processes."""
    folder = Path(tempfile.mkdtemp(prefix="handrail-chart-"))
    folder.chmod(0o711)  # PostgreSQL's own user walks through it
    try:
        with site(folder) as made:
            yield made
    finally:
        rmtree(folder, ignore_errors=True)
