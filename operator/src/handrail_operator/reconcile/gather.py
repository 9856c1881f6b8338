"""What is to be known of a tenant before anything is decided: its namespace, keyring, Secrets, place on the servers."""

import asyncio
import hashlib
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import structlog
from pydantic import ValidationError

from handrail_contracts import names
from handrail_contracts.other_versions import read_spec
from handrail_contracts.outbound_policy import Allowed
from handrail_contracts.refusals import refusals
from handrail_contracts.secret_refs import fields
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import plans
from handrail_operator.errors import KeyringMissing, SpecInvalid
from handrail_operator.installation import Installation
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import Forbidden
from handrail_operator.manifests import tenant as manifests
from handrail_operator.manifests.place import Home, Place
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.servers import Servers
from handrail_operator.reconcile import namespaces, references, steps
from handrail_operator.reconcile.keyrings import Keyrings
from handrail_operator.reconcile.look import Known, Look
from handrail_operator.reconcile.objects import Objects
from handrail_operator.reconcile.seen_secrets import SeenSecrets
from handrail_operator.registries import Registries
from handrail_operator.settings import Settings
from handrail_operator.watching.cache import Children

log = structlog.get_logger()

Object = dict[str, Any]
_MOST_REFUSALS = 5
_GRANTED_WITHIN = 25
"""Tries, a fifth of a second apart, until a right that was just given counts."""


