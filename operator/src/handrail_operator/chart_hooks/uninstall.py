"""`handrail-operator may-uninstall`: no while there are tenants, since nobody would be left to end them."""

from pathlib import Path

from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import NotFound

_NAMED = 10


async def reason_to_stay(kubeconfig: Path | None) -> str:
    """Empty: nothing is in the way. Raises ApiError, AccessMissing."""
    async with Cluster.connect(kubeconfig=kubeconfig) as cluster:
        try:
            found = await cluster.list(kinds.TENANT)
        except NotFound:
            return ""
    if not found:
        return ""
    tenants = sorted(one["metadata"]["name"] for one in found)
    more = f" and {len(tenants) - _NAMED} more" if len(tenants) > _NAMED else ""
    return (
        f"{len(tenants)} tenants are left: {', '.join(tenants[:_NAMED])}{more}. Without the operator nothing could end "
        "them. First: kubectl delete onboardingtenants --all (keeps the data of those with deletionPolicy Retain), "
        "then uninstall again."
    )
