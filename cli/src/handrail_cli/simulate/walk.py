"""A user's walk, written down as it happens: what was done where, in seconds since the first step. Pure."""

import random
from dataclasses import dataclass, field
from typing import Any

from handrail_cli.simulate.scene import Scene, concrete, tag_of
from handrail_contracts.baselines import Step, Success

MAX_EVENTS = 300
"""Of one user's wandering; with all else it stays within one batch."""
MAX_SECONDS = 45 * 60.0
"""Of one user's wandering; stays clear of the hour after which events cause no nudge."""


@dataclass(frozen=True)
class PlannedEvent:
    """One event apart from ids and time."""

    at: float
    """Seconds since the walk began."""
    event_type: str
    path: str
    selector: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)
    trigger: bool = False
    """With this event the persona has done what a detector looks for."""

    @property
    def tag(self) -> str | None:
        return tag_of(self.selector) if self.selector else None


class Walk:
    """Moves a user through a scene and keeps what they do, with the pauses of a person."""

    def __init__(self, rng: random.Random, scene: Scene) -> None:
        self.rng = rng
        self.scene = scene
        self.at = 0.0
        self.path = scene.start()
        self.events: list[PlannedEvent] = []

    def wait(self, low: float, high: float) -> None:
        """A pause of `low` to `high` seconds, to the millisecond."""
        self.at = round(self.at + self.rng.uniform(low, high), 3)

    def think(self) -> None:
        """A pause too short for anybody to call it inactivity."""
        longest = self.scene.patience()
        self.wait(longest / 4, longest)

    def do(self, event_type: str, selector: str | None = None, *, trigger: bool = False, **properties: Any) -> None:
        self.events.append(PlannedEvent(self.at, event_type, self.path, selector, properties, trigger))

    def view(self, path: str, *, trigger: bool = False) -> None:
        came_from = self.path
        self.path = path
        self.do("page_view", trigger=trigger, referrer=f"{self.scene.origin}{came_from}")

    def click(self, selector: str, *, reacted: bool = True, trigger: bool = False) -> None:
        self.do("click", selector, trigger=trigger, reacted=reacted)

    def fill(self, selector: str) -> None:
        """Goes into a field, writes, leaves it."""
        self.do("focus", selector, filled=False)
        self.wait(1, 4)
        self.do("change", selector, ms=int(self.rng.uniform(900, 4000)), changed=True, filled=True)
        self.wait(0.5, 2)

    def take(self, step: Step | Success) -> None:
        """Does exactly what a step of the baseline, or its success, asks for."""
        wanted = concrete(step.path) if step.path else self.path
        if step.event == "page_view":
            self.view(wanted)
            return
        if wanted != self.path:
            self.view(wanted)
            self.think()
        selector = step.selector or "main"
        if step.event == "submit":
            self.fill("input[name=name]")
            self.do("submit", selector, valid=True)
        elif step.event == "click":
            self.click(selector)
        elif step.event == "custom":
            self.do("custom", step.selector or None, name=getattr(step, "name", "success"))
        else:
            self.do(step.event, selector)

    def full(self) -> bool:
        return len(self.events) >= MAX_EVENTS or self.at >= MAX_SECONDS
