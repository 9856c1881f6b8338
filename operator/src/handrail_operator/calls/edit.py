"""From a wanted spec to what the dashboard applies: its own fields and the changed ones, nothing that is equal. Pure.

Three rules beyond those of server-side apply:
- A field that others own is a conflict also where it is to go, which the API server would pass over in silence.
- An entry of a list is owned whole: who changes another's entry would keep a useless half of it when the other
  removes it. So it is a conflict, and taking over takes all of it.
- A field that is to go and that nobody owns must be the dashboard's first: only an owner can drop a field.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from handrail_contracts.operator_calls import ReplyProblem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.calls import conflicts
from handrail_operator.calls.fields import built, entries, fields, sequences
from handrail_operator.calls.holders import Holders, holders
from handrail_operator.edits import Accepted
from handrail_operator.kube.managed_fields import Object, Path

_NONE = object()


@dataclass(frozen=True)
class Change:
    """What to do, in this order."""

    claims: frozenset[Path]
    """Fields of which the dashboard must become the only owner first; their values stay as they are."""
    spec: dict[str, Any]
    """Then it applies this, and the fields it owns and no longer names go."""


@dataclass
class _Plan:
    live: Mapping[Path, Any]
    before: Mapping[Path, Any]
    after: Mapping[Path, Any]
    held: Holders
    claims: set[Path] = field(default_factory=set)
    contested: dict[Path, list[str]] = field(default_factory=dict)
    written: set[Path] = field(default_factory=set)

    def differs(self, path: Path) -> bool:
        return bool(self.before.get(path, _NONE) != self.after.get(path, _NONE))

    def under(self, entry: Path) -> set[Path]:
        """All that there is of an entry, whoever owns it."""
        return {path for path in (*self.live, *self.held.others) if path[: len(entry)] == entry}

    def need(self, entry: Path) -> None:
        """The whole entry must be the dashboard's."""
        if entry in self.held.mine:
            return
        if managers := self.held.others.get(entry):
            self.contested[entry] = managers
        self.claims |= self.under(entry)


def change(tenant: Object, current: TenantSpec, accepted: Accepted, *, take_over: bool) -> Change | ReplyProblem | None:
    """None: nothing is to be done. Of `tenant` the stored spec and managedFields count; `current` is that spec."""
    live = fields(tenant["spec"])
    plan = _Plan(live, fields(current.dump()), fields(accepted.spec.dump()), holders(tenant, live))
    said = fields(accepted.wanted).keys()
    touched = [path for path in dict.fromkeys([*plan.before, *plan.after]) if plan.differs(path)]
    for path in touched:
        _touch(plan, path, said=path in said)
    _empty(plan)
    reordered = _keep_order(plan)
    if plan.contested and not take_over:
        return conflicts.seen_by_us(_told(plan), accepted.wanted)
    if not touched and not reordered:
        return None
    return Change(frozenset(plan.claims), built(_configuration(plan)))


def _touch(plan: _Plan, path: Path, *, said: bool) -> None:
    stays = path in plan.after
    if stays and not said and path not in plan.live:
        return  # The API server fills in its default.
    if path not in plan.held.mine:
        for entry in entries(path):
            if entry in plan.live and entry in plan.after:
                plan.need(entry)
    if path in plan.held.loose:
        plan.claims.add(path)
    managers = plan.held.others.get(path)
    if managers:
        plan.contested[path] = managers
        plan.claims.add(path)
    if stays and (said or managers):
        # Also a default that somebody had another value for: only who owns it can hold it against him.
        plan.written.add(path)
    elif path in plan.live and path not in plan.held.mine:
        plan.claims.add(path)
    if path in entries(path) and not stays:
        plan.claims |= plan.under(path) - plan.held.mine


def _empty(plan: _Plan) -> None:
    """Lists and objects that lose their last field go with it: owned by others as such, they would stay as nulls."""
    stay = {path[:length] for path in plan.after for length in range(1, len(path))}
    inner = {path[:length] for path in plan.before for length in range(1, len(path))}
    plan.claims |= {path for path in inner - stay if path in plan.held.others}


def _keep_order(plan: _Plan) -> bool:
    """Whether an order that means something changes. It is the applier's, among the entries that he applies; new ones
    come last."""
    reordered = False
    before = sequences(plan.before)
    for place, wanted in sequences(plan.after).items():
        kept = [entry for entry in before.get(place, []) if entry in plan.after]
        if wanted != kept + [entry for entry in wanted if entry not in plan.before]:
            reordered = True
            for entry in kept:
                for holder in entries(entry):
                    plan.need(holder)
    return reordered


def _told(plan: _Plan) -> dict[Path, list[str]]:
    """The contested fields without those that say it twice: an entry that goes speaks for all below it, and a field
    that changes for the entry that holds it."""
    gone = {path for path in plan.contested if path not in plan.after}
    spoken = {part for path in plan.contested for part in entries(path) if part != path and part not in gone}
    return {
        path: managers
        for path, managers in plan.contested.items()
        if path not in spoken and not any(part in gone for part in entries(path) if part != path)
    }


def _configuration(plan: _Plan) -> dict[Path, Any]:
    """All that the dashboard owns from now on, in the wanted order."""
    mine = plan.held.mine | plan.claims
    found = {}
    for path, value in plan.after.items():
        if path in plan.written:
            found[path] = value
        elif path in mine and not plan.differs(path):
            found[path] = plan.live.get(path, value)  # To the letter: 60s stays 60s.
    return found
