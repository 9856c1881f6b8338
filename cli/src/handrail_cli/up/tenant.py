"""One tenant on this machine: brought to what its file asks for, again and again, whatever happened before."""

import asyncio
import contextlib
import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from handrail_cli.state.folder import KeptSpec, State
from handrail_cli.supervise.logs import LogFormat, LogStream
from handrail_cli.supervise.supervisor import Supervisor
from handrail_cli.supervise.tasks import cancel
from handrail_cli.tenant_files.collect import Wanted, resolve, runtime_secrets, unresolved
from handrail_cli.tenant_files.places import Fault
from handrail_cli.up.conditions import Seen, conditions
from handrail_cli.up.port_book import PortBook
from handrail_cli.up.programs import RuntimePlace, RuntimeProcess, address, answers, belongs, layout
from handrail_contracts import names
from handrail_contracts.record import Phase
from handrail_contracts.status import Condition
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.plans import UnknownPlan, find
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Platform
from handrail_operator.provision.tenant import (
    ProvisionedTenant,
    deprovision_tenant,
    provision_tenant,
    provisioned,
)
from handrail_operator.publish import build_record, publish_config, publish_record, withdraw_record

FIRST_RETRY = 0.5
LONGEST_RETRY = 15.0
"""Seconds."""


@dataclass(frozen=True)
class Surroundings:
    """What all tenants of this platform share."""

    state: State
    platform: Platform
    supervisor: Supervisor
    ports: PortBook
    log: LogStream
    log_format: LogFormat
    more_origins: list[str]
    """The demo's, allowed for every tenant, never written into a file."""
    changed: Callable[[], None]
    """Called when the status may have changed."""


class MigrationFailed(Exception):
    """The runtime's `migrate` did not succeed; its own lines say why."""