class Gathering:
    def __init__(
        self,
        cluster: Cluster,
        objects: Objects,
        children: Children,
        servers: Servers,
        keyrings: Keyrings,
        settings: Settings,
        installation: Installation,
    ) -> None:
        self._cluster = cluster
        self._objects = objects
        self._children = children
        self._servers = servers
        self._keyrings = keyrings
        self._settings = settings
        self._installation = installation
        self._registries = Registries(settings.registries, installation.runtime.pull_secrets)
        self._allowed = Allowed.parse(",".join(installation.network.outbound_allowed))
        self._new: set[str] = set()
        """Namespaces (uid) that were made here and whose tenant was not ready yet."""
        self._seen = SeenSecrets()

    async def gather(self, look: Look) -> Known:
        """Raises TenantError where that ends the look, ApiError."""
        spec = _spec(look.tenant)
        look.found.suspended = spec.suspend
        plan = plans.find(self._installation.plans, spec.plan)
        await self._namespace(look)
        namespace = look.found.namespace
        secrets = await self._keyring(look)
        listed = await self._enter(look, spec)
        resolved = references.resolve(spec, namespace, listed, self._allowed)
        look.found.missing = list(resolved.missing)
        look.found.warnings += resolved.unfit
        if "*" in spec.origins:
            text = "The origin * counts as none outside local mode: name the origins of the product's pages."
            look.found.warnings.append(("WildcardOrigin", text))
        ensured = await self._servers.ensure(look.name, spec.plan, secrets)
        look.found.problems.update(ensured.problems)
        look.found.ensured = True
        standing = {steps.key(one): one for one in [*self._children_in(look.name, namespace), *listed]}
        return Known(spec, plan, secrets, resolved, ensured, standing)

    async def _namespace(self, look: Look) -> None:
        labelled = [one for one in self._children.namespaces(look.name) if namespaces.is_home(one, look.name, look.uid)]
        alive = [one for one in labelled if "deletionTimestamp" not in one["metadata"]]
        chosen = await self._where_it_lives(look, alive)
        if chosen is None:
            chosen, look.fresh = await namespaces.make(self._cluster, self._objects, look.name, look.uid)
            if look.fresh:
                self._new.add(chosen["metadata"]["uid"])
        if not namespaces.is_own(chosen, look.uid):
            namespaces.refuse_reserved(chosen["metadata"]["name"], self._settings.namespace)
        look.namespace = chosen
        look.found.namespace = str(look.namespace["metadata"]["name"])
        if namespaces.is_taken(look.namespace, look.uid):
            await self.mark(look)

    async def _where_it_lives(self, look: Look, labelled: list[Object]) -> Object | None:
        """None: nowhere yet. It stays where it is, whatever is labelled for it or written into its status meanwhile.
        Raises NamespaceTaken."""
        if (own := namespaces.own(labelled, look.uid)) is not None:
            return own
        inhabited = namespaces.inhabited(self._children.of(look.name).values(), look.uid, self._settings.namespace)
        homes = [one for one in labelled if one["metadata"]["name"] in inhabited]
        for place in sorted(inhabited - {one["metadata"]["name"] for one in homes}):
            found = await self._cluster.get(kinds.NAMESPACE, None, place)
            if found is None or "deletionTimestamp" in found["metadata"]:
                continue
            if namespaces.is_own(found, look.uid):
                return found
            if not homes:
                look.found.namespace = place
                raise namespaces.moved(look.name, place)
        told = (look.tenant.get("status") or {}).get("namespace", "")
        return namespaces.choose(look.name, homes or labelled, told)

    async def mark(self, look: Look, notes: dict[str, str] | None = None) -> None:
        """Brings the namespace to what it should be, with what is known of the database noted on it."""
        kept = {note: value for note in namespaces.NOTES if (value := look.mark(note))}
        wanted = namespaces.wanted(look.name, look.uid, look.namespace, kept | (notes or {}))
        if steps.applied([wanted], {steps.key(look.namespace): look.namespace}):
            look.namespace = await self._objects.sent(wanted, self._cluster.apply(wanted))

    async def _enter(self, look: Look, spec: TenantSpec) -> list[Object]:
        """The Secrets of the namespace, which may be read only once a RoleBinding says so. Those to which nothing
        happened since they were as wanted are not read again, unless the spec refers to what is in them."""
        rights = manifests.rights(self._home(look))
        if look.fresh and not rights:
            return []
        children = {steps.key(one): one for one in self._children.of(look.name).values()} if rights else {}
        new = steps.applied(rights, children)
        told = None if new or fields(spec) else self._children.secrets.of((look.name, look.found.namespace))
        if (seen := self._seen.unchanged(look.name, told)) is not None:
            return seen
        await self._objects.write(new, {})
        for left in reversed(range(_GRANTED_WITHIN if new else 1)):
            try:
                return await self._cluster.list(kinds.SECRET, look.found.namespace, labels=names.LABEL_USE)
            except Forbidden:
                # The API server takes a moment to know of a new right.
                if not left:
                    raise
                await asyncio.sleep(0.2)
        raise AssertionError

    def remember(self, look: Look, wanted: list[Object], standing: dict[steps.Key, Object]) -> None:
        """After `wanted` was written as far as it may be."""
        self._seen.remember(look.name, wanted, standing)

    def forget(self, name: str) -> None:
        self._seen.forget(name)

    def _home(self, look: Look) -> Home:
        return Home(look.name, look.uid, look.found.namespace, self._settings.namespace, self._installation)

    async def _keyring(self, look: Look) -> TenantSecrets:
        # Where one is kept from before, making one comes back with it.
        found = None if look.fresh else await self._keyrings.load(look.name)
        if found is None and look.mark(names.ANNOTATION_DATABASE):
            raise KeyringMissing(
                f"Secret {names.keyring_secret(look.name)} of namespace {self._settings.namespace} is gone, and with "
                f"it the way to the tenant's data: put it back. To begin anew without that data, remove the annotation "
                f"{names.ANNOTATION_DATABASE} from namespace {look.found.namespace}."
            )
        found = found or await self._keyrings.create(look.name, TenantSecrets.new(_now()))
        asked = _asked(look.tenant, found.rotation)
        if asked == found.rotation:
            return found
        log.info("rotating credentials", tenant=look.name)
        return await self._keyrings.change(look.name, lambda secrets: _rotated(secrets, asked))

    def _children_in(self, name: str, namespace: str) -> list[Object]:
        return [one for (_, space, _), one in self._children.of(name).items() if space == namespace]

    def place(self, look: Look, known: Known) -> Place | None:
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
            registries=self._registries.together(),
        )

    def untouched(self, look: Look) -> bool:
        """Whether the namespace was made here and its tenant not ready since: no stranger has been in there."""
        return look.namespace["metadata"]["uid"] in self._new

    def settled(self, look: Look) -> None:
        """The tenant is ready."""
        self._new.discard(look.namespace["metadata"]["uid"])


def _asked(tenant: Object, before: str) -> str:
    """What the annotation says, in a few characters however long it is; without one, what was asked for last."""
    text = tenant["metadata"].get("annotations", {}).get(names.ANNOTATION_ROTATE)
    return before if text is None else hashlib.sha256(text.encode()).hexdigest()[:16]


def _rotated(secrets: TenantSecrets, asked: str) -> TenantSecrets:
    if secrets.rotation == asked:
        return secrets
    return msgspec.structs.replace(secrets.rotated(int(time.time())), rotation=asked)


def _spec(tenant: Object) -> TenantSpec:
    """Raises SpecInvalid."""
    try:
        spec, unknown = read_spec(tenant.get("spec"))
    except ValidationError as error:
        texts = [
            f"spec.{'.'.join(map(str, place))}: {reason}"
            for place, reason in refusals(error, TenantSpec, _MOST_REFUSALS)
        ]
        raise SpecInvalid(f"{'; '.join(texts)}. What was in force goes on.") from error
    if unknown:
        # The definition is of a newer version than this operator: on the way forth or back.
        log.warning(
            "fields of the spec are not known to this version", tenant=tenant["metadata"]["name"], fields=unknown
        )
    return spec


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
