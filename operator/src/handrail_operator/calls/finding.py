"""The tenant that a call names, as the API server has it."""

from pydantic import ValidationError

from handrail_contracts import names
from handrail_contracts.operator_calls import OperatorReply
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.calls import listening
from handrail_operator.calls.listening import problem
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster, Object


class Unusable(Exception):
    """The call cannot be done; carries the answer."""

    def __init__(self, reply: OperatorReply) -> None:
        super().__init__(reply.problem.detail if reply.problem else "")
        self.reply = reply


async def tenant(cluster: Cluster, name: str) -> Object:
    """Raises Unusable, ApiError."""
    found = await cluster.get(kinds.TENANT, None, name) if names.is_tenant_name(name) else None
    if found is None:
        raise Unusable(listening.no_tenant(name))
    return found


async def living_tenant(cluster: Cluster, name: str) -> Object:
    """Raises Unusable, also where the tenant is on its way out, and ApiError."""
    found = await tenant(cluster, name)
    if "deletionTimestamp" in found["metadata"]:
        raise Unusable(problem("unavailable", "The tenant is being deleted; nothing of it can be changed any more."))
    return found


def spec_of(found: Object) -> TenantSpec:
    """Raises Unusable."""
    try:
        return TenantSpec.model_validate(found["spec"])
    except ValidationError as error:
        places = ", ".join(".".join(map(str, one["loc"])) or "spec" for one in error.errors()[:5])
        detail = f"The tenant's spec cannot be read ({places}): whoever applied it must mend it there."
        raise Unusable(problem("unavailable", detail)) from error
