"""What a tenant's namespace may use in all, and what a container gets that says nothing."""

from decimal import Decimal

from kubernetes.utils.quantity import parse_quantity

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.manifests.objects import child
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.manifests.sizes import components, pods, resources

_NAME = "handrail"
_COUNTS = {
    # Room for the tenant's own Secrets; bounded, for each costs the whole cluster.
    "count/configmaps": "100",
    "count/secrets": "100",
    "count/services": "10",
    "count/deployments.apps": "10",
    "count/replicasets.apps": "60",
    "count/jobs.batch": "20",
    # Nothing of a tenant is reachable from outside but by the gateway, and nothing of it is kept on disks.
    "services.loadbalancers": "0",
    "services.nodeports": "0",
    "persistentvolumeclaims": "0",
}


def quota(place: Place) -> Manifest:
    """As many pods as the plan has, each as large as the largest."""
    most, kinds_of_pods = pods(place), (*components(place), names.MIGRATE)
    cpu = most * max(_amount(resources(place, one).cpu) for one in kinds_of_pods)
    memory = most * max(_amount(resources(place, one).memory) for one in kinds_of_pods)
    sums = {
        "pods": str(most),
        "requests.cpu": _milli(cpu),
        "requests.memory": _mebi(memory),
        "limits.memory": _mebi(memory),
    }
    return child(place, kinds.QUOTA, _NAME, spec={"hard": sums | _COUNTS})


def limit_range(place: Place) -> Manifest:
    """The quota refuses containers that ask for nothing: a helper of the tenant's own asks for a little."""
    small = resources(place, names.MIGRATE)
    limit = {
        "type": "Container",
        "default": {"memory": small.memory},
        "defaultRequest": {"cpu": small.cpu, "memory": small.memory},
    }
    return child(place, kinds.LIMIT_RANGE, _NAME, spec={"limits": [limit]})


def _amount(quantity: str) -> Decimal:
    return Decimal(parse_quantity(quantity))  # type: ignore[no-untyped-call]


def _milli(cores: Decimal) -> str:
    return f"{int((cores * 1000).to_integral_value(rounding='ROUND_CEILING'))}m"


def _mebi(size: Decimal) -> str:
    return f"{int((size / 2**20).to_integral_value(rounding='ROUND_CEILING'))}Mi"
