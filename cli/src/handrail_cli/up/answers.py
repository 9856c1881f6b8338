"""Answers what only the operator may do, asked over NATS in the platform's account: config, keys, delete."""

from datetime import UTC, datetime

import msgspec

from handrail_cli.supervise.logs import LogStream
from handrail_cli.tenant_files.read import plain, round_trip
from handrail_cli.tenant_files.rewrite import rewrite
from handrail_cli.up.tenant import LocalTenant
from handrail_cli.up.tenants import LocalTenants
from handrail_contracts.nats_client import Client
from handrail_contracts.operator_calls import (
    ConfigEdit,
    HandBack,
    KeyCreate,
    KeyRevoke,
    OperatorReply,
    ReplyProblem,
    TenantDelete,
)
from handrail_operator import edits
from handrail_operator.calls.hand_back import places_unknown
from handrail_operator.calls.listening import (
    Listener,
    made,
    no_key,
    no_tenant,
    not_provisioned,
    problem,
    revoked,
)
from handrail_operator.provision.keyring import LiveKey


class Answers:
    """A Desk (see `calls.listening`): tenants have their home in files."""

    def __init__(self, tenants: LocalTenants, log: LogStream) -> None:
        self._tenants = tenants
        self._log = log

    async def listen(self, client: Client) -> None:
        await Listener(self, failed=self._tell_failed, at_once=1).listen(client)

    def _tell_failed(self, verb: str, name: str, error: Exception) -> None:
        self._log.say(
            "call failed", f"! {verb} of {name} failed: {error!r}", level="error", tenant=name, error=repr(error)
        )

    async def edit(self, tenant: str, call: ConfigEdit) -> OperatorReply:
        """A file has one owner, who may be overruled: `take_over` says nothing here."""
        found = self._tenants.tenants.get(tenant)
        return no_tenant(tenant) if found is None else await self._edit(found, call)

    async def hand_back(self, tenant: str, call: HandBack) -> OperatorReply:
        """Nothing of a file is the API's alone, so there is nothing to give up."""
        found = self._tenants.tenants.get(tenant)
        if found is None:
            return no_tenant(tenant)
        spec = found.spec.dump() if found.spec is not None else {}
        errors = places_unknown(call.fields, spec)
        return OperatorReply(problem=errors) if errors else OperatorReply(value={"fields": []})

    async def create_key(self, tenant: str, call: KeyCreate) -> OperatorReply:
        found = self._tenants.tenants.get(tenant)
        return no_tenant(tenant) if found is None else await self._create_key(found, call)

    async def revoke_key(self, tenant: str, call: KeyRevoke) -> OperatorReply:
        found = self._tenants.tenants.get(tenant)
        return no_tenant(tenant) if found is None else await self._revoke_key(found, call)

    async def delete(self, tenant: str, call: TenantDelete) -> OperatorReply:
        found = self._tenants.tenants.get(tenant)
        if found is None:
            return no_tenant(tenant)
        await self._tenants.delete(found, data=call.data)
        kept = "too" if call.data else "kept"
        self._log.say("tenant deleted", f"* {tenant}: deleted, its data {kept}", tenant=tenant, data=call.data)
        return OperatorReply(value={})

    async def _edit(self, tenant: LocalTenant, edit: ConfigEdit) -> OperatorReply:
        async with tenant.lock:
            wanted = await self._tenants.reread(tenant)
            if wanted is None:
                detail = "The tenant's file is missing or cannot be read, so it cannot be changed."
                return problem("unavailable", detail)
            document = wanted.document
            tree = list(round_trip().load_all(document.path.read_text(encoding="utf-8")))[document.index]
            plans = self._tenants.around.platform.access.plans
            decision = edits.decide(document.spec, plain(tree["spec"]), edit, plans=plans)
            if isinstance(decision, ReplyProblem):
                return OperatorReply(problem=decision)
            if decision.spec != document.spec:
                try:
                    rewrite(document, document.spec.dump(), decision.spec.dump(), decision.wanted)
                except OSError as error:
                    return problem("unavailable", f"The tenant's file cannot be written: {error.strerror}.")
                await self._tenants.reread(tenant)
                await tenant.converge()
                self._log.say(
                    "config changed by API",
                    f"* {tenant.name}: config changed through the API, {document.path.name} rewritten",
                    tenant=tenant.name,
                    by=edit.by,
                )
            return edits.reply(tenant.spec or decision.spec)

    async def _create_key(self, tenant: LocalTenant, call: KeyCreate) -> OperatorReply:
        async with tenant.lock:
            if tenant.secrets is None:
                return not_provisioned()
            key = LiveKey.new(call.kind, _now())
            keys = [*tenant.secrets.keys, key]
            await tenant.change_secrets(msgspec.structs.replace(tenant.secrets, keys=keys))
            return made(key)

    async def _revoke_key(self, tenant: LocalTenant, call: KeyRevoke) -> OperatorReply:
        async with tenant.lock:
            if tenant.secrets is None or all(key.key_id != call.key_id for key in tenant.secrets.keys):
                return no_key()
            keys = [key for key in tenant.secrets.keys if key.key_id != call.key_id]
            await tenant.change_secrets(msgspec.structs.replace(tenant.secrets, keys=keys))
            return revoked(call.key_id)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
