"""What the operator may do in a cluster, as RBAC rules. Pure; the chart's roles are made of it.

Over the whole cluster it reads what it watches and writes tenants' status, namespaces and one RoleBinding in each of
them. All else, and Secrets above all, it may touch only where that RoleBinding lets it: in tenants' namespaces.
"""

from collections.abc import Sequence
from typing import Any

from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

Rule = dict[str, Any]

_READ = ("get", "list", "watch")
_WRITE = ("create", "patch", "delete")


def of_cluster(tenant_role: str) -> list[Rule]:
    """A ClusterRole, bound for the whole cluster. `tenant_role`: the ClusterRole of `in_tenants`, by its name."""
    return [
        _rule([kinds.TENANT], *_READ, "patch", "delete"),
        _rule([kinds.TENANT], "patch", part="status"),
        # For its finalizer, where the API server checks who may hold up a deletion.
        _rule([kinds.TENANT], "update", part="finalizers"),
        _rule([kinds.NAMESPACE], *_READ, *_WRITE),
        *(_rule([kind], "list", "watch") for kind in kinds.WATCHED),
        # One that names a role its maker does not hold itself needs `bind`, on exactly that role.
        _rule([kinds.ROLE_BINDING], "get", "create", "patch"),
        {
            "apiGroups": [kinds.ROLE_BINDING.group],
            "resources": ["clusterroles"],
            "verbs": ["bind"],
            "resourceNames": [tenant_role],
        },
        # Kopf looks which kinds there are.
        {
            "apiGroups": ["apiextensions.k8s.io"],
            "resources": ["customresourcedefinitions"],
            "verbs": ["list", "watch"],
        },
    ]


def in_tenants() -> list[Rule]:
    """A ClusterRole, bound in each tenant's namespace by the operator itself."""
    return [
        *(_rule([kind], *_READ, *_WRITE) for kind in kinds.CHILDREN),
        # The number of pods changes hands before an autoscaler has it.
        _rule([kinds.DEPLOYMENT], "patch", part="scale"),
    ]


def in_platform() -> list[Rule]:
    """A Role in the platform's namespace: the Lease, the keyrings."""
    return [_rule([kinds.LEASE], "get", "create", "update", "patch"), _rule([kinds.SECRET], "get", *_WRITE)]


def of_events() -> list[Rule]:
    """A Role in the namespace `default`, where the events of objects without a namespace stand."""
    return [_rule([kinds.EVENT], "create")]


def _rule(of: Sequence[Kind], *verbs: str, part: str = "") -> Rule:
    return {
        "apiGroups": sorted({kind.group for kind in of}),
        "resources": [f"{kind.plural}/{part}" if part else kind.plural for kind in of],
        "verbs": list(verbs),
    }
