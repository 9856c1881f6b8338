"""JSON of strangers, read so that one bad place does not make the whole unreadable, and what of it cannot be kept."""

import json
import math
from typing import Any

import msgspec

_decoder = msgspec.json.Decoder()


class _OutOfRange:
    """Stands for a number that no float or int can hold."""


_OUT_OF_RANGE = _OutOfRange()


def is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def read(body: bytes) -> Any:
    """The JSON in `body`. Raises msgspec.MsgspecError, UnicodeDecodeError, RecursionError.

    A number out of range and a lone surrogate (half of a character that a script cut in two) make their place bad
    and not the whole unreadable, so that a client learns which event to drop.
    """
    try:
        return _decoder.decode(body)
    except msgspec.MsgspecError:
        try:
            return json.loads(body.decode(), parse_int=_int, parse_float=_float, parse_constant=_no_constant)
        except ValueError:
            pass
        raise


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def _int(text: str) -> int | _OutOfRange:
    try:
        return int(text)
    except ValueError:
        return _OUT_OF_RANGE


def _float(text: str) -> float | _OutOfRange:
    value = float(text)
    return value if math.isfinite(value) else _OUT_OF_RANGE


def has_surrogate(text: str) -> bool:
    """Whether half a character stands in it, which no UTF-8 can hold."""
    return not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text)


def holds_surrogate(value: Any) -> bool:
    """Whether half a character stands anywhere in a value of `read`."""
    # No recursion: what nobody keeps may be nested as deeply as it likes.
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            if has_surrogate(part):
                return True
        elif isinstance(part, dict):
            waiting += (*part, *part.values())
        elif isinstance(part, list):
            waiting += part
    return False


def unkeepable(value: Any) -> str | None:
    """Why a value of `read` cannot be kept as it is, or None. It must not be nested deeply (recursion)."""
    if isinstance(value, str):
        if has_surrogate(value):
            return "must not hold a lone surrogate"
        return "must not hold a NUL character" if "\0" in value else None
    if isinstance(value, dict):
        return next((fault for part in (*value, *value.values()) if (fault := unkeepable(part))), None)
    if isinstance(value, list):
        return next((fault for part in value if (fault := unkeepable(part))), None)
    return "must not hold a number out of range" if value is _OUT_OF_RANGE else None


def depth_within(value: Any, levels: int) -> bool:
    """Whether a dict or list has at most so many levels."""
    if levels < 1:
        return False
    children = value.values() if isinstance(value, dict) else value
    return all(depth_within(child, levels - 1) for child in children if isinstance(child, dict | list))
