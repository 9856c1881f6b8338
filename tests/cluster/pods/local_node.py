"""A kubelet's work on this machine: takes the pods of the node `local` and runs their commands as processes."""

import asyncio
import base64
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.cluster.control_plane import ControlPlane
from tests.cluster.pods import hosts, node
from tests.cluster.pods.addresses import Addresses
from tests.cluster.pods.api import Api, Key, Object, Store, key
from tests.cluster.pods.container import Backoff
from tests.cluster.pods.images import Images
from tests.cluster.pods.launch import ADVICE
from tests.cluster.pods.pod import Host, Pod
from tests.cluster.pods.processes import Processes, View, last_words

_ASKED_AGAIN_AFTER = 1.0
"""Seconds."""


class NoNamespaces(Exception):
    """This machine lets us have no mount namespaces; the text says what to do."""


@dataclass
class LocalNode:
    """Made in a running loop of its own. `start`, then it works until `stop`."""

    plane: ControlPlane
    folder: Path
    images: Images = field(default_factory=Images)
    backoff: Backoff = field(default_factory=Backoff)
    pods: dict[str, Pod] = field(default_factory=dict)
    """uid -> pod."""
    shared_hosts: Path = field(init=False)
    """/etc/hosts for processes that are no pods; a namespace's short names are not in it."""

    def __post_init__(self) -> None:
        self.shared_hosts = self.folder / "hosts"
        self._api = Api(self.plane)
        self._processes = Processes()
        self._addresses = Addresses()
        self._tasks: set[asyncio.Task[None]] = set()
        self._names_changed = asyncio.Event()
        self._taken: set[str] = set()
        query = {"fieldSelector": f"spec.nodeName={node.NAME}"}
        self._bound = self._store("/api/v1/pods", self._pod_changed, query)
        self._secrets = self._store("/api/v1/secrets", self._data_changed)
        self._config_maps = self._store("/api/v1/configmaps", self._data_changed)
        self._services = self._store("/api/v1/services", lambda _: self._names_changed.set())
        slices = "/apis/discovery.k8s.io/v1/endpointslices"
        self._slices = self._store(slices, lambda _: self._names_changed.set())
        self._claims = self._store("/api/v1/persistentvolumeclaims", self._claim_changed)
        server = urlsplit(self.plane.url)
        self._host = Host(
            api=self._api,
            processes=self._processes,
            images=self.images,
            backoff=self.backoff,
            folder=self.folder,
            address=self._addresses.host,
            given={
                "KUBERNETES_SERVICE_HOST": str(server.hostname),
                "KUBERNETES_SERVICE_PORT": str(server.port),
                "KUBERNETES_SERVICE_PORT_HTTPS": str(server.port),
            },
            data=self._data,
            names=self._names,
            note=self._note,
        )

    async def start(self) -> None:
        """Raises NoNamespaces."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.shared_hosts.touch()
        await self._check()
        await node.register(self._api, self._host.address)
        stores = (self._secrets, self._config_maps, self._services, self._slices, self._claims)
        for store in stores:
            self._spawn(store)
        # Before the first pod: what it needs is known.
        await asyncio.gather(*(store.listed.wait() for store in stores))
        self._spawn(self._bound)
        for work in (node.renew(self._api), self._write_names()):
            self._keep(asyncio.create_task(work))

    async def stop(self) -> None:
        """Ends everything at once: the tasks of pods and containers, too, which would be on their way to the API
        server when the loop closes."""
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_ASKED_AGAIN_AFTER)
        await self._processes.close()
        await self._api.close()
        self._addresses.close()

    def find(self, namespace: str, name: str) -> Pod | None:
        """The newest of that name."""
        found = [pod for pod in self.pods.values() if key(pod.object) == (namespace, name)]
        return found[-1] if found else None

    def view(self) -> View:
        """For a process that is no pod: the names of all Services."""
        mount = {"source": str(self.shared_hosts), "target": "/etc/hosts", "read_only": False}
        return View(self.folder / "outside", [mount])

    # --- what the API server tells ---------------------------------------------------------------------------

    def _pod_changed(self, name: Key) -> None:
        found = self._bound.objects.get(name)
        for pod in self.pods.values():
            if key(pod.object) == name:
                pod.update(found)
        if found is not None and found["metadata"]["uid"] not in self._taken:
            self._taken.add(found["metadata"]["uid"])
            self._keep(asyncio.create_task(self._run(found), name="pod-" + ".".join(name)))

    async def _run(self, found: Object) -> None:
        """One pod; one that was over before we came is removed when it is wanted away."""
        uid = found["metadata"]["uid"]
        pod = Pod(found, self._host, self._addresses.take())
        self.pods[uid] = pod
        try:
            pod.update(found)
            if found.get("status", {}).get("phase") not in {"Succeeded", "Failed"}:
                await pod.run()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not keep the object for ever
            self._note(f"{pod.path}: {error!r}")
        finally:
            self._addresses.free(pod.address)
        await pod.until_unwanted()
        await pod.remove()
        self.pods.pop(uid, None)
        self._taken.discard(uid)

    def _data_changed(self, name: Key) -> None:
        for pod in self.pods.values():
            if pod.object["metadata"]["namespace"] == name[0]:
                pod.data_changed()

    def _claim_changed(self, name: Key) -> None:
        if claim := self._claims.objects.get(name):
            self._keep(asyncio.create_task(node.provide(self._api, claim, self.folder)))

    def _data(self, kind: str, namespace: str, name: str) -> Mapping[str, bytes] | None:
        if kind == "Secret":
            found = self._secrets.objects.get((namespace, name))
            return None if found is None else _decoded(found.get("data"))
        found = self._config_maps.objects.get((namespace, name))
        if found is None:
            return None
        return {one: text.encode() for one, text in (found.get("data") or {}).items()} | _decoded(
            found.get("binaryData")
        )

    # --- names -----------------------------------------------------------------------------------------------

    def _names(self, namespace: str | None, own: tuple[str, str] | None) -> str:
        known = hosts.addresses(self._services.objects.values(), self._slices.objects.values())
        return hosts.text(known, namespace, own)

    async def _write_names(self) -> None:
        while True:
            self._names_changed.clear()
            hosts.write(self.shared_hosts, self._names(None, None))
            for pod in self.pods.values():
                pod.refresh_hosts()
            await self._names_changed.wait()

    # --- parts -----------------------------------------------------------------------------------------------

    async def _check(self) -> None:
        log = self.folder / "check.log"
        code = await self._processes.run(self.view(), ["true"], {"PATH": "/usr/bin:/bin"}, log, 30)
        if code != 0:
            raise NoNamespaces(last_words(log) or ADVICE)

    def _store(self, path: str, changed: Callable[[Key], None], query: Mapping[str, str] | None = None) -> Store:
        return Store(self._api, path, changed, query or {}, self._note)

    def _spawn(self, store: Store) -> None:
        self._keep(asyncio.create_task(store.follow(), name=store.path))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self._note(f"{task.get_name()}: {error!r}")

    def _note(self, line: str) -> None:
        """What should not have happened."""
        with contextlib.suppress(OSError), (self.folder / "node.log").open("a") as log:
            log.write(f"{line}\n")


def _decoded(data: Mapping[str, str] | None) -> dict[str, bytes]:
    return {name: base64.b64decode(text) for name, text in (data or {}).items()}
