"""What events say of the elements that the config names: found or missed by a browser that looked, or used. Pure.

Only targets of the config in force count, and of a page only the first event of each visit; whatever else a browser
claims is ignored.
"""

from collections.abc import Collection, Iterable
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

Telling = tuple[str, str, str]
"""User, session and path: of these, one event counts."""


def telling(one: Arrived) -> Telling:
    return one.event.user_id, one.event.session_id, one.seen.path


def checks(arrived: Iterable[Arrived]) -> list[Arrived]:
    """Those by which browsers tell what they looked for, in order of time. Simulated ones have no page."""
    found = [one for one in arrived if one.event.event_type == targets.EVENT_TYPE and not one.origin.simulated]
    return sorted(found, key=lambda one: (one.seen.at, one.seen.event_id))


def told(found: Iterable[Arrived], known: Collection[Telling], rules: Rules) -> list[Look]:
    """What `checks` tell; `known`: what was told before."""
    looks: list[Look] = []
    counted = set(known)
    for one in found:
        if (place := telling(one)) in counted:
            continue
        counted.add(place)
        # Found on this page wherever it is looked for, whatever else the event claims of it.
        once: dict[Key, Look] = {}
        for look in _told(one, rules):
            once.setdefault(look.key, look)
        looks += once.values()
    return looks


def uses(arrived: Iterable[Arrived], rules: Rules) -> list[Look]:
    """Elements that users did something with. What simulated users do says nothing of the pages."""
    # Runs for every event there is: most have to do with no element of the config.
    named = rules.named_elements
    return [
        look
        for one in arrived
        if one.seen.selector is not None and bare(one.seen.selector) in named and not one.origin.simulated
        for look in _used(one, rules)
    ]


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
