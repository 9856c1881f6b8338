"""What of a case a model sees: what is needed to judge and to help, scrubbed, and of bounded size. Pure.

No traits, no ids, no texts of the page but names the tenant gave to elements; of an event's properties only those
listed here.
"""

import json
from dataclasses import dataclass
from typing import Any

from handrail_contracts import times
from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case, Seen
from handrail_runtime.agent.providers.openai.redaction import PSEUDONYM, scrubber

EVENTS_SIZE = 8_000
"""Characters of events in a question; the newest have precedence."""
MAX_BASELINES = 10
MAX_TEXT = 200
MAX_QUESTION = 1_500
MAX_SELECTOR = 500

_PROPERTIES = frozenset({"reacted", "count", "filled", "ms", "changed", "valid", "kind", "status", "state", "name"})
_EVIDENCE_TEXT = "text"


@dataclass(frozen=True)
class View:
    """`targets` maps each selector as the model sees it to the true one."""

    case: dict[str, Any]
    targets: dict[str, str]

    def document(self, diagnosis: Diagnosis | None = None) -> str:
        """What stands between the tags; for the coach with the diagnosis."""
        if diagnosis is None:
            return document(self.case)
        shown = next((shown for shown, true in self.targets.items() if true == diagnosis.target), None)
        found = {"reason": diagnosis.reason, "points_at": shown}
        return document(self.case | {"diagnosis": found})


def of(case: Case) -> View:
    return _Viewer(case).view()


class _Viewer:
    def __init__(self, case: Case) -> None:
        self._case = case
        self._scrub = scrubber(case.signal.user_id)
        self._targets: dict[str, str] = {}

    def view(self) -> View:
        case, signal = self._case, self._case.signal
        events, left_out = self._events()
        found = {
            "user": {
                "name": PSEUDONYM,
                "hours_since_first_seen": round((case.now - case.signup).total_seconds() / 3600, 1)
                if case.signup
                else None,
                "finished": sorted(case.standing.done)[:MAX_BASELINES],
                "asked_for_help": case.asked,
            },
            "current_page": self._text(case.path),
            "signal": {
                "kind": signal.kind,
                "seconds_ago": round((case.now - times.from_micros(signal.occurred_at)).total_seconds()),
                "page": self._text(signal.path),
                "element": self._selector(signal.selector),
                "evidence": self._evidence(),
            },
            "awaited": {"path_to_success": signal.baseline, "step": case.step.name} if case.step else None,
            "paths_to_success": [
                {
                    "name": baseline.name,
                    "steps": [
                        _filled(
                            name=step.name,
                            event=step.event,
                            page=step.path,
                            element=self._selector(step.selector),
                        )
                        for step in baseline.steps
                    ],
                }
                for baseline in case.spec.baselines[:MAX_BASELINES]
            ],
            "events_left_out": left_out,
            "events": events,
            "nudges_already_sent_here": case.history.at_stuck_point,
        }
        return View(found, self._targets)

    def _events(self) -> tuple[list[dict[str, Any]], int]:
        """Oldest first; the oldest are left out where all would be too much."""
        found: list[dict[str, Any]] = []
        left = EVENTS_SIZE
        for seen in reversed(self._case.events):
            event = self._event(seen)
            left -= len(json.dumps(event))
            if left < 0:
                break
            found.append(event)
        return found[::-1], len(self._case.events) - len(found)

    def _event(self, seen: Seen) -> dict[str, Any]:
        target = seen.target
        more = {
            key: self._value(value)
            for key, value in seen.properties.items()
            if key in _PROPERTIES and isinstance(value, str | int | float | bool)
        }
        return _filled(
            seconds_ago=round((self._case.now - seen.at).total_seconds()),
            type=seen.event_type,
            page=self._text(seen.path),
            element=self._selector(target.get("selector")),
            element_name=self._text(target.get("name") or ""),
            role=self._text(target.get("role") or target.get("tag") or ""),
            **{"said": self._text(seen.properties["text"], MAX_QUESTION)}
            if seen.event_type == "user_message" and isinstance(seen.properties.get("text"), str)
            else {},
            **{f"with_{key}": value for key, value in more.items()},
        )

    def _evidence(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key, value in list(self._case.signal.evidence.items())[:20]:
            if key == "element":
                found[key] = self._selector(value)
            elif key == _EVIDENCE_TEXT:
                found["question"] = self._text(value, MAX_QUESTION)
            elif isinstance(value, str | int | float | bool):
                found[self._text(key)] = self._value(value)
        return found

    def _value(self, value: str | float | bool) -> str | float | bool:
        return self._text(value) if isinstance(value, str) else value

    def _text(self, value: object, limit: int = MAX_TEXT) -> str:
        return self._scrub(str(value))[:limit] if value else ""

    def _selector(self, selector: object) -> str | None:
        if not isinstance(selector, str) or not selector or len(selector) > MAX_SELECTOR:
            return None
        shown = self._scrub(selector)
        self._targets.setdefault(shown, selector)
        return shown


def _filled(**given: Any) -> dict[str, Any]:
    """Without what says nothing."""
    return {key: value for key, value in given.items() if value not in ("", None)}


def document(case: dict[str, Any]) -> str:
    """JSON that cannot hold a tag, so that nothing inside can end the place it stands in."""
    text = json.dumps(case, ensure_ascii=False, allow_nan=False, default=str)
    for each in "<>&":
        text = text.replace(each, f"\\u{ord(each):04x}")
    return text
