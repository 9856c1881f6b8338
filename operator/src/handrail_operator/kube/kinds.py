"""The kinds of objects the operator reads and writes, as the API server spells them."""

from dataclasses import dataclass
from typing import Any

from handrail_contracts import crd, names


@dataclass(frozen=True)
class Kind:
    api_version: str
    kind: str
    plural: str
    namespaced: bool = True

    def path(self, namespace: str | None = None, name: str | None = None) -> str:
        """Of the collection, or of one object. Without a namespace: of all namespaces."""
        root = "/api/v1" if self.api_version == "v1" else f"/apis/{self.api_version}"
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        return f"{root}{place}/{self.plural}" + (f"/{name}" if name else "")

    @property
    def group(self) -> str:
        return self.api_version.rpartition("/")[0]

    @property
    def version(self) -> str:
        return self.api_version.rpartition("/")[2]


TENANT = Kind(names.API_VERSION, names.KIND, crd.PLURAL, namespaced=False)
NAMESPACE = Kind("v1", "Namespace", "namespaces", namespaced=False)
SECRET = Kind("v1", "Secret", "secrets")
EVENT = Kind("events.k8s.io/v1", "Event", "events")
LEASE = Kind("coordination.k8s.io/v1", "Lease", "leases")

ROLE_BINDING = Kind("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings")
SERVICE_ACCOUNT = Kind("v1", "ServiceAccount", "serviceaccounts")
QUOTA = Kind("v1", "ResourceQuota", "resourcequotas")
LIMIT_RANGE = Kind("v1", "LimitRange", "limitranges")
NETWORK_POLICY = Kind("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies")
SERVICE = Kind("v1", "Service", "services")
JOB = Kind("batch/v1", "Job", "jobs")
DEPLOYMENT = Kind("apps/v1", "Deployment", "deployments")
DISRUPTION_BUDGET = Kind("policy/v1", "PodDisruptionBudget", "poddisruptionbudgets")
AUTOSCALER = Kind("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers")

WATCHED = (
    ROLE_BINDING,
    SERVICE_ACCOUNT,
    QUOTA,
    LIMIT_RANGE,
    NETWORK_POLICY,
    SERVICE,
    JOB,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    AUTOSCALER,
)
"""Children that are watched over all namespaces by their label. Secrets are not: see `watching.secrets`."""

CHILDREN = (SECRET, *WATCHED)
"""What is pruned in a tenant's namespace when it is no longer wanted."""

_BY_NAME = {(kind.api_version, kind.kind): kind for kind in (TENANT, NAMESPACE, EVENT, LEASE, *CHILDREN)}


def of(manifest: dict[str, Any]) -> Kind:
    """The kind of an object. Raises KeyError for one the operator does not know."""
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]
