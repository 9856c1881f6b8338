"""What a running platform says of itself. No secrets in here."""

import msgspec

from handrail_contracts.status import Condition


class ProcessStatus(msgspec.Struct):
    name: str
    pid: int | None
    state: str
    """starting, running, waiting (to be started again), stopped."""
    restarts: int


class TenantStatus(msgspec.Struct):
    ready: bool
    expected: bool
    """Whether it should run: not suspended, its file there."""
    demo: str | None
    conditions: list[dict[str, object]]


class LiveStatus(msgspec.Struct):
    """The content of status.json."""

    pid: int
    started_at: str
    gateway: str
    demo: str | None
    ready: bool
    nats_url: str
    tenants: dict[str, TenantStatus]
    processes: list[ProcessStatus]


def condition_value(condition: Condition) -> dict[str, object]:
    return condition.model_dump(by_alias=True)
