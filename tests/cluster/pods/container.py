"""One container: started, asked, started again after a pause, ended."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.cluster.pods import environment, probes
from tests.cluster.pods.api import Object
from tests.cluster.pods.images import Images
from tests.cluster.pods.launch import NOT_FOUND
from tests.cluster.pods.processes import CouldNotStart, Process, Processes, View, last_words

HOOK_SECONDS = 60.0
LAST_WORDS = 2048
"""Of a container that failed, in its status."""
LOOK_AGAIN = 1.0
"""Seconds until what a container lacks is looked for again."""


@dataclass(frozen=True)
class Backoff:
    """Seconds. As a kubelet: the first new start at once, then 10, 20, 40... and anew after a long good run."""

    first: float = 10.0
    longest: float = 300.0
    calm: float = 600.0


@dataclass(frozen=True)
class Ground:
    """What a container stands on."""

    pod: Callable[[], Object]
    """As it is now."""
    processes: Processes
    images: Images
    backoff: Backoff
    logs: Path
    around: Callable[[], environment.Surroundings]
    given: dict[str, str]
    """Variables that every container gets."""
    view: Callable[[Object, tuple[str, ...], str], View]
    changed: Callable[[], None]
    event: Callable[[str, str, str], None]
    """Type, reason, message."""
    done: Callable[[asyncio.Task[None]], None]
    """Told of each task beside the container that ended."""


@dataclass
class Container:
    """`run` returns its exit code once it will not be started again."""

    spec: Object
    ground: Ground
    state: Object = field(default_factory=lambda: {"waiting": {"reason": "ContainerCreating"}})
    last: Object = field(default_factory=dict)
    restarts: int = 0
    started: bool = False
    ready: bool = False
    ending: bool = False
    process: Process | None = None
    _environment: dict[str, str] = field(default_factory=dict)
    _view: View | None = None
    _wanted_away: asyncio.Event = field(default_factory=asyncio.Event)
    _probing: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def name(self) -> str:
        name: str = self.spec["name"]
        return name

    @property
    def log(self) -> Path:
        return self.ground.logs / f"{self.name}.log"

    async def run(self, policy: str) -> int:
        """`policy`: Always, OnFailure or Never."""
        pause = 0.0
        while True:
            await self._start()
            began = time.monotonic()
            code = await self._until_end()
            if self.ending or policy == "Never" or (policy == "OnFailure" and code == 0):
                return code
            backoff = self.ground.backoff
            if time.monotonic() - began > backoff.calm:
                pause = 0.0
            self.last, self.state = self.state, {"waiting": {"reason": "ContainerCreating"}}
            if pause:
                await self._wait("CrashLoopBackOff", f"back-off {pause:g}s restarting failed container", pause)
            if self._is_ending():
                return code
            pause = min(backoff.longest, pause * 2 or backoff.first)
            self.restarts += 1

    async def end(self, grace: float) -> None:
        """preStop, then the signal, then the kill, all within `grace` seconds."""
        self.ending = True
        self._wanted_away.set()
        await self._stop(grace)

    def status(self) -> Object:
        found: dict[str, Any] = {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": "" if "waiting" in self.state else f"local/{self.spec['image']}",
            "restartCount": self.restarts,
            "ready": self.ready,
            "started": self.started,
            "state": self.state,
            "lastState": self.last,
        }
        if self.process is not None:
            found["containerID"] = f"process://{self.process.pid}"
        return found

    # --- its parts -------------------------------------------------------------------------------------------

    def _is_ending(self) -> bool:
        return self.ending

    async def _wait(self, reason: str, message: str, seconds: float) -> None:
        fresh = self.state.get("waiting", {}).get("reason") != reason
        self.state = {"waiting": {"reason": reason, "message": message}}
        self.ground.changed()
        if fresh:
            kind = "BackOff" if "BackOff" in reason else "Failed"
            self.ground.event("Warning", kind, message)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wanted_away.wait()

    async def _start(self) -> None:
        """Until it runs, or is not wanted any more."""
        while not self.ending:
            image = self.ground.images.find(self.spec["image"])
            if image is None:
                pulled = "waiting" in self.state and self.state["waiting"]["reason"] in {
                    "ErrImagePull",
                    "ImagePullBackOff",
                }
                reason = "ImagePullBackOff" if pulled else "ErrImagePull"
                await self._wait(reason, f'no such image "{self.spec["image"]}" on this machine', LOOK_AGAIN)
                continue
            given = {"PATH": image.path, "HOME": "/tmp", **image.environment, **self.ground.given}
            try:
                found = environment.resolve(self.spec, self.ground.around(), given)
                command = self.spec.get("command") or list(image.entrypoint)
                argv = [environment.expand(word, found) for word in [*command, *self.spec.get("args", [])]]
                self._view = self.ground.view(self.spec, image.keep, self.spec.get("workingDir") or "/")
                self._environment = found
                self.process = await self.ground.processes.start(self._view, argv, found, self.log, image.user)
            except (environment.Missing, environment.Unsupported) as error:
                await self._wait("CreateContainerConfigError", str(error), LOOK_AGAIN)
                continue
            except CouldNotStart as error:
                await self._wait("RunContainerError", str(error), LOOK_AGAIN)
                continue
            self.state = {"running": {"startedAt": now()}}
            self.ground.event("Normal", "Started", f"Started container {self.name}")
            return

    async def _until_end(self) -> int:
        process = self.process
        if process is None:
            return 0  # ended before it began
        if self.ending:  # while it was being started
            self.ground.processes.stop(process, 0)
        self._probing = []
        self._beside(self._probe(), "probes")
        self.ground.changed()
        try:
            code = await asyncio.shield(process.exited)
        finally:
            for task in self._probing:
                task.cancel()
            await asyncio.gather(*self._probing, return_exceptions=True)
        reason = "Completed" if code == 0 else "StartError" if code == NOT_FOUND else "Error"
        began = self.state.get("running", {}).get("startedAt", now())
        ended = {"exitCode": code, "reason": reason, "startedAt": began, "finishedAt": now()}
        if code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            ended["message"] = last_words(self.log, LAST_WORDS)
        self.state = {"terminated": ended}
        self.started = self.ready = False
        self.ground.changed()
        return code

    async def _probe(self) -> None:
        asked = self._asked()
        if after := self.spec.get("lifecycle", {}).get("postStart"):
            fault = await probes.ask(after, asked, HOOK_SECONDS)
            if fault is not None:
                return self._unwell("PostStart hook", fault, {})
        if startup := self.spec.get("startupProbe"):
            fault = await probes.first_success(startup, asked)
            if fault is not None:
                return self._unwell("Startup probe", fault, startup)
        self.started = True
        self.ready = "readinessProbe" not in self.spec
        self.ground.changed()
        for kind, told in (("readinessProbe", self._told_ready), ("livenessProbe", self._told_alive)):
            if probe := self.spec.get(kind):
                self._beside(probes.watch(probe, asked, told), kind)
        return None

    def _told_ready(self, good: bool, fault: str) -> None:
        self.ready = good
        if not good:
            self.ground.event("Warning", "Unhealthy", f"Readiness probe failed: {fault}")
        self.ground.changed()

    def _told_alive(self, good: bool, fault: str) -> None:
        if not good and not self.ending:
            self._unwell("Liveness probe", fault, self.spec["livenessProbe"])

    def _unwell(self, kind: str, fault: str, probe: Object) -> None:
        self.ground.event("Warning", "Unhealthy", f"{kind} failed: {fault}")
        self.ground.event("Normal", "Killing", f"Container {self.name} failed {kind.lower()}, will be restarted")
        spec = self.ground.pod()["spec"]
        grace = probe.get("terminationGracePeriodSeconds", spec.get("terminationGracePeriodSeconds", 30))
        self._beside(self._stop(grace), "stop")

    def _beside(self, work: Coroutine[Any, Any, None], what: str) -> None:
        task = asyncio.create_task(work, name=f"{what}-{self.name}")
        task.add_done_callback(self.ground.done)
        self._probing.append(task)

    async def _stop(self, grace: float) -> None:
        process = self.process
        if process is None or process.exited.done():
            return
        began = time.monotonic()
        if before := self.spec.get("lifecycle", {}).get("preStop"):
            waiting = asyncio.create_task(probes.ask(before, self._asked(), max(grace, 0.1)))
            both: list[asyncio.Future[Any]] = [waiting, process.exited]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            await asyncio.gather(waiting, return_exceptions=True)
        # As a kubelet: who has used up the time gets two seconds more, but one who had none.
        left = grace - (time.monotonic() - began)
        self.ground.processes.stop(process, max(left, 2.0) if grace > 0 else 0.0)
        await asyncio.wait([process.exited])

    def _asked(self) -> probes.Asked:
        ports = {port["name"]: port["containerPort"] for port in self.spec.get("ports", []) if "name" in port}
        return probes.Asked(self.ground.around().address, ports, self._exec)

    async def _exec(self, command: list[str], seconds: float) -> int:
        if self._view is None:
            return NOT_FOUND
        log = self.ground.logs / f"{self.name}.exec.log"
        try:
            return await self.ground.processes.run(self._view, command, self._environment, log, seconds)
        except CouldNotStart:
            return NOT_FOUND


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
