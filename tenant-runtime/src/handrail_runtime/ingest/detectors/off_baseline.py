"""The user is active, but the next step of a begun baseline does not come."""

from collections.abc import Container, Sequence
from dataclasses import replace
from datetime import timedelta

from handrail_contracts.baselines import Baseline
from handrail_runtime.session.progress import Awaited, Standing
from handrail_runtime.session.seen import Finding, Seen

_US = timedelta(microseconds=1)


def find(
    events: Sequence[Seen],
    standing: Standing,
    baselines: Sequence[Baseline],
    *,
    after: int,
    named: Container[str] | None = None,
) -> tuple[list[Finding], Standing]:
    """Walks on from `standing` through `events` (in order of time); `after` in microseconds beyond a step's `within`,
    `named` the types of events that a baseline names, where they are known: no other moves anything.

    Gives one finding for each awaited step that is overdue at an event a person made, and the new standing.
    """
    found: dict[str, Finding] = {}
    awaited = standing.awaited(baselines)
    for event in events:
        if named is None or event.event_type in named:
            before, standing = standing, standing.after(event, baselines)
            if standing is not before:
                awaited = standing.awaited(baselines)
        if awaited is not None and event.active:
            finding = _overdue(awaited, event, after)
            if finding is not None:
                first = found.get(finding.key)
                found[finding.key] = replace(first, until=event.at) if first else finding
    return list(found.values()), standing


def _overdue(awaited: Awaited, event: Seen, after: int) -> Finding | None:
    usual = (awaited.step.within or timedelta(0)) // _US
    waited = event.at - awaited.progress.at
    if waited <= usual + after:
        return None
    return Finding(
        kind="off_baseline",
        key=f"{awaited.stuck_point}\n{awaited.progress.event_id}",
        anchor=f"{awaited.progress.event_id}/{awaited.step.name}",
        began=awaited.progress.at,
        at=event.at,
        until=event.at,
        gap=2**62,  # one for each wait, however long
        path=event.path,
        stale=event.stale,
        evidence={
            "waited_ms": waited // 1000,
            "usual_ms": usual // 1000,
            "steps_reached": awaited.progress.reached,
            "event_ids": [awaited.progress.event_id, event.event_id],
        },
    )
