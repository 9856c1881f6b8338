"""How many pods of what: the spec's wishes, bounded by the plan. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from handrail_contracts import names
from handrail_operator.manifests.place import Place
from handrail_operator.plans import DEFAULT, Resources


@dataclass(frozen=True)
class Size:
    """One Deployment."""

    component: str
    roles: tuple[str, ...]
    replicas: int
    """At least."""
    most: int
    """At most, by load."""

    @property
    def scales(self) -> bool:
        """Whether an autoscaler says how many."""
        return self.replicas < self.most


def sizes(place: Place) -> tuple[Size, ...]:
    """As they are to run now: none while suspended, and never more than the plan has room for."""
    wanted = _wanted(place)
    if place.spec.suspend:
        return tuple(replace(one, replicas=0, most=0) for one in wanted)
    return _fitted(wanted, _room(place))


def over_plan(place: Place) -> str:
    """What the plan cuts off, for a person; empty where all the spec asks for fits."""
    asked, room = sum(one.most for one in _wanted(place)), _room(place)
    if asked <= room:
        return ""
    return (
        f"The spec asks for up to {asked} pods; plan {place.spec.plan} has room for {room} beside those of an update, "
        f"and the largest roles get fewer. Lower maxReplicas under spec.runtime, or choose a larger plan."
    )


def pods(place: Place) -> int:
    """Of the whole namespace, at most: each role once, what an update adds, and the migration, whatever the plan."""
    return max(place.plan.max_pods, 2 * _components(place) + 1)


def resources(place: Place, component: str) -> Resources:
    """Of one pod. A plan that says nothing of a component means the usual."""
    return place.plan.resources.get(component) or DEFAULT["standard"].resources[component]


def components(place: Place) -> tuple[str, ...]:
    """Of the Deployments that this plan makes."""
    return (names.ALL_ROLES,) if place.plan.combined else names.ROLES


def _components(place: Place) -> int:
    return len(components(place))


def _room(place: Place) -> int:
    """Pods that may run at rest: one more of each Deployment while it is updated, and the migration's."""
    return pods(place) - _components(place) - 1


def _wanted(place: Place) -> tuple[Size, ...]:
    asked = {role: getattr(place.spec.runtime, role) for role in names.ROLES}
    if not place.plan.combined:
        return tuple(_size(role, (role,), one.replicas, one.max_replicas) for role, one in asked.items())
    running = tuple(role for role, one in asked.items() if one.replicas) or names.ROLES
    least = max(asked[role].replicas for role in running)
    return (_size(names.ALL_ROLES, running, least, max(asked[role].max_replicas for role in running)),)


def _size(component: str, roles: tuple[str, ...], replicas: int, most: int) -> Size:
    """An autoscaler that begins with nothing would never begin, so what has no pods gets none."""
    return Size(component, roles, replicas, most if replicas else 0)


def _fitted(wanted: Iterable[Size], room: int) -> tuple[Size, ...]:
    """The largest give way first, so that no role is starved by another."""
    most = {one.component: one.most for one in wanted}
    while sum(most.values()) > room:
        largest = max(most, key=lambda component: most[component])
        most[largest] -= 1
    return tuple(
        replace(one, replicas=min(one.replicas, most[one.component]), most=most[one.component]) for one in wanted
    )
