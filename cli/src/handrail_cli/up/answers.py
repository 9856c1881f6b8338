"""Answers what only the operator may do, asked over NATS in the platform's account: config, keys, delete."""

from datetime import UTC, datetime

import msgspec
from nats.aio.client import Client
from nats.aio.msg import Msg

from handrail_cli.supervise.logs import LogStream
from handrail_cli.tenant_files.read import plain, round_trip
from handrail_cli.tenant_files.rewrite import rewrite
from handrail_cli.up.tenant import LocalTenant
from handrail_cli.up.tenants import LocalTenants
from handrail_contracts import operator_calls, subjects
from handrail_contracts.operator_calls import (
    ConfigEdit,
    KeyCreate,
    KeyRevoke,
    OperatorReply,
    ReplyProblem,
    TenantDelete,
)
from handrail_operator import edits
from handrail_operator.provision.keyring import LiveKey


class Answers:
    def __init__(self, tenants: LocalTenants, log: LogStream) -> None:
        self._tenants = tenants
        self._log = log

    async def listen(self, client: Client) -> None:
        await client.subscribe(subjects.OPERATOR_ALL, cb=self._take)

    async def _take(self, message: Msg) -> None:
        _, verb, name = message.subject.split(".", 2)
        try:
            reply = await self.answer(verb, name, message.data)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            reply = _problem("bad_request", str(error))
        except Exception as error:  # noqa: BLE001 - one bad call must not end the listening
            self._log.say(
                "call failed", f"! {verb} of {name} failed: {error!r}", level="error", tenant=name, error=repr(error)
            )
            reply = _problem("internal")
        if message.reply:
            await message.respond(operator_calls.encode(reply))

    async def answer(self, verb: str, name: str, data: bytes) -> OperatorReply:
        """Raises msgspec.MsgspecError on a call that cannot be read."""
        tenant = self._tenants.tenants.get(name)
        if tenant is None:
            return _problem("not_found", f"There is no tenant {name} here.")
        match verb:
            case operator_calls.VERB_CONFIG:
                return await self._edit(tenant, msgspec.json.decode(data, type=ConfigEdit))
            case operator_calls.VERB_KEY_CREATE:
                return await self._create_key(tenant, msgspec.json.decode(data, type=KeyCreate))
            case operator_calls.VERB_KEY_REVOKE:
                return await self._revoke_key(tenant, msgspec.json.decode(data, type=KeyRevoke))
            case operator_calls.VERB_DELETE:
                call = msgspec.json.decode(data, type=TenantDelete)
                await self._tenants.delete(tenant, data=call.data)
                self._log.say(
                    "tenant deleted",
                    f"* {name}: deleted, its data {'too' if call.data else 'kept'}",
                    tenant=name,
                    data=call.data,
                )
                return OperatorReply(value={})
            case _:
                return _problem("not_found", f"There is no call {verb}.")

    async def _edit(self, tenant: LocalTenant, edit: ConfigEdit) -> OperatorReply:
        async with tenant.lock:
            wanted = await self._tenants.reread(tenant)
            if wanted is None:
                detail = "The tenant's file is missing or cannot be read, so it cannot be changed."
                return _problem("unavailable", detail)
            document = wanted.document
            tree = list(round_trip().load_all(document.path.read_text(encoding="utf-8")))[document.index]
            decision = edits.decide(document.spec, plain(tree["spec"]), edit)
            if isinstance(decision, ReplyProblem):
                return OperatorReply(problem=decision)
            if decision.spec.plan not in self._tenants.around.platform.access.plans:
                return OperatorReply(
                    problem=ReplyProblem(
                        "invalid", "The config is not valid.", [{"loc": ["plan"], "msg": "there is no such plan"}]
                    )
                )
            if decision.spec != document.spec:
                try:
                    rewrite(document, document.spec.dump(), decision.spec.dump(), decision.wanted)
                except OSError as error:
                    return _problem("unavailable", f"The tenant's file cannot be written: {error.strerror}.")
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
                return _problem("unavailable", "The tenant is not provisioned yet.")
            key = LiveKey.new(call.kind, _now())
            keys = [*tenant.secrets.keys, key]
            await tenant.change_secrets(msgspec.structs.replace(tenant.secrets, keys=keys))
            return OperatorReply(
                value={"key_id": key.key_id, "kind": key.kind, "created_at": key.created_at, "key": key.key}
            )

    async def _revoke_key(self, tenant: LocalTenant, call: KeyRevoke) -> OperatorReply:
        async with tenant.lock:
            if tenant.secrets is None or all(key.key_id != call.key_id for key in tenant.secrets.keys):
                return _problem("not_found", "There is no live key of this id.")
            keys = [key for key in tenant.secrets.keys if key.key_id != call.key_id]
            await tenant.change_secrets(msgspec.structs.replace(tenant.secrets, keys=keys))
            return OperatorReply(value={"key_id": call.key_id})


def _problem(code: str, detail: str = "") -> OperatorReply:
    return OperatorReply(problem=ReplyProblem(code, detail))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
