"""All of a tenant in Kubernetes, in the order in which it must come to stand."""

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.manifests import workloads as parts
from handrail_operator.manifests.bounds import limit_range, quota
from handrail_operator.manifests.migration import migration, migration_key
from handrail_operator.manifests.network import policies
from handrail_operator.manifests.objects import child, owner, sealed
from handrail_operator.manifests.place import Home, Manifest, Place
from handrail_operator.manifests.secrets import secrets
from handrail_operator.manifests.sizes import over_plan, sizes

__all__ = [
    "everything",
    "foundation",
    "migration",
    "migration_key",
    "namespace",
    "over_plan",
    "realtime_url",
    "rights",
    "sealed",
    "workloads",
]

_POD_SECURITY = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}


def namespace(name: str, tenant_uid: str) -> Manifest:
    """The tenant's own. `name`: the tenant's."""
    labels = {names.LABEL_TENANT: name, names.LABEL_MANAGED_BY: names.FIELD_MANAGER} | _POD_SECURITY
    return sealed(
        {
            "apiVersion": kinds.NAMESPACE.api_version,
            "kind": kinds.NAMESPACE.kind,
            "metadata": {
                "name": names.namespace(name),
                "labels": labels,
                "ownerReferences": [owner(name, tenant_uid)],
            },
        }
    )


def rights(place: Home) -> list[Manifest]:
    """Lets the operator work in this namespace, and so comes before all else; nothing where it may anyway."""
    access = place.installation.tenant_access
    if access is None:
        return []
    subject = {"kind": "ServiceAccount", "name": access.service_account, "namespace": place.platform_namespace}
    role = {"apiGroup": kinds.ROLE_BINDING.group, "kind": "ClusterRole", "name": access.cluster_role}
    return [child(place, kinds.ROLE_BINDING, names.FIELD_MANAGER, roleRef=role, subjects=[subject])]


def foundation(place: Place) -> list[Manifest]:
    """What must stand before the first pod: bounds, walls, credentials."""
    return [
        child(place, kinds.SERVICE_ACCOUNT, names.RUNTIME_ACCOUNT, automountServiceAccountToken=False),
        quota(place),
        limit_range(place),
        *policies(place),
        *secrets(place),
    ]


def workloads(place: Place) -> list[Manifest]:
    """What runs, once the database has its tables."""
    made = []
    for size in sizes(place):
        made.append(parts.deployment(place, size))
        if "realtime" in size.roles:
            made.append(parts.realtime_service(place, size))
        made.append(parts.disruption_budget(place, size))
        if size.scales:
            made.append(parts.autoscaler(place, size))
    return made


def everything(place: Place) -> list[Manifest]:
    """All but the namespace."""
    return [*rights(place), *foundation(place), migration(place), *workloads(place)]


def realtime_url(place: Place) -> str:
    """Where the gateway finds the tenant's realtime instances."""
    return names.realtime_url(place.namespace)
