"""Tenants, an operator and what may go wrong between them, on a control plane whose pods nobody really runs."""

import asyncio
import json
import secrets
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.cluster import kube_api, nodes, proxy, takers
from tests.cluster.audit import Audit
from tests.cluster.control_plane import ControlPlane
from tests.cluster.end_state import Looker
from tests.cluster.kube_api import KubeApi, Object, condition, eventually
from tests.cluster.operators import PLATFORM, Operator, Workshop
from tests.cluster.proxy import Proxy

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.provision.platform import Access, open_platform
from handrail_operator.provision.tenant import deprovision_tenant
from handrail_operator.publish import withdraw_record

PATIENT = 90.0
"""Seconds that a tenant may take on a machine with much to do."""
EAGER = {"first_retry": "0.2", "longest_retry": "2", "requests_per_second": "500", "requests_burst": "500"}
"""So that a test need not wait for pauses that are meant for a day of trouble."""


@dataclass
class Stage:
    """`names` gives out tenants' names; all of them are gone after the test."""

    plane: ControlPlane
    api: KubeApi
    workshop: Workshop
    looker: Looker
    folder: Path
    made: list[str] = field(default_factory=list)

    @property
    def audit(self) -> Audit:
        return Audit(self.plane.folder)

    def name(self) -> str:
        """A new tenant's, such as nothing else is called."""
        self.made.append(f"q{secrets.token_hex(3)}z")
        return self.made[-1]

    def tenant(self, **spec: Any) -> str:
        """Applied."""
        name = self.name()
        self.api.apply(kube_api.tenant(name, **spec))
        return name

    @contextmanager
    def operator(self, through: Proxy | None = None, **environment: str) -> Iterator[Operator]:
        """Started, not ready yet. `environment`: HANDRAIL_… without that beginning."""
        kubeconfig = through.kubeconfig() if through else self.plane.kubeconfig()
        with self.workshop.operator(kubeconfig, **{**EAGER, **environment}) as running:
            yield running

    @contextmanager
    def deployment(self, through: Proxy, **environment: str) -> Iterator[None]:
        """An operator as Kubernetes keeps one: where it ends by itself, for its lead is lost or it sees nothing any
        more, it is started again."""
        ending, lease = threading.Event(), f"operators-{secrets.token_hex(4)}"

        def keep() -> None:
            while not ending.is_set():
                with self.operator(through, lease=lease, **environment) as running:
                    while running.process.poll() is None and not ending.wait(0.2):
                        pass

        thread = threading.Thread(target=keep, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()

    @contextmanager
    def proxy(self) -> Iterator[Proxy]:
        with proxy.running(self.plane, self.folder / f"proxy-{secrets.token_hex(4)}") as made:
            yield made

    def taking(self) -> AbstractContextManager[None]:
        """Meanwhile probes of data paths come through."""
        return takers.taking(self.plane, self.looker.access)

    def get(self, name: str) -> Object | None:
        return self.api.get(kinds.TENANT, None, name)

    def is_ready(self, name: str) -> bool:
        """Of the spec as it is now."""
        found = self.get(name)
        ready = condition(found, "Ready")
        return bool(
            found and ready.get("status") == "True" and ready["observedGeneration"] == found["metadata"]["generation"]
        )

    def await_ready(self, *wanted: str, within: float = PATIENT) -> None:
        """Raises TimeoutError, with what the status says instead."""
        self._await(self.is_ready, wanted, "is ready", within)

    def await_settled(self, *wanted: str, within: float = PATIENT) -> None:
        """Ready, and nothing moves any more."""
        self._await(self._is_settled, wanted, "has settled", within)

    def await_probed(self, *wanted: str, within: float = PATIENT) -> None:
        """As before, and a probe of the data path has come to its end, which is 10 s where nobody takes it."""
        self._await(self._is_probed, wanted, "was probed", within)

    def await_gone(self, *wanted: str, within: float = PATIENT) -> None:
        """With its namespace."""
        self._await(self._is_gone, wanted, "is gone", within)

    def _await(self, check: Callable[[str], bool], wanted: Sequence[str], what: str, within: float) -> None:
        for name in wanted:
            try:
                eventually(lambda name=name: check(name), f"{name} {what}", within)  # type: ignore[misc]
            except TimeoutError as error:
                raise TimeoutError(f"{error}; {json.dumps((self.get(name) or {}).get('status'))}") from None

    def _is_settled(self, name: str) -> bool:
        return self.is_ready(name) and condition(self.get(name), "Progressing").get("status") == "False"

    def _is_probed(self, name: str) -> bool:
        return self._is_settled(name) and condition(self.get(name), "DataPath").get("reason") != "NotProbed"

    def _is_gone(self, name: str) -> bool:
        return self.get(name) is None and self.api.get(kinds.NAMESPACE, None, names.namespace(name)) is None

    def pause(self, name: str, *, paused: bool = True) -> None:
        """Keeps every operator's hands off, or lets them on again."""
        value = {"metadata": {"annotations": {names.ANNOTATION_PAUSED: "true" if paused else None}}}
        self.api.merge(kinds.TENANT, None, name, value)

    def clear(self) -> None:
        """Takes all tenants away again, with their data. No operator is started for it: that is most of the time of a
        short test, and how operators delete has tests of its own."""
        left = [name for name in self.made if self.get(name) is not None]
        asyncio.run(self._leave_servers(left))
        for name in left:
            self.api.delete(kinds.SECRET, PLATFORM, names.keyring_secret(name))
            self.api.merge(kinds.TENANT, None, name, {"metadata": {"finalizers": None}})
            self.api.delete(kinds.TENANT, None, name)
        for name in self.made:
            self.api.delete(kinds.NAMESPACE, None, names.namespace(name))

    async def _leave_servers(self, tenants: Sequence[str]) -> None:
        keyrings = {name: found for name in tenants if (found := self.looker.keyring(name)) is not None}
        if not keyrings:
            return
        async with open_platform(self.looker.access) as platform:
            for name, keyring in keyrings.items():
                await withdraw_record(platform, name)
                await deprovision_tenant(platform, name, keyring, data=True)


@contextmanager
def staged(plane: ControlPlane, access: Access, folder: Path) -> Iterator[Stage]:
    """With a node on which all pods run at once."""
    folder.mkdir(parents=True, exist_ok=True)
    with kube_api.opened(plane) as api:
        api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLATFORM}})
        nodes.add(plane)
        stage = Stage(plane, api, Workshop.furnished(folder, access), Looker(api, access), folder)
        try:
            yield stage
        finally:
            stage.clear()
