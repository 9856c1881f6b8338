"""A tenant's end: what stands outside the cluster first, then what stands in it, then the finalizer.

It never hangs: what is gone already is done, and a server that does not answer is waited for only so long. What was
left behind then is said in the log and in an event, and the keyring that opens it is kept.
"""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog

from handrail_contracts import names, status
from handrail_operator.errors import TenantError
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import Conflict, Forbidden, NotFound
from handrail_operator.provision.servers import Servers
from handrail_operator.reconcile import namespaces, steps
from handrail_operator.reconcile.keyrings import Keyrings
from handrail_operator.reconcile.tell import Teller
from handrail_operator.watching.cache import Children

log = structlog.get_logger()

Object = dict[str, Any]


@dataclass
class Deletion:
    cluster: Cluster
    children: Children
    servers: Servers
    keyrings: Keyrings
    teller: Teller
    timeout: float
    """Seconds from the request within which servers that are away may come back."""

    async def run(self, tenant: Object) -> dict[str, TenantError]:
        """Everything that can be done now; what keeps it from ending, by component, or nothing. Raises ApiError."""
        name = tenant["metadata"]["name"]
        if names.FINALIZER not in tenant["metadata"].get("finalizers", []):
            return {}
        home = await self._home(tenant)
        if home is not None:
            await self._end_pods(name, home["metadata"]["name"])
        problems = await self._leave_servers(name, destroys(tenant))
        if problems and not self._late(tenant):
            return problems
        if home is not None:
            await self._leave_cluster(name, tenant["metadata"]["uid"], home)
        kept = f"What opens it is in Secret {names.keyring_secret(name)} of namespace {self.keyrings.namespace}."
        kind, reason, text = "Normal", "Retained", f"Data and keys are found again by a tenant of this name. {kept}"
        if problems:
            left = "; ".join(f"{one}: {problem}" for one, problem in problems.items())
            kind, reason, text = "Warning", "LeftBehind", f"Not taken away: {left} {kept}"
        elif destroys(tenant):
            await self.keyrings.delete(name)
            reason, text = "Destroyed", "Data and keys are gone."
        await self.teller.post(tenant, kind, reason, text)
        (log.warning if problems else log.info)("tenant deleted", tenant=name, reason=reason, message=text)
        await self._release(tenant)
        return {}

    def _late(self, tenant: Object) -> bool:
        asked = datetime.fromisoformat(tenant["metadata"]["deletionTimestamp"])
        return (datetime.now(UTC) - asked).total_seconds() > self.timeout

    async def _home(self, tenant: Object) -> Object | None:
        """The one namespace that is touched: whatever bears the tenant's labels elsewhere is somebody else's."""
        meta = tenant["metadata"]
        name, uid = meta["name"], meta["uid"]
        inhabited = namespaces.inhabited(self.children.of(name).values(), uid, self.keyrings.namespace)
        own = names.namespace(name)
        for place in (*sorted(inhabited, key=lambda one: (one != own, one)), own):
            found = await self.cluster.get(kinds.NAMESPACE, None, place)
            if found is not None and namespaces.is_home(found, name, uid):
                return found
        return None

    async def _end_pods(self, name: str, home: str) -> None:
        """Before their doors are shut, so that they end in good order."""
        ours = self._ours(name, home)
        await self._remove([one for one in ours if kinds.of(one) in (kinds.DEPLOYMENT, kinds.JOB)])

    async def _leave_servers(self, name: str, data: bool) -> dict[str, TenantError]:
        secrets = await self.keyrings.load(name)
        if secrets is None:
            # It was never provisioned, or this has been done before.
            return {}
        problems: dict[str, TenantError] = {}
        try:
            await self.servers.withdraw(name)
        except TenantError as problem:
            problems[status.MESSAGING] = problem
        return problems | await self.servers.deprovision(name, secrets, data=data)

    async def _leave_cluster(self, name: str, uid: str, home: Object) -> None:
        """Its own namespace goes as a whole; out of one that was there before, what is ours."""
        meta = home["metadata"]
        if namespaces.is_own(home, uid):
            await self.cluster.delete(kinds.NAMESPACE, None, meta["name"], uid=meta["uid"])
            return
        ours = self._ours(name, meta["name"])
        try:
            listed = await self.cluster.list(kinds.SECRET, meta["name"], labels=f"{names.LABEL_TENANT}={name}")
        except Forbidden:
            # The right to be here went already, which it does last.
            listed = []
        rights = [one for one in ours if kinds.of(one) == kinds.ROLE_BINDING]
        await self._remove([one for one in (*ours, *listed) if one not in rights and steps.is_ours(one, name)])
        await self._remove(rights)

    def _ours(self, name: str, home: str) -> list[Object]:
        """Without Secrets, and without what goes already."""
        found = [one for (_, space, _), one in self.children.of(name).items() if space == home]
        return [one for one in found if steps.is_ours(one, name) and "deletionTimestamp" not in one["metadata"]]

    async def _remove(self, things: list[Object]) -> None:
        async def remove(one: Object) -> None:
            meta = one["metadata"]
            try:
                await self.cluster.delete(kinds.of(one), meta["namespace"], meta["name"], uid=meta["uid"])
            except Forbidden as error:
                # Somebody took the right away: its owner, the tenant, takes it along.
                log.warning("left to the garbage collector", kind=one["kind"], name=meta["name"], why=error.message)

        await asyncio.gather(*map(remove, things))

    async def _release(self, tenant: Object) -> None:
        meta = tenant["metadata"]
        for _ in range(5):
            found = await self.cluster.get(kinds.TENANT, None, meta["name"])
            finalizers = found["metadata"].get("finalizers", []) if found else []
            if found is None or found["metadata"]["uid"] != meta["uid"] or names.FINALIZER not in finalizers:
                return
            place = finalizers.index(names.FINALIZER)
            try:
                await self.cluster.json_patch(
                    kinds.TENANT,
                    None,
                    meta["name"],
                    [
                        {"op": "test", "path": f"/metadata/finalizers/{place}", "value": names.FINALIZER},
                        {"op": "remove", "path": f"/metadata/finalizers/{place}"},
                    ],
                )
            except NotFound:
                return
            except Conflict:
                continue
            return


def destroys(tenant: Object) -> bool:
    """Whether the tenant's data is to go. By its raw spec: also one that can no longer be read is to be deleted."""
    return bool(tenant.get("spec", {}).get("deletionPolicy") == "Delete")
