"""One pod from its binding to its removal."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from tests.cluster.pods import hosts, status
from tests.cluster.pods.api import Api, NotThere, Object, Refused
from tests.cluster.pods.container import Backoff, Container, Ground, now
from tests.cluster.pods.environment import Missing, Surroundings, Unsupported, refuse_unsupported
from tests.cluster.pods.images import Images
from tests.cluster.pods.processes import Processes, View
from tests.cluster.pods.volumes import Volumes

LOOK_AGAIN = 1.0
"""Seconds until what a pod lacks is looked for again; it is looked for at once when a Secret or ConfigMap changes."""
TOKEN_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Host:
    """The node as its pods need it."""

    api: Api
    processes: Processes
    images: Images
    backoff: Backoff
    folder: Path
    address: str
    given: dict[str, str]
    data: Callable[[str, str, str], Mapping[str, bytes] | None]
    """Kind, namespace, name."""
    names: Callable[[str | None, tuple[str, str] | None], str]
    """The text of an /etc/hosts: namespace, own address and name."""
    note: Callable[[str], None]
    """A line for whoever looks why the node did something it should not."""


@dataclass
class Pod:
    object: Object
    host: Host
    address: str
    init: list[Container] = field(default_factory=list)
    containers: list[Container] = field(default_factory=list)
    gone: bool = False
    """The object is away from the API server."""
    over: bool = False
    _prepared: bool = False
    _deleting: asyncio.Event = field(default_factory=asyncio.Event)
    _dirty: asyncio.Event = field(default_factory=asyncio.Event)
    _data_changed: asyncio.Event = field(default_factory=asyncio.Event)
    _said: Object = field(default_factory=dict)

    def __post_init__(self) -> None:
        metadata, spec = self.object["metadata"], self.object["spec"]
        self.folder = self.host.folder / "pods" / f"{metadata['namespace']}.{metadata['name']}.{metadata['uid'][:8]}"
        self.logs = self.host.folder / "logs" / metadata["namespace"] / metadata["name"]
        self.volumes = Volumes(self.folder / "volumes", self.host.folder / "claims", group=self._group(spec))
        self.hosts_file = self.folder / "hosts"
        ground = Ground(
            pod=lambda: self.object,
            processes=self.host.processes,
            images=self.host.images,
            backoff=self.host.backoff,
            logs=self.logs,
            around=self._around,
            given=self.host.given | {"HOSTNAME": metadata["name"]},
            view=self._view,
            changed=self._dirty.set,
            event=self.event,
            done=self.done,
        )
        self.init = [Container(one, ground) for one in spec.get("initContainers", [])]
        self.containers = [Container(one, ground) for one in spec["containers"]]
        self._events: set[asyncio.Task[None]] = set()

    def _group(self, spec: Object) -> int | None:
        found = [self.host.images.find(one["image"]) for one in spec["containers"]]
        return next((image.user[1] for image in found if image is not None and image.user), None)

    @property
    def path(self) -> str:
        metadata = self.object["metadata"]
        return f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"

    def update(self, found: Object | None) -> None:
        """What the API server holds now; None: nothing."""
        if found is None or found["metadata"]["uid"] != self.object["metadata"]["uid"]:
            self.gone = True
            self._deleting.set()
            return
        self.object = found
        if found["metadata"].get("deletionTimestamp"):
            self._deleting.set()
        self._data_changed.set()
        self._dirty.set()

    def data_changed(self) -> None:
        """A Secret or ConfigMap of its namespace is other than before."""
        self._data_changed.set()

    def refresh_hosts(self) -> None:
        if self.hosts_file.exists():
            metadata = self.object["metadata"]
            hosts.write(self.hosts_file, self.host.names(metadata["namespace"], (self.address, metadata["name"])))

    async def run(self) -> None:
        """Until it is removed, or over."""
        self.logs.mkdir(parents=True, exist_ok=True)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.hosts_file.touch()
        self.refresh_hosts()
        life = asyncio.create_task(self._live(), name="live")
        deleting = asyncio.create_task(self._deleting.wait(), name="deleting")
        beside = [asyncio.create_task(self._tell(), name="tell"), asyncio.create_task(self._refresh(), name="refresh")]
        for one in beside:
            one.add_done_callback(self.done)
        try:
            await asyncio.wait([life, deleting], return_when=asyncio.FIRST_COMPLETED)
            if self._deleting.is_set():
                await self._end(life)
            else:
                life.result()
            self.over = True
        finally:
            for task in (life, deleting, *beside):
                task.cancel()
            await asyncio.gather(life, deleting, *beside, return_exceptions=True)
        await self._say()
        self.volumes.remove()

    async def until_unwanted(self) -> None:
        """A pod that is over stays in the API server until somebody deletes it."""
        await self._deleting.wait()

    async def remove(self) -> None:
        """The object itself, once nothing of the pod runs any more."""
        if not self.gone:
            body = {"gracePeriodSeconds": 0, "preconditions": {"uid": self.object["metadata"]["uid"]}}
            with contextlib.suppress(Refused, httpx2.HTTPError):
                await self.host.api.delete(self.path, body)

    def done(self, task: asyncio.Task[None]) -> None:
        """Of a task that nobody waits for: a fault of it is told at once, not when the pod ends."""
        if not task.cancelled() and (error := task.exception()):
            self.host.note(f"{self.path}: {task.get_name()}: {error!r}")

    def event(self, kind: str, reason: str, message: str) -> None:
        metadata = self.object["metadata"]
        reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "namespace": metadata["namespace"],
                     "uid": metadata["uid"]}  # fmt: skip
        body = {
            "metadata": {"generateName": f"{metadata['name']}.", "namespace": metadata["namespace"]},
            "involvedObject": reference,
            "type": kind,
            "reason": reason,
            "message": message[:1000],
            "source": {"component": "kubelet"},
            "firstTimestamp": now(),
            "lastTimestamp": now(),
            "count": 1,
        }
        task = asyncio.create_task(self._create_event(metadata["namespace"], body))
        self._events.add(task)
        task.add_done_callback(self._events.discard)

    # --- its life --------------------------------------------------------------------------------------------

    async def _live(self) -> None:
        policy = self.object["spec"].get("restartPolicy", "Always")
        await self._prepare()
        for container in self.init:
            if await container.run("Never" if policy == "Never" else "OnFailure"):
                return
            if container.ending:
                return
        await asyncio.gather(*(container.run(policy) for container in self.containers))

    async def _prepare(self) -> None:
        """Volumes, tokens. Waits for what is not there yet."""
        said = ""
        while not self._prepared:
            self._data_changed.clear()
            try:
                refuse_unsupported(self.object)
                await self._fetch_tokens()
                self.volumes.refresh(self._around())
                self._prepared = True
            except (Missing, Unsupported) as error:
                if str(error) != said:
                    said = str(error)
                    if isinstance(error, Unsupported):
                        self.event("Warning", "Unsupported", f"processes of this machine do not know {error}")
                    else:
                        self.event("Warning", "FailedMount", f"MountVolume.SetUp failed: {error}")
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._data_changed.wait(), LOOK_AGAIN)
        self._dirty.set()

    async def _refresh(self) -> None:
        """Keeps the files of its volumes as their Secrets and ConfigMaps are; one that is gone stays as it was."""
        while True:
            await self._data_changed.wait()
            if not self._prepared:
                await asyncio.sleep(LOOK_AGAIN)
                continue
            self._data_changed.clear()
            with contextlib.suppress(Missing, Unsupported):
                self.volumes.refresh(self._around())

    async def _end(self, life: asyncio.Task[None]) -> None:
        metadata = self.object["metadata"]
        grace = 0 if self.gone else metadata.get("deletionGracePeriodSeconds", 30)
        if not self._prepared:
            life.cancel()
        running = [*self.init, *self.containers]
        ending = [asyncio.create_task(container.end(grace)) for container in running]
        began = time.monotonic()
        everything = [life, *ending]
        while not all(task.done() for task in everything):
            await asyncio.wait(everything, timeout=0.1)
            shorter = 0 if self.gone else self.object["metadata"].get("deletionGracePeriodSeconds", grace)
            if shorter < grace and time.monotonic() - began > shorter:  # somebody lost patience
                grace = shorter
                ending += [asyncio.create_task(container.end(0)) for container in running]
                everything = [life, *ending]
        await asyncio.gather(*everything, return_exceptions=True)

    # --- what it stands on -----------------------------------------------------------------------------------

    def _around(self) -> Surroundings:
        namespace = self.object["metadata"]["namespace"]
        return Surroundings(
            self.object, self.address, self.host.address, lambda kind, name: self.host.data(kind, namespace, name)
        )

    def _view(self, container: Object, keep: tuple[str, ...], cwd: str) -> View:
        mounts: list[dict[str, Any]] = [{"source": str(self.hosts_file), "target": "/etc/hosts", "read_only": False}]
        mounts += self.volumes.mounts(container, self.object)
        return View(self.folder / container["name"], mounts, keep, cwd)

    async def _fetch_tokens(self) -> None:
        account = self.object["spec"].get("serviceAccountName", "default")
        metadata = self.object["metadata"]
        for volume in self.object["spec"].get("volumes", []):
            for source in volume.get("projected", {}).get("sources", []):
                wanted = source.get("serviceAccountToken")
                audience = (wanted or {}).get("audience", "")
                if wanted is None or audience in self.volumes.tokens:
                    continue
                bound = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"], "uid": metadata["uid"]}
                asked = {"expirationSeconds": TOKEN_SECONDS, "boundObjectRef": bound}
                body = {"spec": asked | ({"audiences": [audience]} if audience else {})}
                path = f"/api/v1/namespaces/{metadata['namespace']}/serviceaccounts/{account}/token"
                try:
                    answer = await self.host.api.create(path, body)
                except (Refused, httpx2.HTTPError) as error:
                    raise Missing(f"no token for the service account {account}: {error}") from error
                self.volumes.tokens = {**self.volumes.tokens, audience: answer["status"]["token"].encode()}

    # --- what it says ----------------------------------------------------------------------------------------

    async def _tell(self) -> None:
        while True:
            self._dirty.clear()
            await self._say()
            await self._dirty.wait()

    async def _say(self) -> None:
        found = status.compose(
            self.object,
            self._said or self.object.get("status", {}),
            self.address,
            self.host.address,
            [one.status() for one in self.init],
            [one.status() for one in self.containers],
            over=self.over,
            sandbox=self._prepared,
            moment=now(),
        )
        if self.gone or found == self._said:
            return
        try:
            body = {"metadata": {"uid": self.object["metadata"]["uid"]}, "status": found}
            answer = await self.host.api.patch(f"{self.path}/status", body)
            self.object["status"] = answer["status"]
            self._said = found
        except NotThere:
            self.update(None)
        except (Refused, httpx2.HTTPError):
            await asyncio.sleep(0.2)
            self._dirty.set()

    async def _create_event(self, namespace: str, body: Object) -> None:
        # A namespace that is being deleted takes none.
        with contextlib.suppress(Refused, httpx2.HTTPError):
            await self.host.api.create(f"/api/v1/namespaces/{namespace}/events", body)
