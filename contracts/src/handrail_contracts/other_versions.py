"""Reading what another version of Handrail wrote: while an upgrade or its way back is under way, a spec may hold fields
that are not known here. They are left out, as if they had not been written; a person's own input is read strictly.
"""

from typing import Any

from pydantic import ValidationError

from handrail_contracts.tenant_spec import TenantSpec

_UNKNOWN = "extra_forbidden"
Place = tuple[int | str, ...]


def read_spec(written: Any) -> tuple[TenantSpec, list[str]]:
    """The spec as far as it is known here, and the fields that are not. Raises pydantic.ValidationError for all else,
    also for a value of a known field that is not known."""
    try:
        return TenantSpec.model_validate(written), []
    except ValidationError as error:
        places = [one["loc"] for one in error.errors(include_url=False) if one["type"] == _UNKNOWN]
        if not places:
            raise
    spec = TenantSpec.model_validate(_without(written, places))
    return spec, sorted(".".join(map(str, place)) for place in places)


def _without(value: Any, places: list[Place]) -> Any:
    """A copy without what stands at these places."""
    if isinstance(value, dict):
        return {name: _without(child, _below(places, name)) for name, child in value.items() if (name,) not in places}
    if isinstance(value, list):
        return [_without(child, _below(places, index)) for index, child in enumerate(value)]
    return value


def _below(places: list[Place], step: int | str) -> list[Place]:
    return [place[1:] for place in places if place[0] == step and len(place) > 1]
