"""Plans: what a tenant gets, by the name in its spec. A setting of the platform, not of the tenant."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec import Meta

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


Component = Annotated[str, Meta(pattern="^(ingest|agent|realtime|runtime|migrate)$")]
PlanName = Annotated[str, Meta(pattern="^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class PlanLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """What the gateway lets through: as in a tenant's record, with the bounds of what can be meant."""

    events_per_second: Annotated[int, Meta(ge=1, description="Events a second of the whole tenant")] = 2000
    requests_per_minute: Annotated[int, Meta(ge=1, description="Requests a minute of one key from one address")] = 6000
    key_requests_per_minute: Annotated[
        int,
        Meta(ge=0, description="Requests a minute of one key from all addresses; 0: forty times that of one address"),
    ] = 0
    new_users_per_minute: Annotated[
        int, Meta(ge=0, description="Users a minute not seen before, of one address; 0: a fifth of its requests")
    ] = 0
    sockets: Annotated[int, Meta(ge=1, description="Open browsers, counted by each gateway for itself")] = 10_000
    sockets_per_user: Annotated[int, Meta(ge=1, description="Of these, of one user")] = 10


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename="camel"):
    """Sizes are bytes, and count what is not yet worked off."""

    limits: PlanLimits
    events_bytes: Annotated[int, Meta(ge=_MIB, description="Bytes of events that may wait; then they are refused")]
    signals_bytes: Annotated[int, Meta(ge=_MIB, description="Bytes of signals that may wait for the agent")]
    database_connections: Annotated[
        int, Meta(ge=4, description="PostgreSQL connections of the tenant; an idle pod holds 4")
    ]
    nats_connections: Annotated[
        int, Meta(ge=4, description="NATS connections of the tenant; a pod has one for each of its roles")
    ] = 64
    ack_wait: Annotated[
        float,
        Meta(ge=1, description="Seconds after which what was taken and not acknowledged is delivered again"),
    ] = 30.0
    combined: Annotated[bool, Meta(description="All roles in one process")] = False
    resources: Annotated[
        dict[Component, Resources],
        Meta(
            description="What one pod gets: `cpu` (requested) and `memory` (requested, and the limit), by component: "
            "`ingest`, `agent`, `realtime`, `runtime` (all in one), `migrate`; one that is left out as built in"
        ),
    ] = msgspec.field(default_factory=lambda: dict(_POD))
    max_pods: Annotated[
        int,
        Meta(ge=0, description="Pods of the tenant, rolling updates included; as many as its roles need are let in"),
    ] = 12


class UnknownPlan(TenantError):
    """The spec names a plan that the platform does not have."""

    reason = "UnknownPlan"
    lasting = True

    def __init__(self, name: str, known: Mapping[str, Plan]) -> None:
        super().__init__(f"there is no plan {name!r}; the platform's plans are {', '.join(sorted(known))}")


DEFAULT: dict[str, Plan] = {
    "small": Plan(
        limits=PlanLimits(events_per_second=500, requests_per_minute=3000, sockets=2000),
        events_bytes=256 * _MIB,
        signals_bytes=64 * _MIB,
        database_connections=16,
        combined=True,
    ),
    "standard": Plan(
        limits=PlanLimits(),
        events_bytes=1024 * _MIB,
        signals_bytes=128 * _MIB,
        database_connections=24,
    ),
    "business": Plan(
        limits=PlanLimits(events_per_second=10_000, requests_per_minute=30_000, sockets=50_000),
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
