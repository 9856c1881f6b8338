"""How a contested field is told: whose it is, and what can be done. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from handrail_contracts.operator_calls import ReplyProblem
from handrail_operator.calls.fields import loc, shown
from handrail_operator.edits import MAX_ERRORS
from handrail_operator.kube.managed_fields import Path

_PLAIN = re.compile(r"(?:\.[A-Za-z]+)*")


def seen_by_us(contested: Mapping[Path, Sequence[str]], wanted: Any) -> ReplyProblem:
    """`wanted`: the spec as the caller wrote it, in which places are named."""
    return _problem(
        [
            {"loc": loc(path, wanted), "msg": f"{shown(path)} belongs to {_named(managers)}"}
            for path, managers in contested.items()
        ]
    )


def seen_by_server(contested: Sequence[tuple[str, str]]) -> ReplyProblem:
    """(field as the API server writes it, manager): .spec.tone.voice, .spec.baselines[name="one"].success.event."""
    errors = []
    for text, manager in contested:
        plain = _PLAIN.match(text)
        parts: list[str | int] = [*plain[0].split(".")[1:]] if plain else []
        place = parts[1:] if parts[:1] == ["spec"] else parts
        errors.append({"loc": place, "msg": f"{text.removeprefix('.spec.')} belongs to {_named([manager])}"})
    return _problem(errors)


def _problem(errors: list[dict[str, Any]]) -> ReplyProblem:
    more = f", and {len(errors) - 1} more" if len(errors) > 1 else ""
    detail = f"{errors[0]['msg']}{more}. Change it there, or take it over: ask again with take_over=true."
    return ReplyProblem("conflict", detail, errors[:MAX_ERRORS])


def _named(managers: Iterable[str]) -> str:
    return ", ".join(f'"{manager}"' for manager in managers)
