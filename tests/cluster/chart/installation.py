"""The chart on a control plane of this machine, whose pods really run, by the real Helm."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.cluster import binaries
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.pods.images import GATEWAY
from tests.cluster.pods.runner import Pods
from tests.cluster.reading import Reader

CHART = Path(__file__).parents[3] / "charts" / "handrail"
NAMESPACE = "handrail"
RELEASE = "handrail"
GUEST = "guest"
"""A user without rights."""
TAG = GATEWAY.rpartition(":")[2]
PATIENCE = 180
"""Seconds."""


class HelmFailed(Exception):
    """What Helm said."""


@dataclass(frozen=True)
class Helm:
    """The real program, for one control plane."""

    kubeconfig: Path
    folder: Path

    def __call__(self, *arguments: str, values: dict[str, Any] | None = None, seconds: float = PATIENCE) -> str:
        """What it prints. Raises HelmFailed."""
        given = list(arguments)
        if values is not None:
            path = self.folder / "values.json"
            path.write_text(json.dumps(values))
            given += ["--values", str(path)]
        ran = subprocess.run(
            [str(binaries.helm()), *given],
            env=self.environment() | {"HELM_NAMESPACE": NAMESPACE},
            capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip
        if ran.returncode:
            raise HelmFailed(ran.stdout + ran.stderr)
        return ran.stdout + ran.stderr

    def environment(self) -> dict[str, str]:
        """Of helm and kubectl: this control plane, and nothing of whoever runs the tests."""
        homes = {f"HELM_{name}_HOME": str(self.folder / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
        return os.environ | binaries.SWIFT | homes | {"KUBECONFIG": str(self.kubeconfig)}


@dataclass
class Site:
    """A cluster with nothing in it, and what a person has beside it."""

    plane: ControlPlane
    pods: Pods
    helm: Helm
    reader: Reader
    chart: Path = CHART

    def install(self, *more: str, **values: Any) -> str:
        """`helm install`, with this machine's images. Raises HelmFailed."""
        return self._wait(
            "install", RELEASE, str(self.chart), "--create-namespace", *more, values=self.values(**values)
        )

    def upgrade(self, *more: str, **values: Any) -> str:
        """Raises HelmFailed."""
        return self._wait("upgrade", RELEASE, str(self.chart), *more, values=self.values(**values))

    def rollback(self, revision: str) -> str:
        """Raises HelmFailed."""
        return self._wait("rollback", RELEASE, revision)

    def _wait(self, *arguments: str, values: dict[str, Any] | None = None) -> str:
        return self.helm(*arguments, "--wait", "--timeout", f"{PATIENCE}s", values=values, seconds=PATIENCE + 30)

    def values(self, **more: Any) -> dict[str, Any]:
        return {"images": {"tag": TAG}} | more

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        return kubectl(self.plane, *arguments, text=text)

    def apply(self, manifest: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", text=json.dumps(manifest))

    def get(self, *arguments: str) -> Any:
        return self.reader.get(*arguments)

    def logs(self, namespace: str = NAMESPACE) -> str:
        """Of every pod there has been."""
        folder = self.pods.folder / "logs" / namespace
        return "\n".join(f"--- {one.name}\n{self.pods.logs(namespace, one.name)}" for one in sorted(folder.glob("*")))


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """A control plane without the definition of tenants: the chart brings it."""
    plane = ControlPlane(folder / "control-plane", users={GUEST: ""})
    pods = Pods(plane, folder / "node")
    reader: Reader | None = None
    try:
        plane.start()
        pods.start()
        home = folder / "helm"
        home.mkdir()
        reader = Reader(plane)
        yield Site(plane, pods, Helm(plane.kubeconfig(), home), reader)
    finally:
        if reader is not None:
            reader.close()
        pods.stop()
        plane.stop()
