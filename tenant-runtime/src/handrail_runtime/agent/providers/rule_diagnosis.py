"""A diagnosis by rules: what the detector saw, how strong it is, and what else the session shows.

How sure a detector makes us. The figures order the detectors by how seldom they speak without cause; the default
threshold is 0.6.

detector        from  to    grows with                       why
help_sought     0.90        -                                the user says so; 0 where the next step is no answer
repeated_error  0.80  0.95  errors beyond the number asked   the product itself said no, again and again
rage_click      0.75  0.95  clicks beyond the number asked   rarely done by somebody who is content
off_baseline    0.70  0.85  waiting, by the detector's time  active, on a known path, and not getting on
inactivity      0.70        -                                on a baseline: a known step is waited for
dead_click      0.68  0.85  clicks beyond the number asked   may be idle clicking or selecting of text
back_and_forth  0.66  0.85  returns beyond the number asked  may be comparing on purpose
inactivity      0.62        -                                off any baseline, user new: may be reading
inactivity      0.45        -                                off any baseline, user knows the product: is reading

A user is new for a week, or until the first baseline is finished. Other signs of struggle in the last five minutes
(an error, a click that did nothing) add 0.05 each, at most 0.10. Nothing but being asked is surer than 0.97.
A user who has gone on since the signal (the awaited step, or anything at all after a silence) is not stuck.
"""

from datetime import timedelta

from handrail_contracts import times
from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case, Seen
from handrail_runtime.agent.providers import questions
from handrail_runtime.agent.providers.wayfinding import Way, way_to_go
from handrail_runtime.session.seen import ACTIVITY

NEW_FOR = timedelta(days=7)
RECENT = timedelta(minutes=5)
CERTAIN = 0.97

# from, to, added by each unit of `_strength`
_SCALE: dict[str, tuple[float, float, float]] = {
    "repeated_error": (0.80, 0.95, 0.03),
    "rage_click": (0.75, 0.95, 0.04),
    "off_baseline": (0.70, 0.85, 0.05),
    "dead_click": (0.68, 0.85, 0.04),
    "back_and_forth": (0.66, 0.85, 0.04),
}


def diagnose(case: Case) -> Diagnosis:
    """Whether and where the user is stuck. Pure."""
    gone_on = _gone_on(case)
    way = way_to_go(case)
    return Diagnosis(
        is_stuck=not gone_on,
        stuck_point=case.signal.stuck_point[:500],
        confidence=0.0 if gone_on else _confidence(case, way),
        reason=gone_on or _reason(case),
        target=way.target,
    )


def _confidence(case: Case, way: Way) -> float:
    kind = case.signal.kind
    if kind == "help_sought":
        return 0.9 if questions.answered_by(case, way) else 0.0
    if kind == "inactivity":
        sure = 0.70 if case.step else 0.62 if _is_new(case) else 0.45
    else:
        low, high, each = _SCALE[kind]
        sure = min(high, low + each * _strength(case))
    return round(min(CERTAIN, sure + 0.05 * min(2, _other_signs(case))), 2)


def _strength(case: Case) -> float:
    """How far the evidence goes beyond what the detector asks for; 0 where it just meets it or does not say."""
    detectors, evidence = case.spec.detectors, case.signal.evidence
    figures = {
        "repeated_error": ("errors", float(detectors.repeated_error.count)),
        "rage_click": ("clicks", float(detectors.rage_click.count)),
        "dead_click": ("clicks", float(detectors.dead_click.count)),
        "back_and_forth": ("returns", float(detectors.back_and_forth.times)),
    }
    if case.signal.kind == "off_baseline":
        after = detectors.off_baseline.after.total_seconds() * 1000
        return max(0.0, (figure(case, "waited_ms") - figure(case, "usual_ms")) / after - 1)
    name, asked = figures[case.signal.kind]
    return max(0.0, figure(case, name) - asked) if name in evidence else 0.0


def figure(case: Case, name: str) -> float:
    """A number of the evidence; 0 where it is missing or no number."""
    value = case.signal.evidence.get(name)
    return float(value) if isinstance(value, int | float) else 0.0


def _is_new(case: Case) -> bool:
    return not case.standing.done and (case.signup is None or case.now - case.signup < NEW_FOR)


def _other_signs(case: Case) -> int:
    """Signs of struggle in the last minutes other than those this signal was made of."""
    kind = case.signal.kind
    since = times.from_micros(case.signal.occurred_at) - RECENT
    signs = 0
    for seen in case.events:
        if seen.at < since:
            continue
        error = seen.event_type == "error" and kind != "repeated_error"
        dead = (
            seen.event_type == "click"
            and seen.properties.get("reacted") is False
            and kind not in ("rage_click", "dead_click")
        )
        signs += error or dead
    return signs


def _gone_on(case: Case) -> str:
    """Why the user is not stuck any more; empty where nothing says so."""
    baseline, step = case.baseline, case.step
    if baseline and baseline.name in case.standing.done:
        return f"The user has finished {baseline.name} since."
    if baseline and step:
        progress = case.standing.progress.get(baseline.name)
        if progress and progress.reached > baseline.steps.index(step):
            return f"The user has reached the step {step.name} since."
    if case.signal.kind == "inactivity":
        since = times.from_micros(case.signal.occurred_at)
        if any(seen.at > since and _is_doing(seen) for seen in case.events):
            return "The user is active again."
    return ""


def _is_doing(seen: Seen) -> bool:
    return seen.event_type in ACTIVITY and seen.event_type != "visibility"


def _reason(case: Case) -> str:
    """One or two sentences for the decision record and for the human who reads an alert."""
    where = f" on {case.signal.path}" if case.signal.path else ""
    said = {
        "inactivity": f"Nothing has happened{where} for a while",
        "rage_click": f"The same place was clicked again and again{where}",
        "dead_click": f"Clicks{where} had no effect",
        "back_and_forth": f"The user goes back and forth between pages{where}",
        "repeated_error": f"The same error came again and again{where}",
        "off_baseline": "The user is active but does not get on",
        "help_sought": f"The user asked for help{where}",
    }[case.signal.kind]
    if case.step:
        return f"{said}. The next step of {case.signal.baseline} is {case.step.name}, and it was not reached."[:1000]
    return f"{said}."[:1000]
