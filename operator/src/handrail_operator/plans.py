"""Plans: what a tenant gets, by the name in its spec. A setting of the platform, not of the tenant."""

from collections.abc import Mapping
from typing import Annotated

import msgspec

from handrail_contracts.record import Limits
from handrail_operator.errors import TenantError

_MIB = 1024 * 1024


Quantity = Annotated[str, msgspec.Meta(pattern=r"^[0-9]+(\.[0-9]+)?([EPTGMk]|[EPTGMK]i|m)?$")]
"""As Kubernetes writes it: 100m, 256Mi."""


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """Of one pod, as Kubernetes writes quantities. CPU has no limit: a throttled pod is late, not safer."""

    cpu: Quantity
    """Requested."""
    memory: Quantity
    """Requested, and the limit."""


_POD = {
    "ingest": Resources("100m", "256Mi"),
    "agent": Resources("100m", "384Mi"),
    "realtime": Resources("50m", "256Mi"),
    "runtime": Resources("100m", "512Mi"),
    "migrate": Resources("50m", "256Mi"),
}


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Sizes are bytes, and count what is not yet worked off."""

    limits: Limits
    events_bytes: int
    signals_bytes: int
    database_connections: int
    """Of the app role: the roles' pools together."""
    nats_connections: int = 64
    ack_wait: float = 30.0
    """Seconds after which a message that was taken and not acknowledged is delivered again."""
    combined: bool = False
    """All roles in one process."""
    resources: dict[str, Resources] = msgspec.field(default_factory=lambda: dict(_POD))
    """Component (a role, `runtime` for all in one, `migrate`) -> what one pod of it gets."""
    max_pods: int = 12
    """Of the whole tenant, rolling updates included; the namespace's quota follows from it."""


class UnknownPlan(TenantError):
    """The spec names a plan that the platform does not have."""

    reason = "UnknownPlan"
    lasting = True

    def __init__(self, name: str, known: Mapping[str, Plan]) -> None:
        super().__init__(f"there is no plan {name!r}; the platform's plans are {', '.join(sorted(known))}")


DEFAULT: dict[str, Plan] = {
    "small": Plan(
        limits=Limits(events_per_second=500, requests_per_minute=3000, sockets=2000),
        events_bytes=256 * _MIB,
        signals_bytes=64 * _MIB,
        database_connections=16,
        combined=True,
    ),
    "standard": Plan(
        limits=Limits(),
        events_bytes=1024 * _MIB,
        signals_bytes=128 * _MIB,
        database_connections=24,
    ),
    "business": Plan(
        limits=Limits(events_per_second=10_000, requests_per_minute=30_000, sockets=50_000),
        events_bytes=8192 * _MIB,
        signals_bytes=512 * _MIB,
        database_connections=60,
        nats_connections=256,
    ),
}


def with_ack_wait(plans: Mapping[str, Plan], seconds: float) -> dict[str, Plan]:
    """The same plans, with another wait for acknowledgements."""
    return {name: msgspec.structs.replace(plan, ack_wait=seconds) for name, plan in plans.items()}


def find(plans: Mapping[str, Plan], name: str) -> Plan:
    """Raises UnknownPlan."""
    try:
        return plans[name]
    except KeyError:
        raise UnknownPlan(name, plans) from None
