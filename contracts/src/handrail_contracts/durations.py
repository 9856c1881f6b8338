"""Durations as Go writes them (`90s`, `5m`, `1h30m`), the form Kubernetes users know."""

import re
from datetime import timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, PlainSerializer, WithJsonSchema

PATTERN = r"^(?:[0-9]{1,9}(?:\.[0-9]{1,9})?(?:ms|s|m|h))+$"
_COUNTABLE = r"^(?:0*[0-9]{1,9}(?:\.[0-9]+)?(?:ms|s)|0*[0-9]{1,7}(?:\.[0-9]+)?m|0*[0-9]{1,5}(?:\.[0-9]+)?h)+$"
"""Durations that even in sum fit the API server's 64 bits of nanoseconds; what does not is years beyond any bound."""
_PART = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)(ms|s|m|h)")
_WHOLE = re.compile(PATTERN)
WANTED = "a duration like 90s, 5m or 24h is wanted"
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def parse(text: str) -> timedelta:
    """`"1h30m"` -> 90 minutes. Raises ValueError for anything Go's form with ms, s, m, h does not allow."""
    if len(text) > 64 or not _WHOLE.fullmatch(text):
        raise ValueError(WANTED)
    return timedelta(seconds=sum(float(n) * _SECONDS[unit] for n, unit in _PART.findall(text)))


def render(value: timedelta) -> str:
    """90 minutes -> `"1h30m"`; the shortest form, down to milliseconds."""
    rest = round(value.total_seconds() * 1000)
    out = ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, rest = divmod(rest, size)
        if count:
            out += f"{count}{unit}"
    return out or "0s"


def _read(value: object) -> object:
    if isinstance(value, str):
        return parse(value)
    if isinstance(value, timedelta):
        return value
    raise ValueError(WANTED)


def _from(low: timedelta, high: timedelta) -> tuple[AfterValidator, WithJsonSchema]:
    """Bounds as Python checks them, and as the API server does."""
    message = f"must be from {render(low)} to {render(high)}"

    def check(value: timedelta) -> timedelta:
        if not low <= value <= high:
            raise ValueError(message)
        return value

    within = f"duration(self) >= duration('{render(low)}') && duration(self) <= duration('{render(high)}')"
    # What is no duration is refused by its form already; what the server cannot count is beyond every bound.
    rule = f"!self.matches(r'{PATTERN}') || (self.matches(r'{_COUNTABLE}') && {within})"
    rules = [{"rule": rule, "message": message}]
    schema = {"type": "string", "pattern": PATTERN, "maxLength": 64, "x-kubernetes-validations": rules}
    return AfterValidator(check), WithJsonSchema(schema)


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(render, return_type=str)]
"""A Pydantic field type: a Go duration in JSON, a `timedelta` in Python."""

Short = Annotated[Duration, *_from(timedelta(milliseconds=100), timedelta(minutes=5))]
Medium = Annotated[Duration, *_from(timedelta(seconds=1), timedelta(hours=24))]
Long = Annotated[Duration, *_from(timedelta(seconds=1), timedelta(days=90))]
