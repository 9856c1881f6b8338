"""The node in a thread with a loop of its own, for tests and for `make cluster`."""

import asyncio
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.cluster.control_plane import ControlPlane
from tests.cluster.pods.container import Backoff
from tests.cluster.pods.images import Image, Images
from tests.cluster.pods.local_node import LocalNode

from handrail_cli.supervise.client import Command

T = TypeVar("T")


@dataclass
class Pods:
    """Between `start` and `stop` pods of this control plane run as processes of this machine.

    `kubectl logs` and `kubectl exec` need a kubelet's own port and do not work: `logs` says what a pod wrote. The node
    `local` has no taint, so in the same control plane there must be no other node. A Service's port must be its pods'
    own, and its name is what works: nobody listens on a cluster address. Not enforced: users, a read-only root, limits,
    network policies.
    """

    plane: ControlPlane
    folder: Path
    backoff: Backoff = field(default_factory=Backoff)
    images: dict[str, Image] = field(default_factory=dict)
    """More than those of `images.py`; may be changed at any time."""
    _node: LocalNode | None = None

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="pods", daemon=True)

    def start(self) -> None:
        """Raises NoNamespaces."""
        self._thread.start()
        try:
            self._do(self._start())
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Ends every pod at once, and waits for it. Also where `start` failed, or was not called."""
        if not self._thread.is_alive():
            return
        try:
            if self._node is not None:
                self._do(self._node.stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(30)
            self._loop.close()

    def logs(self, namespace: str, pod: str, container: str | None = None) -> str:
        """What a pod's containers wrote, one after the other; of pods that are gone, too."""
        folder = self.folder / "logs" / namespace / pod
        files = sorted(folder.glob("*.log")) if container is None else [folder / f"{container}.log"]
        return "".join(path.read_text(errors="replace") for path in files if path.exists())

    def faults(self) -> str:
        """What the node did that it should not have done, a line each."""
        log = self.folder / "node.log"
        return log.read_text() if log.exists() else ""

    def address(self, namespace: str, pod: str) -> str | None:
        """Where a pod of this node listens."""
        found = self._running().find(namespace, pod)
        return found.address if found else None

    def pids(self, namespace: str, pod: str) -> list[int]:
        """Of its containers that run now."""
        found = self._running().find(namespace, pod)
        running = [one.process for one in found.containers] if found else []
        return [one.pid for one in running if one is not None and not one.exited.done()]

    @property
    def hosts_file(self) -> Path:
        """The names of all Services, kept up to date in place."""
        return self._running().shared_hosts

    def outside(self, command: Command) -> Command:
        """A command that is no pod, so that it knows the Services' names."""
        prefix = self._running().view().prefix()
        return Command(
            command.name, [*prefix, *command.argv], command.env, command.cwd, command.stage, command.stop_signal
        )

    async def _start(self) -> None:
        self._node = LocalNode(self.plane, self.folder, Images(self.images), self.backoff)
        self.images = self._node.images.known
        await self._node.start()

    def _running(self) -> LocalNode:
        if self._node is None:
            raise RuntimeError("not started")
        return self._node

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(120)
