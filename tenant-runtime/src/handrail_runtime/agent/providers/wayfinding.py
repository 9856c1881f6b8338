"""Where the user should go next, and which element to point at."""

from dataclasses import dataclass
from typing import Literal

from handrail_contracts.baselines import Step
from handrail_runtime.agent.case import Case, beneath, page_of
from handrail_runtime.session.matching import path_matches, selector_matches

Situation = Literal["here", "elsewhere", "next", "start", "element", "open"]


@dataclass(frozen=True)
class Way:
    """The situation a text is written for.

    `here`: the awaited step's element is on the user's page; `elsewhere`: it is on `page`; `next`: the step is
    known, its place is not; `start`: the user is on no baseline, so the first `step` of one is a good place;
    `element`: the element that gave trouble; `open`: nothing of it.
    """

    situation: Situation
    target: str | None = None
    page: str = ""
    step: Step | None = None

    @property
    def opens_page(self) -> bool:
        """Whether going there is all the step asks for."""
        return bool(self.page) and self.step is not None and self.step.event == "page_view"


_ASTRAY = frozenset({"inactivity", "back_and_forth", "off_baseline", "help_sought"})


def way_to_go(case: Case) -> Way:
    """Pure. Points only at what should be on the user's page: a pointer into the void helps nobody."""
    baseline, step = case.baseline, case.step
    if baseline is None or step is None:
        return _without_step(case)
    page = page_of(baseline, step)
    if _is_the_trouble(case, step):
        return Way("element", step.selector, page, step)
    if step.event == "page_view":
        return Way("next" if path_matches(page, case.path) else "elsewhere", page=page, step=step)
    if not _is_here(case, step, page):
        return Way("elsewhere", page=page, step=step)
    return Way("here", step.selector, page, step) if step.selector else Way("next", None, page, step)


def _is_the_trouble(case: Case, step: Step) -> bool:
    """The right element was clicked, and it was that which did not respond."""
    element = case.signal.evidence.get("element")
    return bool(step.selector) and isinstance(element, str) and selector_matches(step.selector, element, None)


def _without_step(case: Case) -> Way:
    kind = case.signal.kind
    if kind in _ASTRAY:
        for baseline in case.spec.baselines:
            if baseline.steps and baseline.name not in case.standing.done:
                step = baseline.steps[0]
                there = step.event == "page_view" and path_matches(step.path, case.path)
                return Way("open") if there else Way("start", page=step.path, step=step)
        return Way("open")
    return Way("element", case.signal.selector) if case.signal.selector else Way("open")


def _is_here(case: Case, step: Step, page: str) -> bool:
    """A step that names its page is there and nowhere else. One that does not may be on the page of the step
    before or beneath it, where that step was done, or where it led to."""
    if step.path:
        return path_matches(step.path, case.path)
    return not page or beneath(page, case.path) or case.path in _around_last_step(case)


def _around_last_step(case: Case) -> set[str]:
    """Where the last step reached was done, and the first page opened after it."""
    progress = case.standing.progress.get(case.signal.baseline or "")
    at = next((at for at, seen in enumerate(case.events) if progress and seen.event_id == progress.event_id), None)
    if at is None:
        return set()
    opened = next((seen.path for seen in case.events[at + 1 :] if seen.event_type == "page_view"), case.events[at].path)
    return {opened} if case.events[at].event_type == "page_view" else {case.events[at].path, opened}
