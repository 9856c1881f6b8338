"""Cursors: where a page ended, as opaque text. Keyset, so that what comes meanwhile moves nothing."""

import base64
from datetime import datetime
from typing import Any
from zlib import crc32

import msgspec

from handrail_contracts import times

MAX_LENGTH = 2000


class _Place(msgspec.Struct, array_like=True):
    at: int
    ids: list[str]


_decoder = msgspec.msgpack.Decoder(_Place)


def write(name: str, at: datetime, ids: list[Any]) -> str:
    """The cursor after the row of list `name` with this time and these ids."""
    body = msgspec.msgpack.encode(_Place(times.micros(at), [str(part) for part in ids]))
    return base64.urlsafe_b64encode(_check(name, body) + body).decode().rstrip("=")


def read(name: str, text: str, ids: int) -> tuple[datetime, list[str]]:
    """The time and the ids in a cursor of list `name`. Raises ValueError where it was not made for it."""
    try:
        data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        place = _decoder.decode(data[4:])
        at = times.from_micros(place.at)
    except (ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise ValueError("not a cursor of this list") from error
    if data[:4] != _check(name, data[4:]) or len(place.ids) != ids:
        raise ValueError("not a cursor of this list")
    return at, place.ids


def _check(name: str, body: bytes) -> bytes:
    """Finds mistakes, not attacks: a cursor opens nothing that its bearer may not read."""
    return crc32(body, crc32(name.encode())).to_bytes(4, "big")
