"""A tenant's conditions, as Kubernetes users know them. Pure: what is seen in, conditions out."""

from dataclasses import dataclass, field

from handrail_contracts.status import DEGRADED, PROGRESSING, READY, ROLES, Condition, settled


@dataclass(frozen=True)
class Seen:
    """What is known of a tenant right now."""

    generation: int = 0
    provisioned: bool = False
    suspended: bool = False
    missing: bool = False
    """Its file is gone."""
    roles: dict[str, bool] = field(default_factory=dict)
    """Role -> whether all processes that run it answer."""
    waiting: list[str] = field(default_factory=list)
    """Processes that ended and are to be started again, with the reason."""
    problems: list[tuple[str, str]] = field(default_factory=list)
    """Reason and message of what is wrong, the worst first."""

    @property
    def ready(self) -> bool:
        if self.missing or not self.provisioned:
            return False
        return self.suspended or all(self.roles.values())


def conditions(seen: Seen, before: list[Condition], now: str) -> list[Condition]:
    """`now` is RFC 3339. A condition keeps its time of transition until its status changes."""
    wanted = [_ready(seen), _progressing(seen), _degraded(seen), _provisioned(seen), *_components(seen)]
    return settled(wanted, before, generation=seen.generation, now=now)


def _condition(kind: str, holds: bool, reason: str, message: str = "") -> Condition:
    return Condition(type=kind, status="True" if holds else "False", reason=reason, message=message)


def _ready(seen: Seen) -> Condition:
    if seen.missing:
        return _condition(READY, False, "FileMissing", "The tenant's file is gone; nothing was deleted.")
    if not seen.provisioned:
        reason, message = seen.problems[0] if seen.problems else ("Provisioning", "")
        return _condition(READY, False, reason, message)
    if seen.suspended:
        return _condition(READY, True, "Suspended", "The runtime is stopped; events are still taken.")
    late = [role for role, ready in seen.roles.items() if not ready]
    if late:
        return _condition(READY, False, "NotAnswering", f"Waiting for {', '.join(late)}.")
    return _condition(READY, True, "Running")


def _progressing(seen: Seen) -> Condition:
    moving = not (seen.ready or seen.missing) and not (seen.problems and not seen.provisioned)
    return _condition(PROGRESSING, moving, "Starting" if moving else "Settled")


def _degraded(seen: Seen) -> Condition:
    if seen.problems:
        reason, _ = seen.problems[0]
        return _condition(DEGRADED, True, reason, " ".join(message for _, message in seen.problems))
    if seen.waiting:
        return _condition(DEGRADED, True, "Restarting", "; ".join(seen.waiting))
    return _condition(DEGRADED, False, "AsExpected")


def _provisioned(seen: Seen) -> Condition:
    return _condition("Provisioned", seen.provisioned, "Provisioned" if seen.provisioned else "Pending")


def _components(seen: Seen) -> list[Condition]:
    def reason(ready: bool) -> str:
        return "Answering" if ready else "NotAnswering"

    return [_condition(ROLES[role], ready, reason(ready)) for role, ready in seen.roles.items()]
