"""The same element is clicked again and again, fast."""

from collections.abc import Sequence

from handrail_runtime.ingest.detectors.episodes import bursts, gap_for
from handrail_runtime.session.seen import Finding, Seen


def find(events: Sequence[Seen], *, count: int, within: int) -> list[Finding]:
    """`count` clicks on one element within `within` microseconds."""
    places: dict[tuple[str, str], list[Seen]] = {}
    for event in events:
        if event.event_type == "click" and event.selector:
            places.setdefault((event.path, event.selector), []).append(event)
    return [
        Finding(
            kind="rage_click",
            key=f"{path}\n{selector}",
            anchor=burst.window[0].event_id,
            began=burst.window[0].at,
            at=burst.window[-1].at,
            until=burst.until,
            gap=gap_for(within),
            path=path,
            selector=selector,
            stale=burst.window[-1].stale,
            evidence={"clicks": burst.weight, "within_ms": burst.span_ms, "event_ids": burst.event_ids},
        )
        for (path, selector), clicks in places.items()
        if len(clicks) >= count or any(click.count > 1 for click in clicks)
        for burst in bursts(clicks, count, within)
    ]
