"""What a person is told of a wrong place in a tenant's document. Pure.

The models' own words are kept where they say what is wanted. Never the value that was found: it may be a secret.
"""

from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from handrail_contracts import patterns

_LONGEST_TYPO = 60
"""Characters; nothing is near a longer name, and looking would take long."""


def refusals(error: ValidationError, document: type[BaseModel], most: int | None = None) -> Iterator[tuple[Any, str]]:
    """Place (as pydantic's `loc`) and reason of the first `most` faults; `document`: the model that was read."""
    for one in error.errors(include_url=False, include_input=False)[:most]:
        yield one["loc"], _reason(one, document)


def _reason(one: ErrorDetails, document: type[BaseModel]) -> str:
    if one["type"] == "string_pattern_mismatch":
        return patterns.WORDS.get(one["ctx"]["pattern"], one["msg"])
    if one["type"] == "extra_forbidden":
        return _unknown(one["loc"], document)
    return one["msg"].removeprefix("Value error, ")


def _unknown(place: Sequence[str | int], document: type[BaseModel]) -> str:
    known = _fields_at(place[:-1], document)
    name = str(place[-1])
    near = get_close_matches(name, known, n=1) if len(name) <= _LONGEST_TYPO else []
    if not near:
        near = [one for one in known if one.lower() == name.lower()]
    if near:
        return f"unknown field; did you mean {near[0]}?"
    return f"unknown field; known here: {', '.join(known)}" if known else "unknown field"


def _fields_at(place: Sequence[str | int], document: type[BaseModel]) -> list[str]:
    """By their names in a file; none where the place is not known."""
    model: type[BaseModel] | None = document
    for part in place:
        if isinstance(part, str):
            model = _child(model, part) if model is not None else None
    return [field.alias or name for name, field in model.model_fields.items()] if model is not None else []


def _child(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    for own, field in model.model_fields.items():
        if name in (own, field.alias):
            return _model_of(field.annotation)
    return None


def _model_of(annotation: Any) -> type[BaseModel] | None:
    """Of an optional or a list: the one of its values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for inner in get_args(annotation) if (found := _model_of(inner)) is not None), None)
