"""The same kind of error comes again on the same page. A form that refuses what was entered counts as one."""

from collections.abc import Sequence

from handrail_runtime.ingest.detectors.episodes import bursts, gap_for
from handrail_runtime.session.seen import Finding, Seen

ONE_ATTEMPT = 1_000_000
"""Microseconds in which a refused submit and a form's error are the same attempt, told twice."""


def find(events: Sequence[Seen], *, count: int, within: int) -> list[Finding]:
    """`count` errors of one kind on one page within `within` microseconds."""
    places: dict[tuple[str, str], list[Seen]] = {}
    for event in events:
        if (kind := _kind(event)) is None:
            continue
        earlier = places.setdefault((kind, event.path), [])
        if not (earlier and _same_attempt(earlier[-1], event)):
            earlier.append(event)
    return [
        Finding(
            kind="repeated_error",
            key=f"{kind}\n{path}",
            anchor=burst.window[0].event_id,
            began=burst.window[0].at,
            at=burst.window[-1].at,
            until=burst.until,
            gap=gap_for(within),
            path=path,
            selector=next((event.selector for event in reversed(burst.window) if event.selector), None),
            stale=burst.window[-1].stale,
            evidence={
                "errors": burst.weight,
                "error_kind": kind,
                "within_ms": burst.span_ms,
                "event_ids": burst.event_ids,
            },
        )
        for (kind, path), errors in places.items()
        for burst in bursts(errors, count, within)
    ]


def _kind(event: Seen) -> str | None:
    if event.event_type == "error":
        return event.kind or "unknown"
    return "form" if event.event_type == "submit" and event.valid is False else None


def _same_attempt(before: Seen, event: Seen) -> bool:
    return before.event_type != event.event_type and event.at - before.at < ONE_ATTEMPT
