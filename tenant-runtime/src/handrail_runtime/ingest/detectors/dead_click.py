"""Clicks after which nothing changes."""

from collections.abc import Sequence

from handrail_runtime.ingest.detectors.episodes import bursts, gap_for
from handrail_runtime.session.seen import Finding, Seen


def find(events: Sequence[Seen], *, count: int, within: int) -> list[Finding]:
    """`count` clicks without a reaction on one page within `within` microseconds."""
    pages: dict[str, list[Seen]] = {}
    for event in events:
        if event.reacted is False and event.event_type == "click":
            pages.setdefault(event.path, []).append(event)
    return [
        Finding(
            kind="dead_click",
            key=path,
            anchor=burst.window[0].event_id,
            began=burst.window[0].at,
            at=burst.window[-1].at,
            until=burst.until,
            gap=gap_for(within),
            path=path,
            selector=burst.window[-1].selector,
            stale=burst.window[-1].stale,
            evidence={
                "clicks": burst.weight,
                "within_ms": burst.span_ms,
                "selectors": list(dict.fromkeys(event.selector for event in burst.window if event.selector))[:10],
                "event_ids": burst.event_ids,
            },
        )
        for path, clicks in pages.items()
        for burst in bursts(clicks, count, within)
    ]
