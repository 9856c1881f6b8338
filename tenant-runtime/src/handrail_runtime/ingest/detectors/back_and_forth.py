"""The user goes between the same two pages and does not find it."""

from collections.abc import Sequence
from dataclasses import replace

from handrail_runtime.ingest.detectors.episodes import gap_for
from handrail_runtime.session.seen import Finding, Seen


def find(events: Sequence[Seen], *, times: int, within: int) -> list[Finding]:
    """`times` returns in a row to a page just left, within `within` microseconds: A B A B A is three."""
    views: list[Seen] = []
    for event in [event for event in events if event.event_type == "page_view"]:
        if not views or views[-1].path != event.path:
            views.append(event)
    found: list[Finding] = []
    run = 0
    for at in range(2, len(views)):
        run = run + 1 if views[at].path == views[at - 2].path else 0
        first = at - times + 1
        if run < times or views[at].at - views[first].at > within:
            continue
        finding = _finding(views, first, at, within)
        if found and found[-1].key == finding.key and finding.at - found[-1].until <= finding.gap:
            found[-1] = replace(found[-1], until=finding.at)
        else:
            found.append(finding)
    return found


def _finding(views: list[Seen], first: int, last: int, within: int) -> Finding:
    pages = sorted({views[last].path, views[last - 1].path})
    shown = views[first - 2 : last + 1]
    return Finding(
        kind="back_and_forth",
        key="\n".join(pages),
        anchor=shown[0].event_id,
        began=shown[0].at,
        at=views[last].at,
        until=views[last].at,
        gap=gap_for(within),
        path=views[last].path,
        stale=views[last].stale,
        evidence={
            "returns": last - first + 1,
            "pages": pages,
            "within_ms": (views[last].at - views[first].at) // 1000,
            "event_ids": [view.event_id for view in shown[-20:]],
        },
    )
