"""One tenant brought to what its spec asks for: the same way for a new one, a change, drift, a restart, a timer.

gather   the spec, the namespace, the keyring, what references lead to, what stands in the namespace
ensure   its place on NATS, PostgreSQL and Redis
decide   manifests against what stands (pure: `steps`, `difference`)
apply    server-side, in order; what is no longer wanted goes
tell     gateway and runtime by their records, people by the status
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
import structlog
from pydantic import ValidationError

from handrail_contracts import names, status
from handrail_contracts.record import Phase
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import plans
from handrail_operator.errors import (
    ApplyRefused,
    KeyringMissing,
    MigrationFailed,
    NamespaceTaken,
    NameTaken,
    SpecInvalid,
    TenantError,
)
from handrail_operator.installation import Installation
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import Conflict, Forbidden, Invalid, NotFound
from handrail_operator.manifests import tenant as manifests
from handrail_operator.manifests.place import Home, Place
from handrail_operator.plans import Plan
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.servers import Ensured, Servers
from handrail_operator.publish import build_record
from handrail_operator.reconcile import difference, handover, namespaces, references, rollout, steps
from handrail_operator.reconcile.conditions import Findings
from handrail_operator.reconcile.data_path import DataPath
from handrail_operator.reconcile.deletion import Deletion
from handrail_operator.reconcile.keyrings import Keyrings
from handrail_operator.reconcile.references import Resolved
from handrail_operator.reconcile.steps import Key
from handrail_operator.reconcile.tell import Teller
from handrail_operator.settings import Settings
from handrail_operator.watching.cache import Children, Tenants

log = structlog.get_logger()

T = TypeVar("T")
Object = dict[str, Any]
FAILED_JOB_RETRY = 60.0
"""Seconds after which a migration that failed is begun anew."""
_GRANTED_WITHIN = 25
"""Tries, a fifth of a second apart, until a right that was just given counts."""
AT_ONCE = 5
"""Objects of one tenant that are written at the same time."""


class NotConverged(Exception):
    """Told in the status already; to be tried again after a while."""


@dataclass
class _Look:
    """What one look at one tenant has gathered so far."""

    tenant: Object
    found: Findings = field(default_factory=Findings)
    spec: TenantSpec | None = None
    again: float | None = None
    """Seconds until something is to be seen that no watch tells."""
    namespace: Object = field(default_factory=dict)
    revision: str = ""
    """Of the config that was published."""
    version: str = ""
    """Of the runtime that was applied."""

    def mark(self, annotation: str) -> str:
        """What was noted on the namespace."""
        return str(self.namespace["metadata"].get("annotations", {}).get(annotation, ""))

    @property
    def name(self) -> str:
        return str(self.tenant["metadata"]["name"])

    @property
    def uid(self) -> str:
        return str(self.tenant["metadata"]["uid"])

    @property
    def generation(self) -> int:
        return int(self.tenant["metadata"].get("generation", 0))


@dataclass
class _Known:
    """What was gathered of a tenant whose spec can be brought about."""

    spec: TenantSpec
    plan: Plan
    namespace: str
    secrets: TenantSecrets = field(repr=False)
    resolved: Resolved
    ensured: Ensured
    standing: dict[Key, Object]


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
        touch: Callable[[str], None],
    ) -> None:
        """`touch`: asks for another look at a tenant."""
        self._cluster = cluster
        self._tenants = tenants
        self._children = children
        self._servers = servers
        self._settings = settings
        self._installation = installation
        self.keyrings = Keyrings(cluster, settings.namespace)
        self._data_path = DataPath(servers, touch)
        self._teller = Teller(cluster, settings.identity)
        self._deletion = Deletion(cluster, children, servers, self.keyrings, self._teller, settings.deletion_timeout)
        self._locks: dict[str, asyncio.Lock] = {}
        self._new: set[str] = set()
        """Namespaces (uid) that were made here and whose tenant was not ready yet: no stranger has been in there."""

    async def reconcile(self, name: str) -> float | None:
        """Seconds until another look is due; None: at the next resync. Raises NotConverged, ApiError."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            tenant = self._tenants.get(name)
            if tenant is None:
                self._forget(name)
                return None
            if tenant["metadata"].get("annotations", {}).get(names.ANNOTATION_PAUSED) == "true":
                return None
            return await self._work(_Look(tenant))

    async def publish(self, name: str) -> None:
        """Brings the gateway's record up to date at once, after keys were changed. Raises TenantError, ApiError."""
        async with self._locks.setdefault(name, asyncio.Lock()):
            tenant = self._tenants.get(name)
            if tenant is None or tenant["metadata"].get("deletionTimestamp"):
                return
            look = _Look(tenant)
            known = await self._gather(look)
            look.found.rollouts = self._rollouts(known)
            await self._publish(look, known, self._place(look, known))
        if problem := look.found.problems.get(status.MESSAGING):
            raise problem

    def _forget(self, name: str) -> None:
        self._servers.forget(name)
        self._data_path.forget(name)
        self._teller.forget(name)

    async def _work(self, look: _Look) -> float | None:
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

    async def _delete(self, look: _Look) -> float | None:
        self._data_path.forget(look.name)
        problems = await self._deletion.run(look.tenant)
        if not problems:
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

    # --- gather ----------------------------------------------------------------------------------------------

    async def _bring_about(self, look: _Look) -> None:
        known = await self._gather(look)
        place = self._place(look, known)
        if place is not None:
            look.version = place.version
            await self._apply(look, known, place)
        await self._publish(look, known, place)
        if known.spec.suspend:
            self._data_path.forget(look.name)
        elif look.found.ready:
            self._new.discard(look.namespace["metadata"]["uid"])
            due = self._data_path.check(look.name, known.secrets, _ingest(known))
            look.again = min(filter(None, (look.again, due)), default=None)
        look.found.data_path = self._data_path.state(look.name)
        look.found.complete = True
        if known.secrets.previous and look.found.ready and not look.found.moving:
            # Every pod and the gateway have the new credentials: those before no longer count.
            await self.keyrings.change(look.name, TenantSecrets.settled)
            look.again = 0.0

    async def _gather(self, look: _Look) -> _Known:
        look.spec = spec = _spec(look.tenant)
        look.found.suspended = spec.suspend
        plan = plans.find(self._installation.plans, spec.plan)
        namespace = await self._namespace(look)
        secrets = await self._keyring(look)
        listed = await self._enter(look)
        resolved = references.resolve(spec, namespace, listed)
        look.found.missing = list(resolved.missing)
        if "*" in spec.origins:
            text = "The origin * counts as none outside local mode: name the origins of the product's pages."
            look.found.warnings.append(("WildcardOrigin", text))
        ensured = await self._servers.ensure(look.name, spec.plan, secrets)
        look.found.problems.update(ensured.problems)
        look.found.provisioned = not ensured.problems
        standing = {steps.key(one): one for one in [*self._children_in(look.name, namespace), *listed]}
        return _Known(spec, plan, namespace, secrets, resolved, ensured, standing)

    async def _namespace(self, look: _Look) -> str:
        labelled = self._children.namespaces(look.name)
        alive = [one for one in labelled if "deletionTimestamp" not in one["metadata"]]
        before = look.tenant.get("status", {}).get("namespace", "")
        chosen = namespaces.choose(look.name, alive, before)
        if chosen is None:
            chosen, made = await namespaces.make(self._cluster, look.name, look.uid)
            if made:
                self._new.add(chosen["metadata"]["uid"])
        look.namespace = chosen
        look.found.namespace = str(look.namespace["metadata"]["name"])
        await self._mark(look)
        return look.found.namespace

    async def _mark(self, look: _Look, notes: dict[str, str] | None = None) -> None:
        """Brings the namespace to what it should be, with what is known of the database noted on it."""
        kept = {note: value for note in namespaces.NOTES if (value := look.mark(note))}
        wanted = namespaces.wanted(look.name, look.uid, look.namespace, kept | (notes or {}))
        if steps.applied([wanted], {steps.key(look.namespace): look.namespace}):
            look.namespace = await self._cluster.apply(wanted)

    async def _enter(self, look: _Look) -> list[Object]:
        """The Secrets of the namespace, which may be read only once a RoleBinding says so."""
        children = {(plural, name): one for (plural, _, name), one in self._children.of(look.name).items()}
        new = steps.applied(manifests.rights(self._home(look)), children)
        await self._write(new, {})
        for left in reversed(range(_GRANTED_WITHIN if new else 1)):
            try:
                return await self._cluster.list(kinds.SECRET, look.found.namespace, labels=names.LABEL_USE)
            except Forbidden:
                # The API server takes a moment to know of a new right.
                if not left:
                    raise
                await asyncio.sleep(0.2)
        raise AssertionError

    def _home(self, look: _Look) -> Home:
        return Home(look.name, look.uid, look.found.namespace, self._settings.namespace, self._installation)

    async def _keyring(self, look: _Look) -> TenantSecrets:
        found = await self.keyrings.load(look.name)
        if found is None and look.mark(names.ANNOTATION_DATABASE):
            raise KeyringMissing(
                f"Secret {names.keyring_secret(look.name)} of namespace {self._settings.namespace} is gone, and with "
                f"it the way to the tenant's data: put it back. To begin anew without that data, remove the annotation "
                f"{names.ANNOTATION_DATABASE} from namespace {look.found.namespace}."
            )
        found = found or await self.keyrings.create(look.name, TenantSecrets.new(_now()))
        asked = look.tenant["metadata"].get("annotations", {}).get(names.ANNOTATION_ROTATE, found.rotation)
        if asked == found.rotation:
            return found
        log.info("rotating credentials", tenant=look.name)
        return await self.keyrings.change(look.name, lambda secrets: _rotated(secrets, asked))

    def _children_in(self, name: str, namespace: str) -> list[Object]:
        return [one for (_, space, _), one in self._children.of(name).items() if space == namespace]

    def _place(self, look: _Look, known: _Known) -> Place | None:
        """None as long as the tenant never had a database: there is nothing its pods could do."""
        database_id = known.ensured.database_id or look.mark(names.ANNOTATION_DATABASE)
        if not database_id:
            return None
        return Place(
            **vars(self._home(look)),
            spec=known.spec,
            plan=known.plan,
            nats_url=self._settings.nats_url,
            provisioned=known.ensured.provisioned,
            secrets=known.secrets,
            usable_refs=known.resolved.usable,
            database_id=database_id,
            smtp_url=self._settings.optional_secret(names.SMTP_URL_FILE),
        )

    # --- apply -----------------------------------------------------------------------------------------------

    async def _apply(self, look: _Look, known: _Known, place: Place) -> None:
        foundation, workloads = manifests.foundation(place), manifests.workloads(place)
        migration = manifests.migration(place)
        if text := manifests.over_plan(place):
            look.found.warnings.append(("OverPlan", text))
        await self._refuse_strangers(look, [*foundation, migration, *workloads], known.standing)
        await self._write(steps.applied(foundation, known.standing), known.standing)
        look.found.migration = await self._migrate(look, known, place, migration)
        if look.found.migration == "done" or known.spec.suspend:
            await self._write(steps.applied(workloads, known.standing), known.standing)
            keep = [steps.key(one) for one in (*manifests.rights(place), *foundation, migration, *workloads)]
            await self._remove(steps.superfluous(look.name, keep, known.standing))
        look.found.rollouts = self._rollouts(known)

    async def _refuse_strangers(self, look: _Look, wanted: list[Object], standing: dict[Key, Object]) -> None:
        """What is not in the cache may be missing, or somebody else's; not in a namespace that was just made."""
        if look.namespace["metadata"]["uid"] in self._new:
            return
        missing = [one for one in wanted if steps.key(one) not in standing]

        async def found(one: Object) -> Object | None:
            meta = one["metadata"]
            return await self._cluster.get(kinds.of(one), meta["namespace"], meta["name"])

        others = [one for one in await _several(found(one) for one in missing) if one is not None]
        steps.refuse_strangers(look.name, missing, {steps.key(one): one for one in others})

    async def _migrate(self, look: _Look, known: _Known, place: Place, job: Object) -> rollout.Migration:
        wanted = manifests.migration_key(place)
        if look.mark(names.ANNOTATION_MIGRATED) == wanted:
            return "done"
        if known.spec.suspend or status.DATABASE in look.found.problems:
            return "none"
        standing = known.standing.get(steps.key(job))
        state = rollout.migration(standing)
        if state == "done":
            await self._mark(look, {names.ANNOTATION_MIGRATED: wanted, names.ANNOTATION_DATABASE: place.database_id})
        elif state == "none":
            await self._write([job], known.standing)
            state = "running"
        elif state == "failed" and standing is not None:
            await self._retry_later(look, known.namespace, standing)
        return state

    async def _retry_later(self, look: _Look, namespace: str, job: Object) -> None:
        name = job["metadata"]["name"]
        age = time.time() - rollout.ended_at(job)
        if age > FAILED_JOB_RETRY:
            await self._remove([job])
        look.again = max(1.0, FAILED_JOB_RETRY - age)
        look.found.problems[status.DATABASE] = MigrationFailed(
            f"The Job {name} in namespace {namespace} failed; it is tried again every {FAILED_JOB_RETRY:.0f} s. "
            f"Its log says why: kubectl logs -n {namespace} job/{name}"
        )

    async def _write(self, wanted: list[Object], standing: dict[Key, Object]) -> None:
        """What stands afterwards is noted, for the cache is told later."""

        async def write(one: Object) -> None:
            standing[steps.key(one)] = await self._put(one, standing.get(steps.key(one)))

        await _several(write(one) for one in wanted)

    async def _put(self, wanted: Object, live: Object | None) -> Object:
        meta = wanted["metadata"]
        what = f"{wanted['kind']} {meta['name']} in namespace {meta.get('namespace')}"
        try:
            if live is not None and (away := difference.removals(wanted, live)):
                await self._cluster.json_patch(kinds.of(wanted), meta["namespace"], meta["name"], away)
            if live is not None and (first := handover.steps(wanted, live)):
                place = (kinds.of(wanted), meta["namespace"], meta["name"])
                await self._cluster.json_patch(*place, first, subresource=handover.SUBRESOURCE)
            return await self._cluster.apply(wanted)
        except (Invalid, Forbidden) as error:
            raise ApplyRefused(f"The API server refused {what}: {error.message}") from error

    async def _remove(self, things: list[Object]) -> None:
        for thing in things:
            meta = thing["metadata"]
            await self._cluster.delete(kinds.of(thing), meta["namespace"], meta["name"], uid=meta["uid"])

    def _rollouts(self, known: _Known) -> dict[str, rollout.Rollout]:
        found = {}
        for role in names.ROLES:
            if getattr(known.spec.runtime, role).replicas:
                component = names.ALL_ROLES if known.plan.combined else role
                found[role] = rollout.of(known.standing.get((kinds.DEPLOYMENT.plural, component)))
        return found

    # --- tell ------------------------------------------------------------------------------------------------

    async def _publish(self, look: _Look, known: _Known, place: Place | None) -> None:
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

    async def _tell(self, look: _Look) -> None:
        version = look.version if look.found.ready and not look.found.moving else ""
        await self._teller.tell(look.tenant, look.found, revision=look.revision, version=version)


