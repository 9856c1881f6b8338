"""The calls' answers where the custom resource is the tenants' home. Run by the leader alone."""

from collections.abc import Awaitable, Callable, Container

import structlog

from handrail_contracts.operator_calls import ConfigEdit, HandBack, KeyCreate, KeyRevoke, OperatorReply, TenantDelete
from handrail_operator.calls import finding, listening
from handrail_operator.calls.config import Config
from handrail_operator.calls.finding import Unusable
from handrail_operator.calls.keys import Keys
from handrail_operator.calls.listening import problem
from handrail_operator.errors import KeyringMissing, KeyringUnusable
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError, Forbidden, Invalid
from handrail_operator.reconcile.keyrings import Keyrings

log = structlog.get_logger()


class Answers:
    """A Desk (see `listening`)."""

    def __init__(
        self,
        cluster: Cluster,
        keyrings: Keyrings,
        plans: Container[str],
        *,
        touch: Callable[[str], None],
        publish: Callable[[str], Awaitable[None]],
    ) -> None:
        """`touch` asks for a look at a tenant, at once. `publish` brings its record up to date, keys included, and
        raises when it could not."""
        self._cluster = cluster
        self._touch = touch
        self._config = Config(cluster, plans, touch)
        self._keys = Keys(cluster, keyrings, touch=touch, publish=publish)

    async def edit(self, tenant: str, call: ConfigEdit) -> OperatorReply:
        return await _guarded(tenant, self._config.edit(tenant, call))

    async def hand_back(self, tenant: str, call: HandBack) -> OperatorReply:
        return await _guarded(tenant, self._config.hand_back(tenant, call))

    async def create_key(self, tenant: str, call: KeyCreate) -> OperatorReply:
        return await _guarded(tenant, self._keys.create(tenant, call))

    async def revoke_key(self, tenant: str, call: KeyRevoke) -> OperatorReply:
        return await _guarded(tenant, self._keys.revoke(tenant, call))

    async def delete(self, tenant: str, call: TenantDelete) -> OperatorReply:
        return await _guarded(tenant, self._delete(tenant, call))

    async def _delete(self, name: str, call: TenantDelete) -> OperatorReply:
        """The call says whether the data goes, whatever the spec said before."""
        policy = "Delete" if call.data else "Retain"
        tenant = await finding.tenant(self._cluster, name)
        if tenant["spec"].get("deletionPolicy") != policy:
            edit = ConfigEdit("merge", {"deletionPolicy": policy}, platform=True, take_over=True)
            reply = await self._config.edit(name, edit, going=True)
            if reply.problem is not None:
                return reply
        await self._cluster.delete(kinds.TENANT, None, name, uid=tenant["metadata"]["uid"])
        log.info("tenant deleted by call", tenant=name, data=call.data)
        self._touch(name)
        return OperatorReply(value={})


async def _guarded(name: str, work: Awaitable[OperatorReply]) -> OperatorReply:
    """What a person can act on, whatever the cluster says."""
    try:
        return await work
    except Unusable as error:
        return error.reply
    except KeyringMissing:
        return listening.not_provisioned()
    except KeyringUnusable as error:
        log.error("keyring unusable", tenant=name, error=str(error))
        return problem("unavailable", "The tenant's keys cannot be read; its condition says why.")
    except Invalid as error:
        log.warning("change refused by the API server", tenant=name, error=str(error))
        return problem("invalid", error.message)
    except Forbidden as error:
        log.error("change not allowed by the API server", tenant=name, error=str(error))
        return problem("unavailable", "The cluster does not allow this; the operator's log says why.")
    except ApiError as error:
        log.warning("API server unusable", tenant=name, error=str(error))
        return problem("unavailable", "The cluster's API server does not answer. Ask again in a while.")
