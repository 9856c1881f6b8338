"""What events say of the elements that the config names: found or missed by a browser that looked, or used. Pure.

Only targets of the config in force count, each once for a page in a batch; whatever else a browser claims is ignored.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Literal

import msgspec

from handrail_contracts import targets
from handrail_contracts.targets import Check, TargetRule
from handrail_runtime.ingest.decoding import Arrived
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.session.matching import bare, selector_matches
from handrail_runtime.targets.pages import Key, Look
from handrail_runtime.targets.places import place_of

_checks = msgspec.json.Decoder(Check)


def gather(arrived: Iterable[Arrived], rules: Rules) -> list[Look]:
    """In order of time. What simulated users do says nothing of the pages."""
    found: dict[tuple[object, ...], Look] = {}
    if not rules.targets:
        return []
    for one in arrived:
        event = one.event
        told = event.event_type == targets.EVENT_TYPE
        # Runs for every event there is: most have to do with no element of the config.
        if not told and (one.seen.selector is None or bare(one.seen.selector) not in rules.named_elements):
            continue
        for look in () if one.origin.simulated else _told(one, rules) if told else _used(one, rules):
            # Of what one event says of one element, the first: a browser may name it twice.
            found.setdefault((event.user_id, event.session_id, look.key, look.kind == "used"), look)
    return sorted(found.values(), key=lambda look: look.at)


def _told(one: Arrived, rules: Rules) -> Iterable[Look]:
    try:
        check = _checks.decode(one.event.properties)
    except (msgspec.MsgspecError, RecursionError):
        return
    path, at = one.seen.path, one.at
    for target_id in check.found[: targets.MOST]:
        if (look := _look(rules.targets.get(target_id), path, at, "found")) is not None:
            yield look
    for target_id in check.missed[: targets.MOST]:
        nearest = _candidate(check.nearest.get(target_id))
        if (look := _look(rules.targets.get(target_id), path, at, "missed", nearest)) is not None:
            yield look


def _used(one: Arrived, rules: Rules) -> Iterable[Look]:
    selector = one.seen.selector or ""
    for rule in rules.named_elements[bare(selector)]:
        if not selector_matches(rule.selector, selector, one.seen.tag):
            continue
        if (look := _look(rule, one.seen.path, one.at, "used")) is not None:
            yield look


def _look(
    rule: TargetRule | None,
    path: str,
    at: datetime,
    kind: Literal["found", "missed", "used"],
    nearest: str | None = None,
) -> Look | None:
    page = place_of(rule, path) if rule is not None else None
    if rule is None or page is None:
        return None
    nearest = None if nearest == rule.selector else nearest
    return Look(Key(rule.selector, page), bool(rule.path), at, kind, nearest)


def _candidate(selector: str | None) -> str | None:
    return selector if selector and selector.isprintable() and len(selector) <= targets.MAX_SELECTOR else None
