"""The prompts: files with a version in their name, and the messages made of them.

A prompt is `<name>.<version>.md` with `<name>.<version>.examples.json` beside it. Whoever changes one gives it a new
version; a test holds the files against `versions.json`.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import msgspec

from handrail_contracts.tenant_spec import Tone
from handrail_runtime.agent.providers.openai.view import document

FILES = resources.files("handrail_runtime.agent.providers.openai") / "prompts"
DIAGNOSE, COACH = "diagnose.v1", "coach.v1"

Message = dict[str, str]


class _Example(msgspec.Struct):
    case: dict[str, Any]
    answer: dict[str, Any]


@dataclass(frozen=True)
class Prompt:
    """`digest` is of the files' content."""

    version: str
    text: str
    shown: tuple[Message, ...]
    digest: str


@cache
def load(version: str) -> Prompt:
    """Raises FileNotFoundError."""
    text = (FILES / f"{version}.md").read_bytes()
    examples = (FILES / f"{version}.examples.json").read_bytes()
    shown: list[Message] = []
    for each in msgspec.json.decode(examples, type=list[_Example]):
        shown.append(_case(document(each.case)))
        shown.append({"role": "assistant", "content": msgspec.json.encode(each.answer).decode()})
    digest = hashlib.sha256(text + b"\x00" + examples).hexdigest()
    return Prompt(version, text.decode(), tuple(shown), digest)


def versions() -> str:
    """As the decision record keeps it."""
    return "+".join(f"{each}-{load(each).digest[:8]}" for each in (DIAGNOSE, COACH))


def diagnose(case: str) -> list[Message]:
    """`case`: a JSON document that holds no tags."""
    prompt = load(DIAGNOSE)
    return [{"role": "system", "content": prompt.text}, *prompt.shown, _case(case)]


def coach(case: str, tone: Tone) -> list[Message]:
    prompt = load(COACH)
    text = prompt.text
    for name, value in (
        ("voice", tone.voice),
        ("language", tone.language),
        ("instructions", tone.instructions.strip() or "none"),
    ):
        text = text.replace("{" + name + "}", value)
    return [{"role": "system", "content": text}, *prompt.shown, _case(case)]


def again(messages: list[Message], why: str) -> list[Message]:
    """The same question, sharper: `why` says what was wrong with the last answer. It is not shown that answer."""
    told = f"Your last answer could not be used: {why}. Answer the same case again, exactly as the rules say."
    return [*messages, {"role": "user", "content": told}]


def _case(text: str) -> Message:
    return {"role": "user", "content": f"<case>\n{text}\n</case>"}
