"""The three personas: what each does, and which signals a platform with these detectors ought to find. Pure.

A persona keeps clear of every threshold, on one side or the other, so that a few milliseconds of network never
decide whether a signal is raised: the same seed gives the same signals.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from handrail_cli.simulate.scene import Scene
from handrail_cli.simulate.walk import MAX_EVENTS, MAX_SECONDS, Walk
from handrail_contracts.baselines import Step
from handrail_contracts.signals import SignalKind

Reaction = Literal["complete", "click", "dismiss", "ignore"]
"""What a user does with a nudge after it was shown."""


@dataclass(frozen=True)
class Persona:
    """A kind of user."""

    name: str
    about: str
    weight: float
    """Share of the users where no persona is named."""
    walk: Callable[[Walk], None]
    expects: Callable[[Scene], frozenset[SignalKind]]
    reactions: tuple[tuple[Reaction, float], ...]
    """With weights."""


def _smooth(walk: Walk) -> None:
    """Knows the way, looks around a little, and is done."""
    walk.view(walk.scene.start())
    for step in walk.scene.baseline.steps:
        _pause_before(walk, step)
        walk.take(step)
    success = walk.scene.baseline.success
    last = walk.scene.baseline.steps[-1]
    if (success.event, success.path, success.selector) != (last.event, last.path, last.selector):
        walk.wait(0.5, 2)
        walk.take(success)
    for name in walk.rng.sample(["reports", "team", "help"], k=walk.rng.randint(1, 3)):
        walk.think()
        walk.view(walk.scene.page(name))
    walk.wait(1, 3)
    walk.do("visibility", state="hidden")


def _pause_before(walk: Walk, step: Step) -> None:
    """Not longer than users usually need for the step."""
    longest = walk.scene.patience()
    if step.within is not None:
        longest = min(longest, step.within.total_seconds() / 3)
    walk.wait(longest / 4, longest)


def _lost(walk: Walk) -> None:
    """Begins, runs to and fro between that page and the settings, strays further off, and comes back at a loss."""
    detectors = walk.scene.detectors
    home = walk.scene.first_page()
    walk.view(walk.scene.start())
    walk.wait(2, 4)
    walk.take(walk.scene.baseline.steps[0])
    began = walk.at
    gap = min(6.0, detectors.back_and_forth.within.total_seconds() * 0.6 / _views(walk.scene))
    for turn in range(_views(walk.scene)):
        walk.wait(gap * 0.7, gap)
        last = turn == _views(walk.scene) - 1
        walk.view(home if turn % 2 else walk.scene.page("settings"), trigger=last)
    walk.wait(2, 5)
    if detectors.off_baseline.enabled and _can_stray(walk.scene):
        _stray(walk, until=began + _stray_seconds(walk.scene) * 1.1 + 10)
    walk.wait(2, 5)
    walk.view(home)
    walk.wait(3, 5)
    walk.do("focus", "input[type=search]", filled=False)


def _views(scene: Scene) -> int:
    """Page views with the asked number of returns and some more; even, so that they end where they began."""
    return 2 * scene.detectors.back_and_forth.times + 4


def _stray(walk: Walk, until: float) -> None:
    """From page to page, never back to the one just left."""
    pages = ["settings/profile", "settings/roles", "settings/import", "help", "reports"]
    walk.rng.shuffle(pages)
    turn = 0
    while walk.at < until and not walk.full():
        walk.view(walk.scene.page(pages[turn % len(pages)]))
        walk.wait(1, 2)
        walk.do("focus", "input[type=search]", filled=False)
        walk.think()
        turn += 1
    walk.do("focus", "input[type=search]", filled=False, trigger=True)


def _stray_seconds(scene: Scene) -> float:
    """Time after which a user who took the first step only counts as off the baseline."""
    steps = scene.baseline.steps
    usual = steps[1].within if len(steps) > 1 else None
    return scene.detectors.off_baseline.after.total_seconds() + (usual.total_seconds() if usual else 0.0)


def _can_stray(scene: Scene) -> bool:
    """Whether there is a next step to miss, and time for it within an hour without idling."""
    needed = _stray_seconds(scene) * 1.1 + 30
    events = 2 * needed / (1 + scene.patience() / 4) + _views(scene)
    return scene.known and len(scene.baseline.steps) > 1 and needed < MAX_SECONDS and events < MAX_EVENTS


def _lost_expects(scene: Scene) -> frozenset[SignalKind]:
    found: set[SignalKind] = set()
    if scene.detectors.back_and_forth.enabled:
        found.add("back_and_forth")
    if scene.detectors.off_baseline.enabled and _can_stray(scene):
        found.add("off_baseline")
    return frozenset(found)


def _frustrated(walk: Walk) -> None:
    """Hammers on a button that does nothing, then fails at a form until patience is gone."""
    detectors = walk.scene.detectors
    walk.view(walk.scene.start())
    walk.wait(1, 3)
    walk.take(walk.scene.baseline.steps[0])
    walk.wait(2, 5)
    dead = walk.rng.choice(walk.scene.off_way(["#export", "#share", "#upload-logo", "button.archive"]))
    _hammer(walk, dead)
    walk.wait(4, 7)
    walk.view(walk.scene.page("settings/profile"))
    failures = detectors.repeated_error.count + 1
    gap = min(7.0, detectors.repeated_error.within.total_seconds() * 0.6 / failures)
    for attempt in range(failures):
        walk.wait(gap * 0.6, gap * 0.9)
        walk.do("submit", "form#profile", valid=False)
        walk.wait(gap * 0.02, gap * 0.1)
        walk.do("error", "form#profile", kind="form", status=422, count=1, trigger=attempt == failures - 1)
    walk.wait(3, 5)
    walk.view(walk.scene.first_page())
    walk.wait(2, 4)
    walk.do("focus", "input[type=search]", filled=False)


def _hammer(walk: Walk, selector: str) -> None:
    """Clicks without effect, enough and fast enough for rage and for dead clicks alike."""
    rage, dead = walk.scene.detectors.rage_click, walk.scene.detectors.dead_click
    clicks = max(rage.count + 2, dead.count + 1)
    gap = min(0.18, min(rage.within, dead.within).total_seconds() * 0.7 / clicks)
    for click in range(clicks):
        walk.click(selector, reacted=False, trigger=click == clicks - 1)
        walk.wait(gap * 0.6, gap)


def _frustrated_expects(scene: Scene) -> frozenset[SignalKind]:
    detectors = scene.detectors
    wanted: dict[SignalKind, bool] = {
        "rage_click": detectors.rage_click.enabled,
        "dead_click": detectors.dead_click.enabled,
        "repeated_error": detectors.repeated_error.enabled,
    }
    return frozenset(kind for kind, enabled in wanted.items() if enabled)


PERSONAS: dict[str, Persona] = {
    persona.name: persona
    for persona in (
        Persona(
            "smooth",
            "finishes the baseline without help",
            5,
            _smooth,
            lambda _scene: frozenset(),
            (("dismiss", 1),),
        ),
        Persona(
            "lost",
            "runs to and fro between a page and the settings, and strays off the baseline",
            3,
            _lost,
            _lost_expects,
            (("complete", 5), ("click", 2), ("dismiss", 2), ("ignore", 1)),
        ),
        Persona(
            "frustrated",
            "hammers on a dead button and fails at a form",
            2,
            _frustrated,
            _frustrated_expects,
            (("complete", 3), ("click", 2), ("dismiss", 4), ("ignore", 1)),
        ),
    )
}
