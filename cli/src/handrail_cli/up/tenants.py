"""All tenants of this machine: follows their files, starts and stops them, answers for them."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from handrail_cli.state.folder import Followed
from handrail_cli.tenant_files.collect import Collection, Wanted, collect
from handrail_cli.tenant_files.places import Fault
from handrail_cli.tenant_files.read import TenantFile, read_file
from handrail_cli.tenant_files.watch import changes
from handrail_cli.up.programs import belongs
from handrail_cli.up.tenant import LocalTenant, Surroundings


@dataclass
class LocalTenants:
    around: Surroundings
    paths: list[Path]
    """The followed files, absolute."""
    named: bool
    """Whether the files were named on the command line: then a deleted tenant that stands in one comes back."""
    tenants: dict[str, LocalTenant] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)
    taken: bool = False
    """Whether the files were looked at once."""
    _files: dict[Path, TenantFile] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        followed = self.around.state.followed()
        deleted = {} if self.named else followed.deleted
        self.around.state.save_followed(Followed([str(path) for path in self.paths], deleted))

    async def follow(self) -> None:
        """Until cancelled."""
        async for changed in changes(self.paths, self._digest):
            self.read(changed)
            await self.take()

    def _digest(self, path: Path) -> str | None:
        return self._files[path].digest if path in self._files else None

    def read(self, paths: Sequence[Path] | set[Path]) -> None:
        for path in paths:
            self._files[path] = read_file(path)

    async def take(self) -> None:
        """Brings the set of tenants to what the files ask for now."""
        found = self._undeleted(collect(file for file in self._files.values() if file.path.exists()))
        self._report(found)
        known = [name for name in self.around.state.tenant_names() if self.around.state.kept_spec(name)]
        for name in sorted({*found.tenants, *found.broken, *known, *self.tenants}):
            tenant = self.tenants.get(name)
            if tenant is None:
                tenant = self.tenants[name] = LocalTenant(name, self.around)
                self._apply(tenant, found)
                tenant.start()
            elif self._apply(tenant, found):
                tenant.touch()
        self.taken = True
        self.around.changed()

    def _apply(self, tenant: LocalTenant, found: Collection) -> bool:
        """Tells a tenant what its file says; returns whether that is news."""
        wanted = found.tenants.get(tenant.name)
        faults: list[Fault] = []
        if wanted is None and (tenant.name in found.broken or self._was_in_broken_file(tenant)):
            faults = found.faults
        news = (tenant.wanted, tenant.faults) != (wanted, faults)
        if news and wanted is None and not faults and tenant.wanted is not None:
            self.around.log.say(
                "tenant file gone", f"! {tenant.name}: its file is gone; stopped, nothing deleted", tenant=tenant.name
            )
        elif news and wanted is not None and tenant.wanted is not None:
            self.around.log.say("tenant changed", f"* {tenant.name}: change taken", tenant=tenant.name)
        tenant.wanted, tenant.faults = wanted, faults
        return news

    def _was_in_broken_file(self, tenant: LocalTenant) -> bool:
        """A file that is no YAML any more does not say whose it is; the tenant that stood there goes on."""
        kept = self.around.state.kept_spec(tenant.name)
        file = self._files.get(Path(kept.path)) if kept and kept.path else None
        return file is not None and file.path.exists() and bool(file.faults) and not file.tenants and not file.broken

    def _undeleted(self, found: Collection) -> Collection:
        deleted = self.around.state.followed().deleted
        for name, digest in deleted.items():
            if name in found.tenants and found.tenants[name].document.digest == digest:
                del found.tenants[name]
        return found

    def _report(self, found: Collection) -> None:
        texts = {str(fault) for fault in found.faults}
        for fault in found.faults:
            if str(fault) not in self._told:
                self.around.log.say("tenant file refused", f"! refused: {fault}", level="error", **fault.value())
        self._told = texts
        self.faults = found.faults

    # --- what others ask for ---------------------------------------------------------------------------------

    def touch(self, process: str) -> None:
        """A process changed its state."""
        for tenant in self.tenants.values():
            if belongs(process, tenant.name):
                tenant.touch()

    async def reread(self, tenant: LocalTenant) -> Wanted | None:
        """What the tenant's file asks for at this moment. The caller holds the tenant's lock."""
        if tenant.wanted is not None:
            path = tenant.wanted.document.path
            self.read([path])
            found = self._undeleted(collect(file for file in self._files.values() if file.path.exists()))
            self._apply(tenant, found)
        return tenant.wanted

    async def delete(self, tenant: LocalTenant, *, data: bool) -> None:
        """The file may be anybody's and stays; its document counts again once it is edited or named again."""
        async with tenant.lock:
            if tenant.wanted is not None:
                document = tenant.wanted.document
                followed = self.around.state.followed()
                followed.deleted[tenant.name] = document.digest
                self.around.state.save_followed(followed)
            await tenant.delete(data=data)
        del self.tenants[tenant.name]
        await tenant.stop()
        self.around.changed()

    async def stop(self) -> None:
        await asyncio.gather(*(tenant.stop() for tenant in self.tenants.values()))
