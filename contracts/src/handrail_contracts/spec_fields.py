"""How the fields of a tenant's spec are read: the same here and, by their schema, at the API server.

Durations have a room of their own (`durations`).
"""

import re
from decimal import Decimal
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
)
from pydantic.alias_generators import to_camel

from handrail_contracts import patterns
from handrail_contracts.lenient_json import has_surrogate

Name = Annotated[str, Field(pattern=patterns.NAME, max_length=63)]


_LIST_TYPE = "x-kubernetes-list-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
SET: dict[str, Any] = {_LIST_TYPE: "set"}
"""A list of plain values, none twice."""


def rule(holds: str, message: str) -> dict[str, Any]:
    """What a validator of a model checks, for the API server (CEL)."""
    return {"x-kubernetes-validations": [{"rule": holds, "message": message}]}


def told_apart_by(*names: str) -> dict[str, Any]:
    """A list of objects that are told apart by these fields: each writer owns its own (server-side apply)."""
    return {_LIST_TYPE: "map", _MAP_KEYS: list(names)}


def _refuse_twice(values: list[Any], keys: Any) -> None:
    found = [tuple(getattr(value, key) for key in keys) if keys else (value,) for value in values]
    if twice := sorted({entry for entry in found if found.count(entry) > 1}):
        what = "/".join(keys) if keys else "entry"
        raise ValueError(
            f"each {what} must be unique; twice: {', '.join('/'.join(map(str, entry)) for entry in twice)}"
        )


class StrictModel(BaseModel):
    """Strict, as the API server is with the same file: "false" is no boolean, 300 no duration, "7" no number."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)

    @field_validator("*")
    @classmethod
    def _nothing_twice(cls, value: Any, info: ValidationInfo) -> Any:
        """What a list's schema says of its entries."""
        extra = cls.model_fields[info.field_name or ""].json_schema_extra
        if isinstance(extra, dict) and _LIST_TYPE in extra:
            _refuse_twice(value, extra.get(_MAP_KEYS))
        return value


def refuse_nul(value: Any) -> None:
    """NUL and lone surrogates can be kept nowhere behind this door. Raises ValueError."""
    if isinstance(value, str):
        if "\0" in value or has_surrogate(value):
            raise ValueError("texts must hold neither NUL nor lone surrogates")
    elif isinstance(value, dict):
        for key, child in value.items():
            refuse_nul(key)
            refuse_nul(child)
    elif isinstance(value, list):
        for child in value:
            refuse_nul(child)


_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
"""As a browser writes it: names in ASCII (xn--... for others), IPv6 in brackets, which are off here."""


def check_origin(value: str) -> str:
    """Exactly `scheme://host[:port]`, as a browser sends it, or `*`. Raises ValueError."""
    if value == "*":
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError(patterns.ORIGIN_WANTED) from error
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    exact = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    host_fits = _HOST.fullmatch(parts.hostname or "") is not None
    if parts.scheme not in ("http", "https") or not host_fits or value != exact:
        raise ValueError(patterns.ORIGIN_WANTED)
    return value


Origin = Annotated[
    str, Field(max_length=300, json_schema_extra={"pattern": patterns.ORIGIN}), AfterValidator(check_origin)
]


def _money(value: Decimal) -> str:
    return f"{value:.2f}"


def _read_money(value: object) -> object:
    """Money is a text: a number of YAML or JSON would be rounded before it is seen."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not re.fullmatch(patterns.AMOUNT, value):
        raise ValueError(patterns.AMOUNT_WANTED)
    return Decimal(value)


Money = Annotated[Decimal, BeforeValidator(_read_money), PlainSerializer(_money, return_type=str)]
"""An amount in US dollars, a text of the form `patterns.AMOUNT` in JSON."""
