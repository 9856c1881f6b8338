"""`handrail-operator may-uninstall`: no while there are tenants, since nobody would be left to end them."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import NotFound

_NAMED = 10


class UninstallSettings(BaseSettings):
    """Environment variables HANDRAIL_…"""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    namespace: str = Field("handrail", description="Namespace of the platform.")
    release: str = Field("handrail", description="Name of the release that is to go.")
    revision: int = Field(0, ge=0, description="Its revision; 0: whatever `helm history` shows last.")


async def reason_to_stay(settings: UninstallSettings, kubeconfig: Path | None) -> str:
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
        f"then uninstall again. To keep the platform instead: {_way_back(settings)} (Helm takes no upgrade of a "
        "release that was to go)."
    )


def _way_back(settings: UninstallSettings) -> str:
    revision = str(settings.revision) if settings.revision else "REVISION"
    said = f"helm rollback {settings.release} {revision} --namespace {settings.namespace}"
    return said if settings.revision else f"{said}, the last one of `helm history`"
