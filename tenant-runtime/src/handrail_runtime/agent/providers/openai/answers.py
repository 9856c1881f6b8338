"""A model's answer, parsed and mended. What is not usable raises Unusable, in words that help the model next time.

Nothing of an answer is taken on trust: figures are brought into their range, an element must be one of those shown,
links lead to the tenant's own pages, texts have their length, language and form. Pure.
"""

import contextlib
import math
import re
from collections.abc import Set
from typing import Any, Literal, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictFloat, StrictInt, ValidationError

from handrail_contracts.nudges import Action, Diagnosis, NudgeText
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.providers.openai import language, markdown
from handrail_runtime.agent.providers.openai.view import View
from handrail_runtime.agent.providers.provider import Coaching, Notes

MAX_TITLE, MAX_BODY, MAX_LABEL, MAX_REASON = 80, 600, 60, 1000
MAX_ACTIONS = 3

_FENCE = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
_NUMBER = re.compile(r"\s*([+-]?\d{1,30}(?:[.,]\d{1,30})?)\s*(%?)\s*")


class Unusable(Exception):
    """Why an answer cannot be used. Quotes nothing of it."""


class _Answer(BaseModel):
    """Unknown fields are passed over; the schema asks for none."""

    model_config = ConfigDict(extra="ignore")


class _Diagnosis(_Answer):
    is_stuck: StrictBool
    confidence: StrictFloat | StrictInt | str
    reason: str
    target: str | None = None


class _Button(_Answer):
    kind: Literal["dismiss", "link"]
    label: str
    url: str | None = None


class _Text(_Answer):
    title: str
    body: str
    actions: list[Any] = Field(default_factory=list)


A = TypeVar("A", bound=_Answer)


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


DIAGNOSIS_SCHEMA = _object(
    is_stuck={"type": "boolean", "description": "Whether this user needs help now."},
    confidence={"type": "number", "description": "From 0 to 1."},
    reason={"type": "string", "description": "One or two sentences in English, for the product team."},
    target={"type": ["string", "null"], "description": "One of the elements shown, letter by letter, or null."},
)
TEXT_SCHEMA = _object(
    title={"type": "string", "description": "At most 60 characters, no markup."},
    body={"type": "string", "description": "At most 400 characters of small Markdown."},
    actions={
        "type": "array",
        "description": "None to three buttons.",
        "items": _object(
            kind={"type": "string", "enum": ["dismiss", "link"]},
            label={"type": "string", "description": "At most 30 characters."},
            url={"type": ["string", "null"], "description": "Of a link, else null."},
        ),
    },
)
"""In the form that strict structured output asks for: all required, nothing else. Lengths are not part of that form."""


def diagnosis(text: str, case: Case, view: View, notes: Notes) -> Diagnosis:
    """Raises Unusable."""
    answer = _parse(_Diagnosis, text)
    reason = markdown.cut(markdown.plain(answer.reason), MAX_REASON)
    if not reason:
        raise Unusable("`reason` was empty")
    shown = (answer.target or "").strip()
    target = view.targets.get(shown)
    if shown and target is None and shown.lower() not in ("null", "none"):
        notes.remarks.append("The diagnosis pointed at an element that does not occur in the case; it points at none.")
    return Diagnosis(
        is_stuck=answer.is_stuck,
        # Where, is known from the signal: caps and escalation count by it.
        stuck_point=case.signal.stuck_point[:500],
        confidence=_confidence(answer.confidence, notes),
        reason=reason,
        target=target,
    )


def coaching(text: str, case: Case, notes: Notes) -> Coaching:
    """Raises Unusable."""
    answer = _parse(_Text, text)
    origins = frozenset(case.spec.origins)
    title = markdown.cut(markdown.plain(answer.title), MAX_TITLE)
    body = markdown.small(answer.body, origins)
    if not title or not body:
        raise Unusable("`title` or `body` was empty")
    if body.split() != answer.body.split():
        notes.remarks.append("Markup or addresses were taken out of the text.")
    if len(body) > MAX_BODY or len(answer.title) > MAX_TITLE:
        notes.remarks.append("The text was cut to its length.")
    wanted = case.spec.tone.language
    if not language.plausible(f"{title}. {body}", wanted):
        raise Unusable(f"the text was not in the language {wanted}; every word the user reads must be")
    nudge = NudgeText(title=title, body=markdown.cut(body, MAX_BODY), actions=_actions(answer.actions, origins, notes))
    return Coaching(nudge, wanted)


def _parse(kind: type[A], text: str) -> A:
    if found := _FENCE.match(text):
        text = found[1]
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise Unusable("it was not one JSON object") from None
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        # Names of our own fields alone, nothing of the answer.
        fields = sorted({str(each["loc"][0]) for each in error.errors() if each["loc"]} & kind.model_fields.keys())
        raise Unusable(f"it was not as the schema says: {', '.join(fields) or 'not an object'}") from None


def _confidence(given: float | str, notes: Notes) -> float:
    """Between 0 and 1. What looks like per cent is; below 0 is 0; anything else says nothing."""
    value = math.nan
    if isinstance(given, str):
        if found := _NUMBER.fullmatch(given):
            value = float(found[1].replace(",", ".")) / (100 if found[2] else 1)
    else:
        with contextlib.suppress(OverflowError):
            value = float(given)
    if 0 <= value <= 1:
        return round(value, 4)
    if 1 < value <= 100:
        notes.remarks.append("The confidence was given in per cent.")
        return round(value / 100, 4)
    if -100 <= value < 0:
        notes.remarks.append("The confidence was below 0 and counts as 0.")
        return 0.0
    raise Unusable("`confidence` must be a number from 0 to 1")


def _actions(given: list[Any], origins: Set[str], notes: Notes) -> list[Action]:
    """Buttons that are safe and fit; their ids are ours, so they are unique."""
    found: list[Action] = []
    dropped = 0
    for one in given:
        try:
            action = _Button.model_validate(one)
        except ValidationError:
            dropped += 1
            continue
        label = markdown.cut(markdown.plain(action.label), MAX_LABEL)
        linked = action.kind == "link"
        url = (action.url or "").strip()
        again = any(each.kind == "dismiss" for each in found) and not linked
        if not label or again or len(found) == MAX_ACTIONS or (linked and markdown.origin_of(url) not in origins):
            dropped += 1
            continue
        if linked:
            found.append(Action(id=f"link-{len(found) + 1}", label=label, kind="link", url=url[:2048]))
        else:
            found.append(Action(id="dismiss", label=label, kind="dismiss"))
    if dropped:
        notes.remarks.append(
            f"{dropped} of the buttons were left out: only closing and links to own pages are allowed."
        )
    return found
