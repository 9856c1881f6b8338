"""All that is known about a user when a signal is worked on. Values only; `gather.py` reads them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from handrail_contracts.baselines import Baseline, Step
from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.session.matching import path_matches
from handrail_runtime.session.progress import Standing


@dataclass(frozen=True)
class Seen:
    """One event of the session."""

    at: datetime
    event_id: str
    event_type: str
    path: str = ""
    target: dict[str, Any] = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class History:
    """What the user was already sent. Answers to the user's own questions are counted in `answered` alone."""

    pending: int = 0
    """Neither acknowledged nor expired."""
    at_stuck_point: int = 0
    completed_at_stuck_point: int = 0
    in_budget: int = 0
    """Sent within the attention budget's time."""
    last_sent: datetime | None = None
    answered: int = 0
    """Questions of the last hour that got an answer, or word that they were passed on."""
    escalation_open: bool = False
    """At this stuck point."""


@dataclass(frozen=True)
class Reach:
    """Whether a page of the user is there to show something, and how we know."""

    live: bool
    source: str
    """`socket`: presence in Redis; `last_seen`: the session's last event, right after it, or where Redis is away."""


@dataclass(frozen=True)
class Case:
    """One signal and what stands around it."""

    now: datetime
    signal: Signal
    spec: TenantSpec
    user_known: bool
    path: str
    """Of the page the user is on now."""
    signup: datetime | None = None
    last_seq: int = 0
    """The number of nudges that the user was ever sent."""
    standing: Standing = field(default_factory=lambda: Standing({}, frozenset()))
    """On the baselines, as of the newest stored event."""
    events: tuple[Seen, ...] = ()
    """The session's newest, oldest of them first."""
    history: History = History()
    reach: Reach = Reach(live=False, source="socket")

    @property
    def asked(self) -> bool:
        """The user asked for help."""
        return self.signal.kind == "help_sought"

    @property
    def baseline(self) -> Baseline | None:
        """The baseline the user is on, as the spec has it now; one that was removed counts as none."""
        return next((found for found in self.spec.baselines if found.name == self.signal.baseline), None)

    @property
    def step(self) -> Step | None:
        """The step the user had not reached."""
        baseline = self.baseline
        if baseline is None:
            return None
        return next((found for found in baseline.steps if found.name == self.signal.step), None)


def page_of(baseline: Baseline, step: Step) -> str:
    """The page a step happens on: its own path, else that of the nearest step before it; empty: any."""
    page = ""
    for each in baseline.steps:
        page = each.path or page
        if each.name == step.name:
            break
    return page


def beneath(page: str, path: str) -> bool:
    """Whether `path` is the page or one further down: `/projects/new` is beneath `/projects`, not beneath `/`."""
    if path_matches(page, path):
        return True
    parts = path.split("/")
    return page != "/" and any(path_matches(page, "/".join(parts[:at])) for at in range(2, len(parts)))
