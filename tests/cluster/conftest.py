"""One control plane for each worker that needs one; and a whole platform in one, whose pods really run."""

import secrets
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path
from shutil import rmtree
from typing import Any, TypeVar

import pytest
from tests.cluster.chart.installation import Site
from tests.cluster.control_plane import ControlPlane, kubectl, serve_definition
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.pod_manifests import until
from tests.cluster.report import state
from tests.cluster.stage import Stage, staged
from tests.conftest import HELD, RunningServers

T = TypeVar("T")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failure tells how its cluster looked."""
    report = yield
    if report.failed:
        funcargs = getattr(item, "funcargs", {})
        for found in (funcargs.get("cluster"), funcargs.get("empty")):
            if isinstance(found, LocalCluster | Site):
                logs = sorted(found.pods.folder.parent.glob("operator/*.log"), key=lambda path: path.stat().st_mtime)
                told = state(found.plane, found.pods, *logs[-2:])
                report.sections.append((f"the cluster of {item.name}", told))
                if isinstance(found, Site):
                    report.sections.append((f"pods of the platform of {item.name}", found.logs()))
    return report


class _Held:
    """What a worker's tests share as long as they follow each other: to start it costs seconds, and to have it idle
    costs as much a minute or two later."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Any, ExitStack]] = {}

    def get(self, name: str, made: Callable[[], AbstractContextManager[T]]) -> T:
        if name not in self._open:
            stack = ExitStack()
            self._open[name] = (stack.enter_context(made()), stack)
        found: T = self._open[name][0]
        return found

    def end(self, *names: str) -> None:
        for name in names:
            if name in self._open:
                self._open.pop(name)[1].close()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
        yield
        if nextitem is not None and nextitem.path != item.path:
            self.end(*self._open.keys() - set(nextitem.fixturenames))  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def held(pytestconfig: pytest.Config) -> Iterator[_Held]:
    made = _Held()
    pytestconfig.pluginmanager.register(made)
    yield made
    pytestconfig.pluginmanager.unregister(made)
    made.end(*HELD)


@pytest.fixture(scope="module")
def plane(held: _Held) -> ControlPlane:
    """Running, with the custom resource's definition served. It has no nodes but those that a test adds."""
    return held.get("plane", _plane)


@contextmanager
def _plane() -> Iterator[ControlPlane]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-plane-"))
    made = ControlPlane(folder, audit=True)
    try:
        made.start()
        serve_definition(made)
        yield made
    finally:
        made.stop()
        rmtree(folder, ignore_errors=True)


@pytest.fixture
def stage(plane: ControlPlane, servers: RunningServers, tmp_path: Path) -> Iterator[Stage]:
    """Tenants and operators on `plane`, with the worker's servers; all pods of it run at once, in KWOK's word alone."""
    with staged(plane, servers.access, tmp_path / "stage") as made:
        yield made


@pytest.fixture(scope="module")
def cluster(held: _Held, servers: RunningServers) -> LocalCluster:
    """A control plane of its own with one node, `local`, whose pods are real processes; a gateway; the worker's
    servers. `with cluster.operator(): ...` starts an operator. No fake node may be added."""
    return held.get("cluster", partial(_cluster, servers))


@contextmanager
def _cluster(servers: RunningServers) -> Iterator[LocalCluster]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-cluster-"))
    made = LocalCluster(folder, servers.access)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        rmtree(folder, ignore_errors=True)


@pytest.fixture
def namespace(cluster: LocalCluster) -> Iterator[str]:
    """A fresh one; gone after the test, and all that runs in it."""
    name = f"test-{secrets.token_hex(4)}"
    cluster.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    until(lambda: cluster.get("serviceaccount", "default", "-n", name), "the account that pods need")
    yield name
    kubectl(cluster.plane, "delete", "namespace", name, "--wait=false", "--ignore-not-found")
