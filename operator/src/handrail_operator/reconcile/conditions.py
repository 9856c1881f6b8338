"""What a tenant's status says. Pure: what a look found out in, conditions out."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from handrail_contracts import names, status
from handrail_contracts.status import Condition
from handrail_operator.errors import TenantError
from handrail_operator.reconcile.rollout import Migration, Rollout

_PROVISIONING = "Its place on the servers is being made."
_MIGRATING = "Its tables are being brought up to date."
SERVERS = (status.MESSAGING, status.DATABASE, status.CACHE)


class ToldBefore(TenantError):
    """What the status says of a problem that was not looked into again yet."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass
class Findings:
    """Of one look at one tenant."""

    namespace: str = ""
    problems: dict[str, TenantError] = field(default_factory=dict)
    """Component (type of its condition) -> what is wrong with it."""
    ensured: bool = False
    """The servers were asked; `problems` has those that do not hold what the tenant needs."""
    migration: Migration = "none"
    missing: list[str] = field(default_factory=list)
    """Why references of the spec lead nowhere."""
    warnings: list[tuple[str, str]] = field(default_factory=list)
    """Reason and text of what works and is not as it should be."""
    rollouts: dict[str, Rollout] = field(default_factory=dict)
    """Role -> how far it is."""
    suspended: bool = False
    data_path: TenantError | bool | None = None
    """What a probe met; True: it came through; None: not tried yet."""
    deleting: str = ""
    """What deletion waits for."""
    complete: bool = False
    """The look got to its end. Else what it did not get to is as it was."""

    @property
    def provisioned(self) -> bool:
        """All three servers hold what the tenant needs."""
        return self.ensured and not self.problems.keys() & set(SERVERS)

    @property
    def running(self) -> bool:
        return bool(self.rollouts) and all(one.available for one in self.rollouts.values())

    @property
    def ready(self) -> bool:
        if self.problems or not self.provisioned or self.deleting:
            return False
        # While new tables or pods are made, those before serve.
        return self.suspended or self.running

    @property
    def moving(self) -> bool:
        if self.deleting:
            return True
        if self.problems or self.suspended:
            return False
        return self.migration != "done" or any(one.moving for one in self.rollouts.values())


def conditions(found: Findings, before: Sequence[Condition] = ()) -> list[Condition]:
    """`before`: as the status has them now."""
    found = replace(found, data_path=_last_heard(found, before))
    told = [_ready(found), _condition(status.PROGRESSING, found.moving, *_movement(found)), _degraded(found)]
    parts = [
        _namespace(found),
        *(_server(found, kind) for kind in SERVERS),
        _secrets(found),
        *(_role(found, role) for role in found.rollouts),
        _data_path(found),
    ]
    if found.complete:
        return told + parts
    known = {one.type for one in told} | found.problems.keys()
    kept = {one.type: one for one in before if one.type not in known}
    return told + [kept.pop(one.type, one) for one in parts] + list(kept.values())


def _condition(kind: str, holds: bool | None, reason: str, message: str = "") -> Condition:
    value = "Unknown" if holds is None else "True" if holds else "False"
    return Condition.model_validate({"type": kind, "status": value, "reason": reason, "message": message[:2000]})


def _ready(found: Findings) -> Condition:
    if found.deleting:
        return _condition(status.READY, False, "Deleting", found.deleting)
    if found.problems:
        kind, problem = next(iter(found.problems.items()))
        return _condition(status.READY, False, problem.reason, _named(kind, problem))
    if not found.provisioned:
        return _condition(status.READY, False, "Provisioning", _PROVISIONING)
    if found.suspended:
        return _condition(status.READY, True, "Suspended", "The runtime is stopped; events are still taken.")
    if found.migration != "done" and not found.running:
        return _condition(status.READY, False, "Migrating", _MIGRATING)
    if late := {role: one for role, one in found.rollouts.items() if not one.available}:
        return _condition(status.READY, False, "NotAvailable", _joined(_of_deployments(late)))
    keys = f"API keys: Secret {names.KEYS_SECRET} of namespace {found.namespace}."
    return _condition(status.READY, True, "Running", keys)


