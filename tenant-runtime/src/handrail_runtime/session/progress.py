"""How far a session is on a baseline. A baseline begins with its first step and ends with its success."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from handrail_contracts.baselines import Baseline, Step, Success
from handrail_runtime.session.matching import path_matches, selector_matches
from handrail_runtime.session.seen import Seen


class Progress(msgspec.Struct, frozen=True, gc=False):
    """On one baseline that was begun and not ended."""

    reached: int
    """Steps reached, so also the index of the awaited one."""
    at: int
    """When the last of them was reached, microseconds."""
    event_id: str
    """By which event."""


@dataclass(frozen=True)
class Awaited:
    """The next step of the baseline on which the session went on last."""

    baseline: str
    step: Step
    progress: Progress

    @property
    def stuck_point(self) -> str:
        return f"{self.baseline}/{self.step.name}"


@dataclass(frozen=True)
class Standing:
    """Where a session stands on all baselines."""

    progress: dict[str, Progress]
    done: frozenset[str]

    def after(self, event: Seen, baselines: Sequence[Baseline]) -> "Standing":
        """This standing, or the one that `event` leads to."""
        standing = self
        for baseline in baselines:
            if baseline.name in standing.done:
                continue
            current = standing.progress.get(baseline.name)
            if _matches(baseline.success, event):
                rest = {name: value for name, value in standing.progress.items() if name != baseline.name}
                standing = Standing(rest, standing.done | {baseline.name})
            elif (reached := _reached(baseline, current, event)) is not None:
                moved = Progress(reached, event.at, event.event_id)
                standing = Standing({**standing.progress, baseline.name: moved}, standing.done)
        return standing

    def awaited(self, baselines: Iterable[Baseline]) -> Awaited | None:
        """What is waited for on the baseline last gone on with; None where nothing is."""
        best: Awaited | None = None
        for baseline in baselines:
            progress = self.progress.get(baseline.name)
            if progress is None or progress.reached >= len(baseline.steps):
                continue
            if best is None or progress.at > best.progress.at:
                best = Awaited(baseline.name, baseline.steps[progress.reached], progress)
        return best

    def further(self, other: "Standing") -> "Standing":
        """The two united: on each baseline whichever is further; this one where they are level."""
        done = self.done | other.done
        progress = dict(self.progress)
        for name, value in other.progress.items():
            if name not in progress or progress[name].reached < value.reached:
                progress[name] = value
        return Standing({name: value for name, value in progress.items() if name not in done}, done)


def _reached(baseline: Baseline, current: Progress | None, event: Seen) -> int | None:
    """Steps reached with `event`, where it is one of those still ahead. Steps may be skipped once begun."""
    steps = baseline.steps[:1] if current is None else baseline.steps
    for at in range(current.reached if current else 0, len(steps)):
        if _matches(steps[at], event):
            return at + 1
    return None


def _matches(place: Step | Success, event: Seen) -> bool:
    return (
        place.event == event.event_type
        and event.valid is not False  # a refused submit is no step
        and path_matches(place.path, event.path)
        and selector_matches(place.selector, event.selector, event.tag)
    )