@dataclass
class LocalTenant:
    name: str
    around: Surroundings = field(repr=False)
    wanted: Wanted | None = None
    """As the file asks now; None where the file is gone or wrong."""
    faults: list[Fault] = field(default_factory=list)
    """What is wrong in the file, so that the last good spec goes on."""
    spec: TenantSpec | None = None
    """What is in force."""
    conditions: list[Condition] = field(default_factory=list)
    provisioned: ProvisionedTenant | None = None
    secrets: TenantSecrets | None = None
    lock: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)
    _problem: tuple[str, str] | None = None
    _kept: KeptSpec | None = None
    _provisioned_plan: str = ""
    _migrated: bool = False
    _was_ready: bool = False
    _processes: list[RuntimeProcess] = field(default_factory=list)
    _dirty: asyncio.Event = field(default_factory=asyncio.Event, repr=False)
    _task: asyncio.Task[None] | None = field(default=None, repr=False)

    # --- driving ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._dirty.set()
        self._task = asyncio.create_task(self._work(), name=f"tenant-{self.name}")

    def touch(self) -> None:
        """Something may have changed: look again."""
        self._dirty.set()

    async def stop(self) -> None:
        if self._task is not None:
            await cancel(self._task)

    async def _work(self) -> None:
        pause = FIRST_RETRY
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            try:
                async with self.lock:
                    await self.converge()
                pause = FIRST_RETRY
            except Exception as error:  # noqa: BLE001 - whatever a server says, the next look may find it well
                self._problem = ("NotConverged", f"{type(error).__name__}: {error}")
                self.around.log.say(
                    "tenant not converged",
                    f"! {self.name}: {error or type(error).__name__}; trying again in {pause:g} s",
                    level="warning",
                    tenant=self.name,
                    error=repr(error),
                )
                self._tell()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._dirty.wait()
                pause = min(LONGEST_RETRY, pause * 2)
                self._dirty.set()

    # --- one look --------------------------------------------------------------------------------------------

    @property
    def suspended(self) -> bool:
        return self.spec is not None and self.spec.suspend

    @property
    def missing(self) -> bool:
        return self.wanted is None and not self.faults

    async def converge(self) -> None:
        """Level-based: the whole way each time; what stands already costs a look. The caller holds `lock`."""
        self._choose()
        if self.spec is None or self._kept is None:
            self._tell()
            return
        if self.missing and self.secrets is None:
            self.secrets = self.around.state.tenant_secrets(self.name)
        if self.missing and self.secrets is None:
            self._tell()
            return
        await self._provision(self.spec)
        run = not self.missing and not self.suspended
        combined = self.provisioned is not None and self.provisioned.plan.combined
        self._processes = layout(self.name, self.spec.runtime, combined=combined) if run else []
        await self.publish()
        await self._stop_others()
        if run:
            await self._migrate()
            self._start_processes()
        if self._problem and self._problem[0] == "NotConverged":
            self._problem = None
        await self._publish_readiness()
        self._tell()

    def _choose(self) -> None:
        """The spec that is in force now: the file's, or the last good one."""
        state = self.around.state
        self._kept = self._kept or state.kept_spec(self.name)
        if self.wanted is not None and self._acceptable(self.wanted):
            spec = self.wanted.document.spec
            secrets = self.wanted.secrets
            values = [value for ref in spec.identity.signing_secret_refs if (value := resolve(ref, secrets)[0])]
            generation = self._kept.generation if self._kept else 0
            if self._kept is None or self._kept.spec != spec.dump():
                generation += 1
            of_runtime = runtime_secrets(spec, secrets)
            kept = KeptSpec(spec.dump(), generation, values, str(self.wanted.document.path), of_runtime)
            if kept != self._kept:
                self._kept = kept
                state.save_kept_spec(self.name, kept)
            self.spec = spec
        elif self.spec is None and self._kept is not None:
            self.spec = TenantSpec.model_validate(self._kept.spec)

    def _acceptable(self, wanted: Wanted) -> bool:
        try:
            find(self.around.platform.access.plans, wanted.document.spec.plan)
        except UnknownPlan as error:
            self._problem = (error.reason, str(error))
            return False
        if self._problem and self._problem[0] == UnknownPlan.reason:
            self._problem = None
        return True

    async def _provision(self, spec: TenantSpec) -> None:
        state = self.around.state
        if self.secrets is None:
            self.secrets = state.tenant_secrets(self.name) or TenantSecrets.new(_now())
            # Kept before they are put to use: a crash in between must not lock us out.
            state.save_tenant_secrets(self.name, self.secrets)
        if self.missing:
            access = self.around.platform.access
            plan = access.plans.get(spec.plan) or next(iter(access.plans.values()))
            self.provisioned = self.provisioned or provisioned(access, self.name, plan, self.secrets)
            return
        if self.provisioned is None or self._provisioned_plan != spec.plan:
            self.provisioned = await provision_tenant(self.around.platform, self.name, spec.plan, self.secrets)
            self._provisioned_plan = spec.plan
            state.process_folder("tenants", self.name, "owner", content=self.provisioned.owner_files)
        # Each time, for the values that references mean may have changed; the runtime reads them anew.
        referred = self._kept.runtime_secrets if self._kept else {}
        content = {**self.provisioned.runtime_files, **referred}
        state.process_folder("tenants", self.name, "runtime", content=content)

    async def publish(self) -> None:
        """Tells gateway and runtime what holds now."""
        if not (self.spec and self.provisioned and self.secrets and self._kept):
            return
        phase: Phase = "Provisioning"
        if self.missing or self.suspended:
            phase = "Suspended"
        elif self._was_ready:
            phase = "Ready"
        realtime = [process for process in self._processes if "realtime" in process.roles]
        record = build_record(
            self.provisioned,
            self.spec,
            self.secrets,
            phase=phase,
            generation=self._kept.generation,
            local=True,
            realtime=[address(self.around.ports.port(process.name)) for process in realtime],
            more_origins=self.around.more_origins,
            identity_secrets=self._kept.identity_secrets,
        )
        if not self.missing:
            await publish_config(self.around.platform, self.secrets, self.spec)
        await publish_record(self.around.platform, record)

    async def _stop_others(self) -> None:
        """Ends processes of this tenant that are no longer wanted."""
        wanted = {process.name for process in self._processes}
        ours = [name for name in self.around.supervisor.processes if belongs(name, self.name)]
        await asyncio.gather(*(self.around.supervisor.remove(name) for name in ours if name not in wanted))
        if not wanted:
            self._was_ready = False

    def _place(self) -> RuntimePlace:
        around = self.around
        return RuntimePlace(
            root=around.state.root,
            tenant=self.name,
            secrets=around.state.root / "run" / "tenants" / self.name / "runtime",
            nats_url=around.platform.access.nats_url,
            redis_prefix=names.redis_prefix(self.name),
            log_format=around.log_format,
        )

    async def _migrate(self) -> None:
        if self._migrated:
            return
        owner = self.around.state.root / "run" / "tenants" / self.name / "owner"
        code = await self.around.supervisor.run_once(self._place().migrate(owner))
        if code != 0:
            raise MigrationFailed(f"its tables could not be brought up to date (code {code})")
        self._migrated = True

    def _start_processes(self) -> None:
        place = self._place()
        for process in self._processes:
            if process.name in self.around.supervisor.processes:
                continue
            port = self.around.ports.port(process.name)
            self.around.supervisor.add(process.name, functools.partial(place.run, process, port), answers(port))

    async def _publish_readiness(self) -> None:
        if not self._was_ready and self._processes and self.seen().ready:
            self._was_ready = True
            await self.publish()

    # --- keys and end ----------------------------------------------------------------------------------------

    async def change_secrets(self, secrets: TenantSecrets) -> None:
        """Keeps changed keys and publishes them. The caller holds `lock`."""
        self.around.state.save_tenant_secrets(self.name, secrets)
        self.secrets = secrets
        if self.provisioned is not None:
            await self.publish()
        self._tell()

    async def delete(self, *, data: bool) -> None:
        """Takes the tenant away; its data only with `data`. The caller holds `lock`."""
        self._processes = []
        await withdraw_record(self.around.platform, self.name)
        await self._stop_others()
        secrets = self.secrets or self.around.state.tenant_secrets(self.name)
        if secrets is not None:
            await deprovision_tenant(self.around.platform, self.name, secrets, data=data)
        self.around.state.forget_tenant(self.name, secrets_too=data)

    # --- seeing ----------------------------------------------------------------------------------------------

    def seen(self) -> Seen:
        processes = self.around.supervisor.processes
        roles: dict[str, bool] = {}
        waiting = []
        for process in self._processes:
            managed = processes.get(process.name)
            for role in process.roles:
                roles[role] = roles.get(role, True) and managed is not None and managed.ready
            if managed is not None and managed.state == "waiting":
                waiting.append(f"{managed.name} {managed.reason}")
        return Seen(
            generation=self._kept.generation if self._kept else 0,
            provisioned=self.provisioned is not None,
            suspended=self.suspended,
            missing=self.missing,
            roles=dict(sorted(roles.items(), key=lambda item: names.ROLES.index(item[0]))),
            waiting=waiting,
            problems=self._problems(),
        )

    def _problems(self) -> list[tuple[str, str]]:
        found = [self._problem] if self._problem else []
        if self.faults:
            found.append(("FileInvalid", "; ".join(str(fault) for fault in self.faults)))
        if self.wanted is not None and (reasons := unresolved(self.wanted.document.spec, self.wanted.secrets)):
            found.append(("SecretMissing", "; ".join(reasons)))
        return found

    def _tell(self) -> None:
        self.conditions = conditions(self.seen(), self.conditions, _now())
        self.around.changed()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
