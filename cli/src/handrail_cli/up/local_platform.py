"""The composition root of `handrail up`: servers first, then gateway and demo, then the tenants; ends them all."""

import asyncio
import contextlib
import json
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from handrail_cli.embedded.errors import StartError
from handrail_cli.embedded.ports import holder, is_free
from handrail_cli.embedded.servers import Ports, Servers
from handrail_cli.state import files
from handrail_cli.state.folder import State
from handrail_cli.state.live import LiveStatus, ProcessStatus, TenantStatus, condition_value
from handrail_cli.supervise.logs import LogFormat, LogStream
from handrail_cli.supervise.supervisor import Supervisor
from handrail_cli.supervise.tasks import cancel
from handrail_cli.up import orphans, programs
from handrail_cli.up.answers import Answers
from handrail_cli.up.port_book import PortBook
from handrail_cli.up.tenant import LocalTenant, Surroundings
from handrail_cli.up.tenants import LocalTenants
from handrail_operator.plans import with_ack_wait
from handrail_operator.provision.platform import Platform, gateway_files, open_platform, provision_platform

PATIENCE = 60.0
"""Seconds until what is not ready is named, while the rest goes on."""


@dataclass(frozen=True)
class Options:
    paths: list[Path]
    named: bool
    port: int
    demo: bool
    log_format: LogFormat
    ack_wait: float | None = None
    """Seconds until what was not acknowledged is delivered again; None: as the plans say."""


