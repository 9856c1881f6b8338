"""From a message of the EVENTS stream to events with corrected times. Pure.

The gateway has validated what is here; it is read once more as far as it is needed, and the rest is passed on as it
came. Whatever the database will not hold is found there, and costs only its own event.
"""

import contextlib
from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec

from handrail_contracts import intake, times
from handrail_contracts.events import Context, Target
from handrail_runtime.data.dead_letters import Letter
from handrail_runtime.ingest import parts
from handrail_runtime.session.seen import TELLING, Seen, Told, seen


class Event(msgspec.Struct, gc=False):
    """One event as it came, its properties unread."""

    event_id: Annotated[str, msgspec.Meta(min_length=36, max_length=36)]
    event_type: str
    user_id: str
    session_id: str
    timestamp: times.Rfc3339
    url: str = ""
    target_element: Target | None = None
    properties: msgspec.Raw = msgspec.Raw(b"{}")


class _Batch(msgspec.Struct, gc=False):
    events: list[Event]
    context: Context | None = None


class Origin(msgspec.Struct, frozen=True, gc=False):
    """What is the same for all events of a batch."""

    packed: int
    """When it was received (microseconds since 1970), verified, simulated, in one number: the last two bits."""
    simulated: bool
    trace: dict[str, str]
    """As in `Signal.trace`."""


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """One event as it came, and as detectors see it."""

    event: Event
    seen: Seen
    origin: Origin

    @property
    def at(self) -> datetime:
        """Corrected."""
        return times.from_micros(self.seen.at)

    def properties(self) -> dict[str, Any]:
        """All of them, read."""
        found: dict[str, Any] = _all.decode(self.event.properties)
        return found


class Decoded(msgspec.Struct):
    """What a message held: events, and dead letters for what could not be read."""

    events: list[Arrived]
    letters: list[Letter]


_batch = msgspec.json.Decoder(_Batch)
_all = msgspec.json.Decoder(dict[str, Any])
_told = msgspec.json.Decoder(Told)
_STALE = times.STALE_AFTER // timedelta(microseconds=1)
_NOTHING = Told()
UNREADABLE = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


def decode(message: bytes) -> Decoded:
    """Never raises: what cannot be read becomes a dead letter, and the rest of the message is kept."""
    decoded = Decoded([], [])
    try:
        for framed in intake.split(message):
            try:
                decoded.events.extend(_arrived(framed))
            except UNREADABLE as error:
                _take_apart(framed, error, decoded)
    except ValueError as error:
        decoded.letters.append(Letter("message", "poison", str(error), message))
    return decoded


def _take_apart(framed: intake.FramedBatch, error: Exception, into: Decoded) -> None:
    """Only the events that cannot be read are put aside; or the whole batch, where none can."""
    events: list[Arrived] = []
    letters: list[Letter] = []
    for part in parts.parts(framed) or ():
        try:
            events.extend(_of_part(part))
        except UNREADABLE as fault:
            seen_of_it = parts.glance(part)
            letters.append(
                Letter(
                    "event",
                    "poison",
                    str(fault),
                    part,
                    event_id=seen_of_it.event_id,
                    user_id=seen_of_it.user_id,
                    event_type=seen_of_it.event_type,
                )
            )
    if events or len(letters) == 1:
        into.events.extend(events)
        into.letters.extend(letters)
    else:
        into.letters.append(Letter("batch", "poison", str(error), intake.frame(framed.meta, framed.body)))


def alone(message: bytes, number: int) -> bytes:
    """A frame that holds only the event that `decode(message).events[number]` was made of. Slow: reads it all again.

    Raises IndexError.
    """
    for framed in intake.split(message):
        try:
            count = len(_arrived(framed))
        except UNREADABLE:
            for part in parts.parts(framed) or ():
                with contextlib.suppress(*UNREADABLE):
                    _of_part(part)
                    if number == 0:
                        return part
                    number -= 1
            continue
        if number < count:
            return (parts.parts(framed) or [])[number]
        number -= count
    raise IndexError("there are fewer events in the message")


def _of_part(part: bytes) -> list[Arrived]:
    (framed,) = intake.split(part)
    return _arrived(framed)


def _arrived(framed: intake.FramedBatch) -> list[Arrived]:
    batch = _batch.decode(framed.body)
    meta = framed.meta
    received_at, skew = meta.received_at, meta.skew
    trace = {"request_id": meta.request_id} if meta.request_id else {}
    if meta.traceparent:
        trace["traceparent"] = meta.traceparent
    simulated = batch.context is not None and batch.context.simulated
    origin = Origin(received_at << 2 | meta.verified << 1 | simulated, simulated, trace)
    found = []
    for event in batch.events:
        event.event_id = event_id = event.event_id.lower()
        at = times.corrected_micros(event.timestamp, skew, received_at)
        target = event.target_element
        look = seen(
            at,
            event_id,
            event.event_type,
            event.url,
            target.selector if target else None,
            target.tag if target else None,
            _told.decode(event.properties) if event.event_type in TELLING else _NOTHING,
            received_at - at > _STALE,
        )
        found.append(Arrived(event, look, origin))
    return found
