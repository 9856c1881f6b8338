"""From what a session did to its new state and the signals it gives. Pure: this is all of ingest's judgement."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from operator import attrgetter

import msgspec

from handrail_contracts.signals import Signal
from handrail_runtime.ingest.detectors import (
    back_and_forth,
    dead_click,
    help_sought,
    inactivity,
    off_baseline,
    rage_click,
    repeated_error,
)
from handrail_runtime.ingest.rules import Rules, micros
from handrail_runtime.ingest.signalling import signal
from handrail_runtime.session import state as session
from handrail_runtime.session.progress import Awaited, Standing
from handrail_runtime.session.seen import Finding, Seen, in_order
from handrail_runtime.session.state import SessionState

WINDOW = 15 * 60 * 1_000_000
"""Microseconds of a session's past that detectors look at."""
MAX_WINDOW = 150
"""Events of a session, of the types that detectors look at."""
FORGET = 60 * 60 * 1_000_000
"""Microseconds after which an episode told of is forgotten; longer than any window."""
MAX_TOLD = 64


def window_of(events: Sequence[Seen], newest: int = 0) -> list[Seen]:
    """The part of a session's events that detectors look at. `newest`: when the last event of any type was."""
    return _cut(in_order(events), newest)


def extended(window: list[Seen], new: Sequence[Seen], newest: int = 0) -> list[Seen]:
    """`window` (as `window_of` gives it) with `new` events, in order of time. The same as building it anew, cheaper."""
    if window and new and new[0].at <= window[-1].at:
        return window_of([*window, *new], newest)
    return _cut([*window, *new], newest)


def _cut(events: list[Seen], newest: int) -> list[Seen]:
    kept = events[-MAX_WINDOW:]
    earliest = max(newest, kept[-1].at) - WINDOW if kept else 0
    return kept if not kept or kept[0].at >= earliest else [event for event in kept if event.at >= earliest]


def analyse(
    user_id: str,
    session_id: str,
    state: SessionState,
    window: Sequence[Seen],
    new: Sequence[Seen],
    texts: Mapping[str, str],
    rules: Rules,
) -> tuple[SessionState, list[Signal]]:
    """The session after `new` events, and the signals they complete.

    `window` is what `window_of` gives for all stored events that `rules` look at, the new ones included; `new` is in
    order of time and not empty; `texts` holds what users wrote, by event id.
    """
    first = new[0].at
    off, standing = _walk(state, window, new, rules)
    findings = [finding for finding in _episodes(window, new, rules) if finding.until >= first] + off
    findings += [help_sought.find(event, texts[event.event_id]) for event in new if event.event_id in texts]
    after = session.moved(state, new)
    after.progress, after.done = standing.progress, sorted(standing.done)
    news, after.told = _news(findings, state.told, after.last_at)
    signals = [
        signal(user_id, session_id, after, finding, _awaited_at(finding.at, state.standing, new, rules))
        for finding in news
    ]
    return after, signals


def inactive(
    user_id: str, session_id: str, state: SessionState, rules: Rules, known_until: int
) -> tuple[SessionState, Signal] | None:
    """The session and its signal, where it has been inactive long enough and that was not told yet.

    `known_until`: the time up to which every event has been stored, microseconds.
    """
    if rules.inactive_after is None or state.idle_told == state.active_id:
        return None
    finding = inactivity.find(
        active_id=state.active_id,
        active_at=state.active_at,
        hidden=state.hidden,
        path=state.path,
        stale=state.active_stale,
        after=rules.inactive_after,
        known_until=known_until,
    )
    if finding is None:
        return None
    awaited = state.standing.awaited(rules.baselines)
    told = msgspec.structs.replace(state, idle_told=state.active_id)
    return told, signal(user_id, session_id, state, finding, awaited)


def _walk(
    state: SessionState, window: Sequence[Seen], new: Sequence[Seen], rules: Rules
) -> tuple[list[Finding], Standing]:
    """Progress on the baselines, and where it did not come."""
    rule = rules.detectors.off_baseline
    after = micros(rule.after)
    found, standing = off_baseline.find(new, state.standing, rules.baselines, after=after, named=rules.named)
    if new[0].at < state.last_at:
        # Some came late: what the whole window says may be further than what was seen piece by piece.
        begin = Standing({}, frozenset(state.done))
        _, whole = off_baseline.find(window, begin, rules.baselines, after=after, named=rules.named)
        standing = standing.further(whole)
    return (found if rule.enabled else []), standing


def _episodes(window: Sequence[Seen], new: Sequence[Seen], rules: Rules) -> list[Finding]:
    """What the counting detectors see in the window; each looks only where a new event is of its kind."""
    kinds = {event.event_type for event in new}
    first = new[0].at
    rage, dead = rules.detectors.rage_click, rules.detectors.dead_click
    pages, errors = rules.detectors.back_and_forth, rules.detectors.repeated_error
    found: list[Finding] = []
    if "click" in kinds and rage.enabled:
        within = micros(rage.within)
        found += rage_click.find(_since(window, first - within), count=rage.count, within=within)
    if "click" in kinds and dead.enabled:
        within = micros(dead.within)
        found += dead_click.find(_since(window, first - within), count=dead.count, within=within)
    if "page_view" in kinds and pages.enabled:
        found += back_and_forth.find(window, times=pages.times, within=micros(pages.within))
    if kinds & {"error", "submit"} and errors.enabled:
        found += repeated_error.find(window, count=errors.count, within=micros(errors.within))
    return found


def _since(window: Sequence[Seen], at: int) -> Sequence[Seen]:
    """The rest of a window from a time on. What went before cannot complete anything with the new events, and an
    episode that has been going on is known from what was told."""
    begin = bisect_left(window, at, key=attrgetter("at"))
    return window[begin:] if begin else window


def _news(findings: Sequence[Finding], told: dict[str, int], now: int) -> tuple[list[Finding], dict[str, int]]:
    """The findings not yet told of, and what is told of after them."""
    if not findings:
        return [], told
    remembered = dict(told)
    news: list[Finding] = []
    for finding in sorted(findings, key=lambda f: (f.at, f.kind, f.key)):
        key = blake2b(f"{finding.kind}\n{finding.key}".encode(), digest_size=9).hexdigest()
        until = remembered.get(key)
        if until is None or finding.began > until + finding.gap:
            news.append(finding)
        remembered[key] = max(until or 0, finding.until)
    kept = sorted(((until, key) for key, until in remembered.items() if until > now - FORGET), reverse=True)
    return news, {key: until for until, key in kept[:MAX_TOLD]}


def _awaited_at(at: int, standing: Standing, new: Sequence[Seen], rules: Rules) -> Awaited | None:
    """What was awaited at the time of a finding, which may lie before the last of the new events."""
    for event in new:
        if event.at > at:
            break
        standing = standing.after(event, rules.baselines)
    return standing.awaited(rules.baselines)