async def _several(calls: Iterable[Awaitable[T]]) -> list[T]:
    """A few at a time, all of them to their end; then the first error, where there was one."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(call: Awaitable[T]) -> T:
        async with gate:
            return await call

    results = await asyncio.gather(*(one(call) for call in calls), return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return [result for result in results if not isinstance(result, BaseException)]


def _rotated(secrets: TenantSecrets, asked: str) -> TenantSecrets:
    if secrets.rotation == asked:
        return secrets
    return msgspec.structs.replace(secrets.rotated(int(time.time())), rotation=asked)


def _ingest(known: _Known) -> object:
    """Changes when the data path may have changed: ingest's Deployment, or the place on the servers."""
    component = names.ALL_ROLES if known.plan.combined else "ingest"
    meta = known.standing[kinds.DEPLOYMENT.plural, component]["metadata"]
    return meta["uid"], meta.get("generation"), known.ensured.provisioned.runtime_files[names.creds_file("ingest")]


def _spec(tenant: Object) -> TenantSpec:
    """Raises SpecInvalid."""
    try:
        return TenantSpec.model_validate(tenant.get("spec"))
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False, include_input=False)
        texts = [f"spec.{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in found[:5]]
        raise SpecInvalid(f"{'; '.join(texts)}. What was in force goes on.") from error


def _component(problem: TenantError) -> str:
    """The condition that a problem belongs to, where it was not met at one of the servers."""
    if isinstance(problem, NamespaceTaken | namespaces.NamespaceTerminating | NameTaken):
        return status.NAMESPACE
    return _SPEC if problem.lasting else _OBJECTS


_SPEC, _OBJECTS = "Spec", "Objects"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
