"""A batch taken apart: each of its events as a frame of its own, as the gateway would have framed it. Pure."""

from collections.abc import Sequence

import msgspec

from handrail_contracts import intake

_SECRET = ("token", "api_key")
"""Have served their purpose at the gateway; a part may be kept for long."""

_batch = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_any = msgspec.json.Decoder(dict[str, object])


class Glance(msgspec.Struct):
    """What can be told of an event that is not what it should be."""

    event_id: str | None = None
    user_id: str | None = None
    event_type: str | None = None


def parts(framed: intake.FramedBatch) -> list[bytes] | None:
    """One frame for each event, in order; None where the events cannot be told apart."""
    try:
        batch = _batch.decode(framed.body)
        events: Sequence[msgspec.Raw] = _list.decode(batch.pop("events", msgspec.Raw(b"null")))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    for name in _SECRET:
        batch.pop(name, None)
    return [intake.frame(framed.meta, msgspec.json.encode({**batch, "events": [one]})) for one in events]


def glance(frame: bytes) -> Glance:
    """What is readable of the one event in a frame made by `parts`."""
    try:
        (framed,) = intake.split(frame)
        (raw,) = _list.decode(_batch.decode(framed.body)["events"])
        event = _any.decode(raw)
    except (msgspec.MsgspecError, ValueError, KeyError, RecursionError):
        return Glance()
    found = {name: value for name in Glance.__struct_fields__ if isinstance(value := event.get(name), str)}
    return Glance(**found)