def _movement(found: Findings) -> tuple[str, str]:
    if found.deleting:
        return "Deleting", found.deleting
    if not found.moving:
        return "Settled", ""
    if found.migration != "done":
        return ("Migrating", _MIGRATING) if found.provisioned else ("Provisioning", _PROVISIONING)
    return "RollingOut", _joined(_of_deployments({role: one for role, one in found.rollouts.items() if one.moving}))


def _degraded(found: Findings) -> Condition:
    wrong = [(problem.reason, _named(kind, problem)) for kind, problem in found.problems.items()]
    if found.missing:
        wrong.append(("SecretMissing", _joined(found.missing)))
    wrong += found.warnings
    if isinstance(found.data_path, TenantError):
        wrong.append((found.data_path.reason, f"{status.DATA_PATH}: {found.data_path}"))
    broken = {role: one for role, one in found.rollouts.items() if _broken(one)}
    wrong += [("NotAvailable", text) for text in _of_deployments(broken)]
    if not wrong:
        return _condition(status.DEGRADED, False, "AsExpected")
    return _condition(status.DEGRADED, True, wrong[0][0], _joined(text for _, text in wrong))


def _of_deployments(rollouts: Mapping[str, Rollout]) -> list[str]:
    """Each once, whose pods run several roles or one."""
    return list(dict.fromkeys(f"{one.deployment or role}: {one.message}" for role, one in rollouts.items()))


def _joined(texts: Iterable[str]) -> str:
    """Sentences apart from each other."""
    return "; ".join(text.removesuffix(".") for text in texts) + "."


def _named(kind: str, problem: TenantError) -> str:
    text = str(problem)
    return text if text.startswith(kind) else f"{kind}: {text}"


def _broken(one: Rollout) -> bool:
    return bool(one.message) and not one.moving


def _namespace(found: Findings) -> Condition:
    if problem := found.problems.get(status.NAMESPACE):
        return _condition(status.NAMESPACE, False, problem.reason, str(problem))
    return _condition(status.NAMESPACE, bool(found.namespace), "Active" if found.namespace else "Pending")


def _server(found: Findings, kind: str) -> Condition:
    if problem := found.problems.get(kind):
        return _condition(kind, False, problem.reason, str(problem))
    if not found.ensured:
        return _condition(kind, None, "Pending")
    if kind == status.DATABASE and found.migration != "done" and not found.suspended:
        return _condition(kind, False, "Migrating", _MIGRATING)
    return _condition(kind, True, "Provisioned")


def _secrets(found: Findings) -> Condition:
    if found.missing:
        return _condition(status.SECRETS, False, "SecretMissing", _joined(found.missing))
    if not found.namespace:
        return _condition(status.SECRETS, None, "Pending")
    return _condition(status.SECRETS, True, "Resolved")


def _role(found: Findings, role: str) -> Condition:
    kind, one = status.ROLES[role], found.rollouts[role]
    if found.suspended:
        return _condition(kind, False, "Suspended")
    if one.available:
        return _condition(kind, True, "RollingOut" if one.moving else "Available", one.message)
    return _condition(kind, False, "RollingOut" if one.moving else "NotAvailable", one.message)


def _last_heard(found: Findings, before: Sequence[Condition]) -> TenantError | bool | None:
    """An operator that has not probed yet knows no better than the one before: its start is no news of a tenant."""
    if found.data_path is not None or found.suspended:
        return found.data_path
    told = next((one for one in before if one.type == status.DATA_PATH), None)
    if told is None or told.status == "Unknown":
        return None
    return told.status == "True" or ToldBefore(told.reason, told.message)


def _data_path(found: Findings) -> Condition:
    kind = status.DATA_PATH
    if found.suspended or not found.ready:
        return _condition(kind, None, "Suspended" if found.suspended else "NotReady")
    if found.data_path is None:
        return _condition(kind, None, "NotProbed")
    if isinstance(found.data_path, TenantError):
        return _condition(kind, False, found.data_path.reason, str(found.data_path))
    return _condition(kind, True, "Flowing")
