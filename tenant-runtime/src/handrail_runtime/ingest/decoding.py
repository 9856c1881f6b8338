"""From a message of the EVENTS stream to events with corrected times. Pure."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import msgspec

from handrail_contracts import events, intake, times
from handrail_contracts.events import Event
from handrail_runtime.session.seen import Seen, seen


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """One event as it came, and as detectors see it."""

    event: Event
    seen: Seen
    at: datetime
    """Corrected."""
    received_at: datetime
    verified: bool
    simulated: bool
    trace: dict[str, str]
    """As in `Signal.trace`; one for the whole batch."""


class Decoded(msgspec.Struct):
    """What a message held. `fault` says why a part of it could not be read, None where all could."""

    events: list[Arrived]
    fault: str | None = None


def decode(message: bytes) -> Decoded:
    """Never raises: what cannot be read is said in `fault`, and the rest of the message is kept."""
    decoded = Decoded([])
    try:
        for framed in intake.split(message):
            try:
                decoded.events.extend(_arrived(framed))
            except (events.Refused, OverflowError) as error:
                decoded.fault = f"a batch is not what the gateway lets in: {error}"
    except ValueError as error:
        decoded.fault = str(error)
    return decoded


def _arrived(framed: intake.FramedBatch) -> Iterator[Arrived]:
    batch = events.decode(framed.body)
    meta = framed.meta
    received_at, skew = times.from_micros(meta.received_at), timedelta(microseconds=meta.skew)
    simulated = batch.context is not None and batch.context.simulated
    trace = {"request_id": meta.request_id} if meta.request_id else {}
    if meta.traceparent:
        trace["traceparent"] = meta.traceparent
    for event in batch.events:
        event.event_id = event.event_id.lower()
        at = times.corrected(event.timestamp, skew, received_at)
        target = event.target_element
        yield Arrived(
            event,
            seen(
                at=times.micros(at),
                event_id=event.event_id,
                event_type=event.event_type,
                url=event.url,
                selector=target.selector if target else None,
                tag=target.tag if target else None,
                properties=event.properties,
                stale=received_at - at > times.STALE_AFTER,
            ),
            at,
            received_at,
            meta.verified,
            simulated,
            trace,
        )
