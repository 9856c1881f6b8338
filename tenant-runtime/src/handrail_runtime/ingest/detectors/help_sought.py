"""The user asked for help in words; each message is one finding."""

from handrail_runtime.session.seen import Finding, Seen

MAX_TEXT = 1000


def find(event: Seen, text: str) -> Finding:
    return Finding(
        kind="help_sought",
        key=event.event_id,
        anchor=event.event_id,
        began=event.at,
        at=event.at,
        until=event.at,
        gap=0,
        path=event.path,
        selector=event.selector,
        stale=event.stale,
        evidence={"text": text[:MAX_TEXT], "event_ids": [event.event_id]},
    )
