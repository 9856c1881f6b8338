"""One tenant brought to what its spec asks for: the same way for a new one, a change, drift, a restart, a timer.

gather   the spec, the namespace, the keyring, what references lead to, what stands in the namespace
ensure   its place on NATS, PostgreSQL and Redis
decide   manifests against what stands (pure: `steps`, `difference`)
apply    server-side, in order; what is no longer wanted goes
tell     gateway and runtime by their records, people by the status
"""

import asyncio
import time
from contextlib import suppress
from dataclasses import replace
from typing import Any

from handrail_contracts import names, status
from handrail_contracts.record import Phase
from handrail_operator.errors import MigrationFailed, NamespaceTaken, NameTaken, TenantError
from handrail_operator.installation import Installation
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import Conflict, NotFound
from handrail_operator.manifests import tenant as manifests
from handrail_operator.manifests.place import Place
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.servers import Servers
from handrail_operator.publish import build_record
from handrail_operator.reconcile import exchange, keeping, namespaces, rollout, steps
from handrail_operator.reconcile.data_path import DataPath
from handrail_operator.reconcile.deletion import Deletion
from handrail_operator.reconcile.gather import Gathering
from handrail_operator.reconcile.keyrings import Keyrings
from handrail_operator.reconcile.look import Known, Look
from handrail_operator.reconcile.objects import Objects
from handrail_operator.reconcile.tell import Teller
from handrail_operator.settings import Settings
from handrail_operator.watching.cache import Children, Tenants
from handrail_operator.watching.told import Touch

Object = dict[str, Any]
STRANGERS_AGAIN = 5.0
"""Seconds; what is not ours bears no label of ours, so no watch tells when it goes."""
FAILED_JOB_RETRY = 60.0
"""Seconds after which a migration that failed is begun anew."""
PROBED_WITHIN = 1.0
"""Seconds that a look waits for the first probe of a data path, so that it is told with Ready and not by a look and a
write of its own."""


class NotConverged(Exception):
    """Told in the status already; to be tried again after a while."""


