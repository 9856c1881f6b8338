"""Decides about a wanted change of a spec. Pure: the spec as it stands in, the new spec or a problem out."""

from collections.abc import Container
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from handrail_contracts.operator_calls import ConfigEdit, OperatorReply, ReplyProblem
from handrail_contracts.refusals import refusals
from handrail_contracts.tenant_spec import PLATFORM_FIELDS, TenantSpec

MAX_ERRORS = 1000
"""Of one answer."""
_DEEPEST = 16
"""Levels; a spec has seven."""


@dataclass(frozen=True)
class Accepted:
    spec: TenantSpec
    wanted: dict[str, Any]
    """As the caller wrote it, merged where it was a patch: what is missing is left to its default."""


def decide(
    current: TenantSpec, written: dict[str, Any], edit: ConfigEdit, *, plans: Container[str] | None = None
) -> Accepted | ReplyProblem:
    """`written`: the current spec as it stands in its home. `plans`: names of the platform's; None: not looked at."""
    if _deeper_than(_DEEPEST, edit.body):
        return _invalid([{"loc": [], "msg": f"nested deeper than {_DEEPEST} levels"}])
    if edit.if_match is not None and current.etag() not in _tags(edit.if_match):
        return ReplyProblem("precondition_failed", "The config has changed since it was read.")
    wanted = edit.body if edit.mode == "replace" else merged(written, edit.body)
    if not edit.platform:
        # The platform's own fields keep their values when a whole spec leaves them out.
        wanted = {name: written[name] for name in PLATFORM_FIELDS if name in written} | wanted
    try:
        # By the names in the file alone: as the API server, and not by Python's names for them, too.
        spec = TenantSpec.model_validate(wanted, by_alias=True, by_name=False)
    except ValidationError as error:
        found = refusals(error, TenantSpec, MAX_ERRORS)
        return _invalid([{"loc": list(place), "msg": reason} for place, reason in found])
    if not edit.platform and (touched := _touched(current, spec)):
        errors = [{"loc": [name], "msg": "belongs to the platform"} for name in touched]
        return ReplyProblem("platform_field", f"Only the platform may change {', '.join(touched)}.", errors)
    if not edit.platform and _key_would_go_elsewhere(current, spec):
        message = (
            "a host that was not given this key would get it: only the platform's owner may bring the two together"
        )
        errors = [{"loc": ["llm", "baseURL"], "msg": message}]
        return ReplyProblem("invalid", "Who may edit the config may not choose who gets the model's key.", errors)
    if plans is not None and spec.plan not in plans and spec.plan != current.plan:
        return _invalid([{"loc": ["plan"], "msg": "there is no such plan"}])
    return Accepted(spec, wanted)


def _invalid(errors: list[dict[str, Any]]) -> ReplyProblem:
    return ReplyProblem("invalid", "The config is not valid.", errors)


def _deeper_than(levels: int, value: Any) -> bool:
    if not isinstance(value, (dict, list)):
        return False
    children = value.values() if isinstance(value, dict) else value
    return levels == 0 or any(_deeper_than(levels - 1, child) for child in children)


def reply(spec: TenantSpec) -> OperatorReply:
    return OperatorReply(value={"spec": spec.dump(), "etag": spec.etag()})


def _touched(current: TenantSpec, spec: TenantSpec) -> list[str]:
    before, after = current.dump(), spec.dump()
    return [name for name in PLATFORM_FIELDS if before.get(name) != after.get(name)]


def _key_would_go_elsewhere(current: TenantSpec, spec: TenantSpec) -> bool:
    """Whoever may edit the config may not read its secrets, so they must not be sent where he likes, either: neither
    at once, nor by taking the key away, changing the host, and naming the key again."""
    if spec.llm.api_key_secret_ref is None:
        return False
    named_anew = current.llm.api_key_secret_ref is None and spec.llm.base_url != ""
    return named_anew or _place(current.llm.base_url) != _place(spec.llm.base_url)


def _place(url: str) -> tuple[str, str]:
    """Whom an address reaches, and how: encrypted or not counts, as does the port."""
    parts = urlsplit(url)
    return parts.scheme.lower(), parts.netloc.lower()


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}


def merged(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result
