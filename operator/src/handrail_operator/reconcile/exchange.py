"""A tenant's Deployments giving way to others, as a change of plan has it. Both stand side by side, and those before
serve, until the new ones are available. Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from kubernetes.utils.quantity import parse_quantity

from handrail_operator.kube import kinds
from handrail_operator.manifests.objects import sealed
from handrail_operator.reconcile import rollout, steps
from handrail_operator.reconcile.rollout import Rollout
from handrail_operator.reconcile.steps import Key

Object = dict[str, Any]
_REQUESTED = {"requests.cpu": "cpu", "requests.memory": "memory"}
_LIMITED = {"limits.memory": "memory"}


def leaving(tenant: str, workloads: Iterable[Object], standing: Mapping[Key, Object]) -> list[Object]:
    """The Deployments that serve and are no longer wanted."""
    gone = steps.superfluous(tenant, map(steps.key, workloads), standing)
    return [one for one in gone if kinds.of(one) == kinds.DEPLOYMENT and _pods(one)]


def under_way(workloads: Iterable[Object], before: Iterable[Object], standing: Mapping[Key, Object]) -> bool:
    """Whether `before`, which are leaving, are needed still."""
    wanted = [standing.get(steps.key(one)) for one in workloads if kinds.of(one) == kinds.DEPLOYMENT]
    return any(before) and not all(rollout.of(one).available for one in wanted)


def behind_old_doors(workloads: Iterable[Object], standing: Mapping[Key, Object]) -> list[Object]:
    """What may be written while an exchange is under way: a Service leads to the pods before until it is through."""
    return [one for one in workloads if kinds.of(one) != kinds.SERVICE or steps.key(one) not in standing]


def roomy(foundation: Iterable[Object], before: Iterable[Object]) -> list[Object]:
    """The quota with room for the pods of `before` beside those that are wanted."""
    left = list(before)
    return [_widened(one, left) if left and kinds.of(one) == kinds.QUOTA else one for one in foundation]


def of_role(wanted: Object | None, before: Object | None) -> Rollout:
    """`before`: the Deployment in which the role ran by another plan, where it stands."""
    found = rollout.of(wanted)
    if found.available or before is None or "deletionTimestamp" in before["metadata"]:
        return found
    return replace(found, available=bool(_pods(before)) and rollout.of(before).available)


def _pods(deployment: Object) -> int:
    return int(deployment.get("spec", {}).get("replicas", 1))


def _widened(quota: Object, before: list[Object]) -> Object:
    hard = dict(quota["spec"]["hard"])
    hard["pods"] = str(int(hard["pods"]) + sum(map(_pods, before)))
    for place, part in ((_REQUESTED, "requests"), (_LIMITED, "limits")):
        for name, resource in place.items():
            more = sum((_pods(one) * _of_pod(one, part, resource) for one in before), Decimal(0))
            hard[name] = _written(_amount(hard[name]) + more, memory=resource == "memory")
    return sealed(quota | {"spec": {**quota["spec"], "hard": hard}})


def _of_pod(deployment: Object, part: str, resource: str) -> Decimal:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    amounts = (one.get("resources", {}).get(part, {}).get(resource, "0") for one in containers)
    return sum(map(_amount, amounts), Decimal(0))


def _amount(quantity: str) -> Decimal:
    return Decimal(parse_quantity(quantity))  # type: ignore[no-untyped-call]


def _written(amount: Decimal, *, memory: bool) -> str:
    value = amount / 2**20 if memory else amount * 1000
    return f"{int(value.to_integral_value(rounding='ROUND_CEILING'))}{'Mi' if memory else 'm'}"