class Reconciler:
    """`reconcile` may be called for several tenants at once, for one tenant by one caller at a time."""

    def __init__(
        self,
        cluster: Cluster,
        tenants: Tenants,
        children: Children,
        servers: Servers,
        settings: Settings,
        installation: Installation,
        *,
        touch: Touch,
    ) -> None:
        """`touch`: asks for another look at a tenant."""
        self._cluster = cluster
        self._tenants = tenants
        self._servers = servers
        self.keyrings = Keyrings(cluster, settings.namespace)
        self._objects = Objects(cluster, children.echoes, touch)
        self._gathering = Gathering(cluster, self._objects, children, servers, self.keyrings, settings, installation)
        self._data_path = DataPath(servers, touch)
        self._teller = Teller(cluster, settings.identity)
        self._deletion = Deletion(cluster, children, servers, self.keyrings, self._teller, settings.deletion_timeout)
        self._locks: dict[str, asyncio.Lock] = {}

    async def reconcile(self, name: str) -> float | None:
        """Seconds until another look is due; None: at the next resync. Raises NotConverged, ApiError."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            tenant = self._tenants.get(name)
            if tenant is None:
                self._forget(name)
                return None
            if tenant["metadata"].get("annotations", {}).get(names.ANNOTATION_PAUSED) == "true":
                await self._teller.tell_paused(tenant)
                return None
            return await self._work(Look(tenant))

    async def publish(self, name: str) -> None:
        """Brings the gateway's record up to date at once, after keys were changed. Raises TenantError, ApiError."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            tenant = self._tenants.get(name)
            if tenant is None or tenant["metadata"].get("deletionTimestamp"):
                return
            look = Look(tenant)
            known = await self._gathering.gather(look)
            look.found.rollouts = self._rollouts(known)
            await self._publish(look, known, self._gathering.place(look, known))
        if problem := look.found.problems.get(status.MESSAGING):
            raise problem

    def _forget(self, name: str) -> None:
        self._servers.forget(name)
        self._data_path.forget(name)
        self._gathering.forget(name)
        self._teller.forget(name)

    async def _work(self, look: Look) -> float | None:
        if look.tenant["metadata"].get("deletionTimestamp"):
            return await self._delete(look)
        try:
            await self._claim(look.tenant)
            await self._bring_about(look)
        except NotFound:
            # The tenant or its namespace went while we looked: a watch tells it.
            return 1.0
        except TenantError as problem:
            look.found.problems.setdefault(_component(problem), problem)
        await self._tell(look)
        problems = look.found.problems.values()
        if any(isinstance(problem, NamespaceTaken | NameTaken) for problem in problems):
            look.again = STRANGERS_AGAIN
        if any(not problem.lasting for problem in problems):
            raise NotConverged("; ".join(f"{problem.reason}: {problem}" for problem in problems))
        return look.again

    async def _claim(self, tenant: Object) -> None:
        """The finalizer, before anything is made that would be left behind. Raises NotConverged."""
        meta = tenant["metadata"]
        finalizers = meta.get("finalizers") or []
        if names.FINALIZER in finalizers:
            return
        same = {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]}
        add = {"op": "add", "path": "/metadata/finalizers", "value": [*finalizers, names.FINALIZER]}
        try:
            await self._cluster.json_patch(kinds.TENANT, None, meta["name"], [same, add])
        except Conflict:
            found = await self._cluster.get(kinds.TENANT, None, meta["name"])
            if found is None or found["metadata"]["uid"] != meta["uid"]:
                raise NotFound(404, "NotFound", "the tenant is gone") from None
            if names.FINALIZER not in found["metadata"].get("finalizers", []):
                raise NotConverged("the tenant was changed meanwhile") from None

    async def _delete(self, look: Look) -> float | None:
        self._data_path.forget(look.name)
        problems = await self._deletion.run(look.tenant)
        if not problems:
            await self._tell_who_holds(look)
            return None
        look.found.problems = problems
        look.found.deleting = "It is being deleted, and waits for " + " ".join(
            f"{kind}: {problem}" for kind, problem in problems.items()
        )
        try:
            await self._tell(look)
        except NotFound:
            return None
        raise NotConverged(look.found.deleting)

    async def _tell_who_holds(self, look: Look) -> None:
        """What is done here is not all, where somebody else's finalizer keeps the tenant."""
        theirs = [one for one in look.tenant["metadata"].get("finalizers") or [] if one != names.FINALIZER]
        if not theirs:
            return
        look.found.deleting = (
            f"It is being deleted, and Handrail's part is done. Waited for are other finalizers: {', '.join(theirs)}."
        )
        with suppress(NotFound):
            await self._tell(look)

    async def _bring_about(self, look: Look) -> None:
        known = await self._gathering.gather(look)
        place = self._gathering.place(look, known)
        if place is not None:
            look.version = place.version
            await self._apply(look, known, place)
        await self._publish(look, known, place)
        if known.spec.suspend or not look.found.ready:
            self._data_path.forget(look.name)
        else:
            self._gathering.settled(look)
            patience = 0.0 if look.heard_of(status.DATA_PATH) else PROBED_WITHIN
            due = await self._data_path.check(look.name, known.secrets, _ingest(known), patience=patience)
            look.again = min(filter(None, (look.again, due)), default=None)
        look.found.data_path = self._data_path.state(look.name)
        look.found.complete = True
        if known.secrets.previous and look.found.ready and not look.found.moving:
            # Every pod and the gateway have the new credentials: those before no longer count.
            await self.keyrings.change(look.name, TenantSecrets.settled)
            look.again = 0.0

    # --- apply -----------------------------------------------------------------------------------------------

    async def _apply(self, look: Look, known: Known, place: Place) -> None:
        foundation, workloads = manifests.foundation(place), manifests.workloads(place)
        migration = manifests.migration(place)
        if text := manifests.over_plan(place):
            look.found.warnings.append(("OverPlan", text))
        if not self._gathering.untouched(look):
            await self._objects.refuse_strangers(look.name, [*foundation, migration, *workloads], known.standing)
        if not namespaces.is_taken(look.namespace, look.uid):
            await self._gathering.mark(look)
        before = [] if known.spec.suspend else exchange.leaving(look.name, workloads, known.standing)
        await self._objects.write(self._safe(look, known, exchange.roomy(foundation, before)), known.standing)
        self._gathering.remember(look, foundation, known.standing)
        look.found.migration = await self._migrate(look, known, place, migration)
        if look.found.migration == "done" or known.spec.suspend:
            if exchange.under_way(workloads, before, known.standing):
                wanted = exchange.behind_old_doors(workloads, known.standing)
                await self._objects.write(self._safe(look, known, wanted), known.standing)
            else:
                await self._objects.write(self._safe(look, known, workloads), known.standing)
                keep = [steps.key(one) for one in (*manifests.rights(place), *foundation, migration, *workloads)]
                await self._objects.remove(steps.superfluous(look.name, keep, known.standing))
        look.found.rollouts = self._rollouts(known)

    def _safe(self, look: Look, known: Known, wanted: list[Object]) -> list[Object]:
        """Of what differs, what may be written now. While a server is away pods are repaired and not exchanged: new
        ones might wait for what is not there, and what they are given to get in was not tried."""
        if not look.found.provisioned and not known.spec.suspend:
            wanted = keeping.held(wanted, known.standing)
        return steps.applied(wanted, known.standing)

    async def _migrate(self, look: Look, known: Known, place: Place, job: Object) -> rollout.Migration:
        wanted = manifests.migration_key(place)
        if look.mark(names.ANNOTATION_MIGRATED) == wanted:
            return "done"
        if known.spec.suspend or status.DATABASE in look.found.problems:
            return "none"
        standing = known.standing.get(steps.key(job))
        state = rollout.migration(standing)
        if state == "done":
            await self._gathering.mark(
                look, {names.ANNOTATION_MIGRATED: wanted, names.ANNOTATION_DATABASE: place.database_id}
            )
        elif state == "none":
            await self._objects.write([job], known.standing)
            state = "running"
        elif state == "failed" and standing is not None:
            await self._retry_later(look, standing)
        return state

    async def _retry_later(self, look: Look, job: Object) -> None:
        name, namespace = job["metadata"]["name"], look.found.namespace
        age = time.time() - rollout.ended_at(job)
        if age > FAILED_JOB_RETRY:
            await self._objects.remove([job])
        look.again = max(1.0, FAILED_JOB_RETRY - age)
        look.found.problems[status.DATABASE] = MigrationFailed(
            f"The Job {name} in namespace {namespace} failed; it is tried again every {FAILED_JOB_RETRY:.0f} s. "
            f"Its log says why: kubectl logs -n {namespace} job/{name}"
        )

    def _rollouts(self, known: Known) -> dict[str, rollout.Rollout]:
        found = {}
        for role in names.ROLES:
            if getattr(known.spec.runtime, role).replicas:
                shapes = (names.ALL_ROLES, role) if known.plan.combined else (role, names.ALL_ROLES)
                one = exchange.of_role(*(known.standing.get((kinds.DEPLOYMENT.plural, shape)) for shape in shapes))
                found[role] = replace(one, deployment=shapes[0])
        return found

    # --- tell ------------------------------------------------------------------------------------------------

    async def _publish(self, look: Look, known: Known, place: Place | None) -> None:
        """The gateway's record and the runtime's config."""
        if status.MESSAGING in look.found.problems:
            return
        phase: Phase = "Suspended" if known.spec.suspend else "Ready" if look.found.running else "Provisioning"
        record = build_record(
            known.ensured.provisioned,
            known.spec,
            known.secrets,
            phase=phase,
            generation=look.generation,
            realtime=[manifests.realtime_url(place)] if place is not None and not known.spec.suspend else [],
            identity_secrets=list(known.resolved.identity_secrets),
        )
        try:
            await self._servers.publish_config(known.secrets, known.spec)
            await self._servers.publish(record)
        except TenantError as problem:
            look.found.problems[status.MESSAGING] = problem
            return
        look.revision = known.spec.etag().strip('"')

    async def _tell(self, look: Look) -> None:
        version = look.version if look.found.ready and not look.found.moving else ""
        await self._teller.tell(look.tenant, look.found, revision=look.revision, version=version)


def _ingest(known: Known) -> object:
    """Changes when the data path may have changed: ingest's Deployment, or the place on the servers."""
    component = names.ALL_ROLES if known.plan.combined else "ingest"
    meta = known.standing[kinds.DEPLOYMENT.plural, component]["metadata"]
    return meta["uid"], meta.get("generation"), known.ensured.provisioned.runtime_files[names.creds_file("ingest")]


def _component(problem: TenantError) -> str:
    """The condition that a problem belongs to, where it was not met at one of the servers."""
    if isinstance(problem, NamespaceTaken | namespaces.NamespaceTerminating | NameTaken):
        return status.NAMESPACE
    return _SPEC if problem.lasting else _OBJECTS


_SPEC, _OBJECTS = "Spec", "Objects"
