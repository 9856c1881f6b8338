"""The platform in a cluster of this machine: a control plane, a node whose pods are processes, a gateway.

The three servers are given; the operator is started by whoever wants one.
"""

import contextlib
import json
import select
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster.control_plane import ControlPlane, kubectl, serve_definition
from tests.cluster.operators import PLATFORM, Operator, Workshop
from tests.cluster.pods.images import RUNTIME
from tests.cluster.pods.processes import last_words
from tests.cluster.pods.runner import Pods
from tests.cluster.reading import Reader, Unknown

from handrail_cli.embedded.ports import LOOPBACK, free_port, is_free
from handrail_cli.supervise.client import Command, KeeperClient, inherited_environment
from handrail_operator.provision.platform import Access, gateway_files

READY_WITHIN = 60.0
INSTALLATION: dict[str, Any] = {"runtime": {"image": RUNTIME}}


class NotReady(Exception):
    """A part did not come up; the text ends with its log."""


class PortTaken(NotReady):
    """Another program listens where the gateway should."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} of the gateway is taken")
        self.port = port


@dataclass
class LocalCluster:
    """`start` returns once all of it is ready. `folder` is its own. `told` hears of each part that is."""

    folder: Path
    access: Access
    installation: Mapping[str, Any] = field(default_factory=lambda: INSTALLATION)
    told: Callable[[str], None] = lambda _part: None
    gateway_port: int = 0
    _keeper: KeeperClient | None = None
    _reader: Reader | None = None

    def __post_init__(self) -> None:
        self.plane = ControlPlane(self.folder / "control-plane")
        self.pods = Pods(self.plane, self.folder / "node")
        self.workshop = Workshop.furnished(_made(self.folder / "operator"), self.access, self.installation)

    @property
    def gateway_url(self) -> str:
        return f"http://{LOOPBACK}:{self.gateway_port}"

    def start(self) -> None:
        """Raises NotReady, PortTaken, NoNamespaces, binaries.NoGo."""
        self.plane.start()
        serve_definition(self.plane)
        platform = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLATFORM}}
        kubectl(self.plane, "apply", "-f", "-", text=json.dumps(platform))
        self.told(f"control plane at {self.plane.url}, with the definition of tenants")
        self.pods.start()
        self.told("node local: pods run as processes of this machine")
        self._start_gateway()
        self.told(f"gateway at {self.gateway_url}")

    def stop(self) -> None:
        """Also of what `start` did not finish."""
        if self._reader is not None:
            self._reader.close()
        if self._keeper is not None:
            self._keeper.close()
        self.pods.stop()
        self.plane.stop()

    def operator(self, **environment: str) -> AbstractContextManager[Operator]:
        """A real one, as a process; `environment`: HANDRAIL_… without that beginning."""
        return self.workshop.operator(self.plane.kubeconfig(), **environment)

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        """What kubectl prints. Raises CalledProcessError."""
        return kubectl(self.plane, *arguments, text=text)

    def apply(self, *manifests: Mapping[str, Any]) -> None:
        self.kubectl(
            "apply", "-f", "-", text=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)})
        )

    def get(self, *arguments: str) -> Any:
        """As `kubectl get` is asked: an object, None where there is none, or a list's items."""
        if self._reader is None:
            self._reader = Reader(self.plane)
        with contextlib.suppress(Unknown):
            return self._reader.get(*arguments)
        found = json.loads(self.kubectl("get", *arguments, "-o", "json", "--ignore-not-found") or "null")
        return found["items"] if found and "items" in found else found

    def _start_gateway(self) -> None:
        """A process with the names of all Services, and an address that stays."""
        secrets = _made(self.folder / "gateway")
        for name, text in gateway_files(self.access.secrets).items():
            (secrets / name).touch(mode=0o600)
            (secrets / name).write_text(text)
        self.gateway_port = self.gateway_port or free_port()
        environment = inherited_environment(
            PYTHONUNBUFFERED="1",
            HANDRAIL_HOST=LOOPBACK,
            HANDRAIL_PORT=str(self.gateway_port),
            HANDRAIL_ADMIN_PORT="0",
            HANDRAIL_NATS_URL=self.access.nats_url,
            HANDRAIL_SECRETS=str(secrets),
            HANDRAIL_LOG_FORMAT="json",
        )
        self._keeper = KeeperClient()
        log = self.folder / "gateway.log"
        command = Command("gateway", [sys.executable, "-m", "handrail_gateway"], environment, self.folder)
        with log.open("ab") as output:
            self._keeper.start(self.pods.outside(command), output.fileno())
        deadline = time.monotonic() + READY_WITHIN
        # Whoever took the port meanwhile may answer, too, and would be sent keys: ours is the one that says it listens.
        while not (_listens(log) and _answers(f"{self.gateway_url}/readyz")):
            ended = _has_ended(self._keeper)
            if ended and not is_free(self.gateway_port):
                raise PortTaken(self.gateway_port)
            if ended or time.monotonic() > deadline:
                raise NotReady(f"the gateway did not come up:\n{last_words(log)}")
            time.sleep(0.05)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _has_ended(keeper: KeeperClient) -> bool:
    """Whether its child is gone, or never came."""
    while select.select([keeper], [], [], 0)[0]:
        events = keeper.read()
        if events is None or any(one.event in ("exited", "failed") for one in events):
            return True
    return False


def _listens(log: Path) -> bool:
    return '"event": "gateway starts"' in log.read_text(errors="replace")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
