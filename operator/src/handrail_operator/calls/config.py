"""Edits of the custom resource's spec, and ownership given up: decided on what stands there, done to just that."""

from collections.abc import Callable, Container

import structlog

from handrail_contracts import names
from handrail_contracts.operator_calls import ConfigEdit, HandBack, OperatorReply, ReplyProblem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import edits
from handrail_operator.calls import conflicts, finding, ownership
from handrail_operator.calls.edit import Change, change
from handrail_operator.calls.hand_back import hand_back, places
from handrail_operator.calls.listening import problem
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster, Object
from handrail_operator.kube.errors import Conflict, Conflicts

log = structlog.get_logger()

_TRIES = 10
_RESTLESS = problem("unavailable", "The config is being changed by others all the time. Ask again.")


class Config:
    """Each method raises finding.Unusable and kube.errors."""

    def __init__(self, cluster: Cluster, plans: Container[str], touch: Callable[[str], None]) -> None:
        self._cluster = cluster
        self._plans = plans
        self._touch = touch

    async def edit(self, name: str, call: ConfigEdit, *, going: bool = False) -> OperatorReply:
        """`going`: also of a tenant that is being deleted."""
        find = finding.tenant if going else finding.living_tenant
        aimed: TenantSpec | None = None
        for _ in range(_TRIES):
            tenant = await find(self._cluster, name)
            current = finding.spec_of(tenant)
            if aimed is not None and current.etag() == aimed.etag():
                # Done by the try before, whose answer was lost.
                return self._changed(name, current, call.by)
            decision = edits.decide(current, tenant["spec"], call, plans=self._plans)
            if isinstance(decision, ReplyProblem):
                return OperatorReply(problem=decision)
            wanted = change(tenant, current, decision, take_over=call.take_over)
            if isinstance(wanted, ReplyProblem):
                return OperatorReply(problem=wanted)
            if wanted is None:
                return edits.reply(current)
            aimed = decision.spec
            try:
                applied = await self._carry_out(tenant, wanted)
            except Conflicts as error:
                return OperatorReply(problem=conflicts.seen_by_server(error.fields))
            except Conflict:
                # Its status, or somebody else's edit: decided anew on what stands there now.
                continue
            return self._changed(name, finding.spec_of(applied), call.by)
        return _RESTLESS

    async def hand_back(self, name: str, call: HandBack) -> OperatorReply:
        for _ in range(_TRIES):
            tenant = await finding.living_tenant(self._cluster, name)
            found = hand_back(tenant, call.fields)
            if isinstance(found, ReplyProblem):
                return OperatorReply(problem=found)
            try:
                if found:
                    await self._write_owners(tenant, ownership.released(tenant, found))
            except Conflict:
                continue
            log.info("config handed back by API", tenant=name, by=call.by)
            return OperatorReply(value={"fields": places(found)})
        return _RESTLESS

    async def _carry_out(self, tenant: Object, wanted: Change) -> Object:
        """Both steps hold for the very object that was decided on. Raises Conflict."""
        if wanted.claims:
            tenant = await self._write_owners(tenant, ownership.claimed(tenant, wanted.claims))
        metadata = tenant["metadata"]
        manifest: Object = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {key: metadata[key] for key in ("name", "uid", "resourceVersion")},
        }
        if wanted.spec:
            manifest["spec"] = wanted.spec
        return await self._cluster.apply(manifest, manager=names.DASHBOARD_MANAGER, force=False)

    async def _write_owners(self, tenant: Object, managed: list[Object]) -> Object:
        """Writes who owns what, and nothing else."""
        metadata = tenant["metadata"]
        same = {"op": "test", "path": "/metadata/resourceVersion", "value": metadata["resourceVersion"]}
        # An empty list would mean "as it was"; one empty entry means that nobody owns anything.
        owners = {"op": "replace", "path": "/metadata/managedFields", "value": managed or [{}]}
        return await self._cluster.json_patch(kinds.TENANT, None, metadata["name"], [same, owners])

    def _changed(self, name: str, spec: TenantSpec, by: str) -> OperatorReply:
        log.info("config changed by API", tenant=name, by=by)
        self._touch(name)
        return edits.reply(spec)