@dataclass
class LocalPlatform:
    state: State
    options: Options
    log: LogStream
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _failed: str | None = None
    _supervisor: Supervisor | None = None
    _tenants: LocalTenants | None = None
    _demo_port: int | None = None
    _nats_url: str = ""
    _dirty: asyncio.Event = field(default_factory=asyncio.Event)
    """The status file is behind."""
    _dirty_told: asyncio.Event = field(default_factory=asyncio.Event)
    """The progress lines are behind."""
    _began: float = field(default_factory=time.monotonic)
    _began_at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))

    # --- the whole run ---------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Until told to stop. Raises StartError and StateError. Returns the exit code."""
        self._check_port()
        if ended := await asyncio.to_thread(orphans.end_orphans, self.state):
            self.log.say("orphans ended", f"  ended what an earlier run left behind: {', '.join(ended)}", names=ended)
        self._handle_signals()
        self.log.on_closed = self._stop.set
        self._supervisor = supervisor = Supervisor(self.log, self._process_changed, self._keeper_lost)
        work = asyncio.create_task(self._work(supervisor), name="work")
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        status = asyncio.create_task(self._write_status(), name="status")
        try:
            await asyncio.wait([work, stopping], return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            await self._end(supervisor, work, stopping, status)
        if self._failed:
            self.log.say("failed", f"! {self._failed}", level="error")
        return 1 if self._failed else 0

    async def _work(self, supervisor: Supervisor) -> None:
        secrets = self.state.platform_secrets()
        self._choose_demo_port()
        reserved = {self.options.port} | ({self._demo_port} if self._demo_port else set())
        book = PortBook(self.state, reserved)
        ports = Ports(postgres=book.port("postgres"), nats=book.port("nats"), valkey=book.port("valkey"))
        servers = Servers(self.state.root, ports, self.state.server_secrets(), secrets)
        access = servers.access()
        if self.options.ack_wait is not None:
            access = replace(access, plans=with_ack_wait(access.plans, self.options.ack_wait))
        self._nats_url = access.nats_url
        await self._start_servers(supervisor, servers)
        async with open_platform(access) as platform:
            await provision_platform(platform)
            self._start_gateway(supervisor, platform)
            self._start_demo(supervisor)
            self._tenants = tenants = LocalTenants(
                self._surroundings(platform, supervisor, book), self.options.paths, self.options.named
            )
            await Answers(tenants, self.log).listen(platform.account)
            following = asyncio.create_task(tenants.follow(), name="follow")
            try:
                telling = asyncio.create_task(self._tell_ready(), name="tell")
                await asyncio.wait([following])
                following.result()
            finally:
                await asyncio.gather(cancel(following, telling), tenants.stop())

    def _surroundings(self, platform: Platform, supervisor: Supervisor, book: PortBook) -> Surroundings:
        return Surroundings(
            state=self.state,
            platform=platform,
            supervisor=supervisor,
            ports=book,
            log=self.log,
            log_format=self.options.log_format,
            more_origins=self._demo_origins(),
            changed=self._changed,
        )

    async def _end(self, supervisor: Supervisor, *tasks: asyncio.Task[Any]) -> None:
        if not self._failed:
            self.log.say("stopping", "stopping (once more to end at once)")
        await asyncio.gather(supervisor.end(), cancel(*tasks))
        self._save_status()
        self.log.say("stopped", "stopped")

    # --- signals and losses ----------------------------------------------------------------------------------

    def _handle_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._told_to_stop)

    def _told_to_stop(self) -> None:
        if self._stop.is_set() and self._supervisor is not None:
            self._supervisor.end_at_once()
        self._stop.set()

    def _keeper_lost(self) -> None:
        if self._stop.is_set() or self._supervisor is None:
            return
        # On Linux its children end with it; elsewhere nobody else is left to do it.
        for process in self._supervisor.processes.values():
            if process.pid is not None:
                with contextlib.suppress(OSError):
                    os.kill(process.pid, signal.SIGTERM)
        self._failed = "the process that keeps all others was ended from outside. Start handrail again."
        self._stop.set()

    # --- components ------------------------------------------------------------------------------------------

    def _check_port(self) -> None:
        port = self.options.port
        if not is_free(port):
            raise StartError(
                f"port {port} is taken by {holder(port)}. End that first, or choose another one: "
                f"handrail up --port {port + 10 if port < 65000 else 8080}"
            )

    def _choose_demo_port(self) -> None:
        if not self.options.demo:
            return
        port = self.options.port + 1
        while port > 65535 or not is_free(port):
            port = port + 1 if port < 65535 else 20_000
        self._demo_port = port

    def _demo_origins(self) -> list[str]:
        port = self._demo_port
        return [f"http://127.0.0.1:{port}", f"http://localhost:{port}"] if port else []

    async def _start_servers(self, supervisor: Supervisor, servers: Servers) -> None:
        checks = servers.checks()

        async def start(name: str, prepare: Callable[[], Any]) -> None:
            began = time.monotonic()
            # Once here, so that what keeps it from starting is told in one sentence and not tried again.
            await asyncio.to_thread(prepare)
            supervisor.add(name, prepare, checks[name], QUIET.get(name))
            if not await supervisor.until_ready(name, PATIENCE):
                raise StartError(f"{name} does not come up; its own lines above say why.")
            self._progress(name, began)

        async with asyncio.TaskGroup() as group:
            for name, prepare in servers.prepare().items():
                group.create_task(start(name, prepare))

    def _start_gateway(self, supervisor: Supervisor, platform: Platform) -> None:
        access = platform.access
        secrets = self.state.process_folder("gateway", content=gateway_files(access.secrets))
        port, log_format = self.options.port, self.options.log_format
        supervisor.add(
            "gateway",
            lambda: programs.gateway(self.state.root, secrets, port, access.nats_url, log_format),
            programs.answers(port),
        )

    @property
    def _demo_config(self) -> Path:
        return self.state.root / "demo.json"

    def _start_demo(self, supervisor: Supervisor) -> None:
        port = self._demo_port
        if port is None:
            return
        self._write_demo_config()
        supervisor.add(
            "demo",
            lambda: programs.demo(self.state.root, self._demo_config, port, self.options.log_format),
            programs.answers(port, "/healthz"),
        )

    def _write_demo_config(self) -> None:
        if self._demo_port is None:
            return
        tenants = {}
        for tenant in self._tenants.tenants.values() if self._tenants else []:
            key = tenant.secrets.newest("publishable") if tenant.secrets else None
            if key and tenant.spec:
                tenants[tenant.name] = {"publishable_key": key.key, "display_name": tenant.spec.display_name}
        value = {"gateway": self.gateway_url, "tenants": tenants}
        files.write_if_changed(self._demo_config, json.dumps(value, indent=2).encode())

    # --- telling ---------------------------------------------------------------------------------------------

    def _progress(self, name: str, began: float) -> None:
        seconds = time.monotonic() - began
        self.log.say("component ready", f"  {name:<16} ready ({seconds:.1f} s)", name=name, seconds=round(seconds, 2))

    @property
    def gateway_url(self) -> str:
        return programs.address(self.options.port)

    @property
    def demo_url(self) -> str | None:
        return programs.address(self._demo_port) if self._demo_port else None

    def tenant_demo(self, name: str) -> str | None:
        return f"{self.demo_url}/{name}/" if self.demo_url else None

    async def _tell_ready(self) -> None:
        """A progress line for each component as it gets ready, then the addresses."""
        told: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        late = False
        while True:
            snapshot = self.snapshot()
            for name in self._ready_names(snapshot) - told:
                told.add(name)
                self._progress(name, self._began)
            if snapshot.ready and self._settled():
                break
            if not late and time.monotonic() > deadline:
                late = True
                waiting = [process.name for process in snapshot.processes if process.state != "running"]
                self.log.say(
                    "not ready yet", f"! still waiting for {', '.join(waiting) or 'the tenants'}", waiting=waiting
                )
            self._dirty_told.clear()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._dirty_told.wait()
        self._say_ready(snapshot)

    def _ready_names(self, snapshot: LiveStatus) -> set[str]:
        processes = self._supervisor.processes.values() if self._supervisor else []
        names = {process.name for process in processes if process.ready and process.name in ("gateway", "demo")}
        return names | {
            f"tenant {name}" for name, status in snapshot.tenants.items() if status.ready and status.expected
        }

    def _settled(self) -> bool:
        """Whether every tenant had its first look."""
        return (
            self._tenants is not None
            and self._tenants.taken
            and all(tenant.conditions for tenant in self._tenants.tenants.values())
        )

    def _say_ready(self, snapshot: LiveStatus) -> None:
        seconds = time.monotonic() - self._began
        lines = ["", f"ready after {seconds:.1f} s", f"  gateway   {self.gateway_url}   (API: {self.gateway_url}/docs)"]
        for name, tenant in sorted(self._tenants.tenants.items() if self._tenants else []):
            lines += self._tenant_lines(name, tenant, snapshot.tenants[name])
        status = shlex.join([sys.argv[0], "status", "--state", str(self.state.root), "--json"])
        lines += ["", f"keys and state: {status}   end: Ctrl-C", ""]
        self.log.say(
            "ready",
            "\n".join(lines),
            gateway=self.gateway_url,
            demo=self.demo_url,
            seconds=round(seconds, 2),
            tenants=sorted(snapshot.tenants),
        )

    def _tenant_lines(self, name: str, tenant: LocalTenant, status: TenantStatus) -> list[str]:
        lines = ["", f"  {name}" + ("" if status.ready else "   (not running: see handrail status)")]
        if status.demo:
            lines.append(f"    demo     {status.demo}")
        key = tenant.secrets.newest("publishable") if tenant.secrets else None
        if key:
            source = f"{self.gateway_url}/sdk/v1/onboarding-agent-sdk.js"
            lines.append(f'    snippet  <script async src="{source}" data-key="{key.key}"></script>')
            file = tenant.wanted.document.path if tenant.wanted else "its file"
            lines.append(f"             in a page of your own: its origin must be in spec.origins of {file}")
        return lines

    # --- status ----------------------------------------------------------------------------------------------

    def _process_changed(self, name: str) -> None:
        if self._tenants is not None:
            self._tenants.touch(name)
        self._changed()

    def _changed(self) -> None:
        self._dirty.set()
        self._dirty_told.set()

    def snapshot(self) -> LiveStatus:
        processes = self._supervisor.processes if self._supervisor else {}
        tenants = {}
        for name, tenant in sorted((self._tenants.tenants if self._tenants else {}).items()):
            seen = tenant.seen()
            tenants[name] = TenantStatus(
                ready=seen.ready,
                expected=not tenant.missing and tenant.spec is not None,
                demo=self.tenant_demo(name),
                conditions=[condition_value(condition) for condition in tenant.conditions],
            )
        shared = [process.ready for process in processes.values() if "." not in process.name]
        return LiveStatus(
            pid=os.getpid(),
            started_at=self._began_at,
            gateway=self.gateway_url,
            demo=self.demo_url,
            ready="gateway" in processes
            and self._tenants is not None
            and self._tenants.taken
            and all(shared)
            and all(tenant.ready for tenant in tenants.values() if tenant.expected),
            nats_url=self._nats_url,
            tenants=tenants,
            processes=[ProcessStatus(p.name, p.pid, p.state, p.restarts) for p in processes.values()],
        )

    async def _write_status(self) -> None:
        while True:
            self._dirty.clear()
            self._save_status()
            await self._dirty.wait()
            await asyncio.sleep(0.05)  # what changes together is written once

    def _save_status(self) -> None:
        with contextlib.suppress(Exception):  # a full disk must not end a running platform
            self.state.save_live(self.snapshot())
            self._write_demo_config()


def _only_trouble(*marks: str) -> Callable[[str], bool]:
    return lambda line: any(mark in line for mark in marks)


QUIET: dict[str, Callable[[str], bool]] = {
    "postgres": _only_trouble("WARNING", "ERROR", "FATAL", "PANIC"),
    "nats": _only_trouble("[WRN]", "[ERR]", "[FTL]", "nats-server:"),
    "valkey": lambda line: " # " in line and "WARNING" not in line,
}
"""Which lines of the servers are worth a person's look."""
