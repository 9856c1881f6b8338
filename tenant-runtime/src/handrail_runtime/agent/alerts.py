"""The alert a human gets: who is stuck where, what was seen, what was tried. Pure; delivery is not its matter."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case, Seen
from handrail_runtime.agent.providers import naming

LAST_EVENTS = 15
MAX_TEXT = 6000


def draft(case: Case, diagnosis: Diagnosis | None, sent: Sequence[dict[str, Any]], reason: str) -> dict[str, Any]:
    """`{subject, text, reason, questions, diagnosis, evidence, history, nudges}`: `text` reads on its own, the rest
    is for machines. `sent` is newest first."""
    question = _question(case)
    return {
        "subject": _subject(case),
        "text": _text(case, diagnosis, sent, question)[:MAX_TEXT],
        "reason": reason,
        "questions": [{"at": case.now.isoformat(), "text": question}] if question else [],
        "diagnosis": diagnosis.model_dump(mode="json") if diagnosis else None,
        "evidence": {"kind": case.signal.kind, "path": case.signal.path, **case.signal.evidence},
        "history": [_event(seen) for seen in case.events[-LAST_EVENTS:]],
        "nudges": list(sent),
    }


def _subject(case: Case) -> str:
    who = f"{case.spec.display_name}: {_user(case)}"
    return f"{who} asked for help" if case.asked else f"{who} is stuck at {_where(case)}"


def _where(case: Case) -> str:
    if case.step and case.baseline:
        return f'"{naming.spoken(case.step.name)}" ({naming.spoken(case.baseline.name)})'
    return case.signal.stuck_point


def _text(case: Case, diagnosis: Diagnosis | None, sent: Sequence[dict[str, Any]], question: str) -> str:
    parts = [_opening(case, question)]
    parts.append(f"Page: {_one_line(case.path) or 'unknown'}\nStuck point: {_one_line(case.signal.stuck_point)}")
    if diagnosis:
        parts.append(f"What we think ({round(diagnosis.confidence * 100)} % sure):\n{diagnosis.reason}")
    if sent:
        parts.append("Nudges so far:\n" + "\n".join(f"- {_nudge_line(one)}" for one in sent))
    else:
        parts.append("Nudges so far: none.")
    if case.events:
        lines = [f"- {_one_line(_event_line(seen))}" for seen in case.events[-LAST_EVENTS:]]
        parts.append("What the user did last (UTC):\n" + "\n".join(lines))
    parts.append(f"User: {_user(case)}\nSession: {_one_line(case.signal.session_id)}\nSignal: {case.signal.signal_id}")
    return "\n\n".join(parts)


def _opening(case: Case, question: str) -> str:
    since = f" Here since {case.signup.day} {case.signup:%B %Y}." if case.signup else ""
    if case.asked:
        lines = [line for line in question.splitlines() if line.strip()] or ["(no text)"]
        return f"{_user(case)} asked for help.{since}\n\n" + "\n".join(f"  {line}" for line in lines)
    return f"{_user(case)} is stuck at {_where(case)}.{since}"


def _user(case: Case) -> str:
    return _one_line(case.signal.user_id)


def _one_line(text: str) -> str:
    """Ids, names and paths come from a browser: none of them begins a line that is not ours."""
    return " ".join(text.split())


def _nudge_line(sent: dict[str, Any]) -> str:
    at = datetime.fromisoformat(sent["sent_at"]).astimezone(UTC)
    return _one_line(f"{at.day} {at:%B %H:%M} UTC, {sent['status']}: {sent['title']}. {sent['body']}")


def _question(case: Case) -> str:
    text = case.signal.evidence.get("text") if case.asked else None
    return str(text).strip() if text else ""


_DID = {
    "page_view": "opened",
    "click": "clicked",
    "change": "filled in",
    "focus": "went to",
    "submit": "submitted",
    "custom": "did",
    "user_message": "wrote a message",
    "nudge_shown": "saw a nudge",
    "nudge_dismissed": "closed a nudge",
    "nudge_clicked": "clicked in a nudge",
    "nudge_completed": "did what a nudge said",
    "nudge_target_missing": "did not see a nudge, its element was not on the page",
}


def _event_line(seen: Seen) -> str:
    what = _DID.get(seen.event_type, seen.event_type)
    place = str(seen.target.get("name") or seen.target.get("selector") or "")
    if seen.event_type == "error":
        count = seen.properties.get("count")
        what = f"got an error ({seen.properties.get('kind', 'unknown')}{f', {count} times' if count else ''})"
    elif seen.event_type == "visibility":
        what = "left the page's tab" if seen.properties.get("state") == "hidden" else "came back to the page's tab"
    elif seen.event_type == "custom":
        place = str(seen.properties.get("name", ""))
    note = ""
    if seen.event_type == "click" and seen.properties.get("reacted") is False:
        note = ", and nothing happened"
    elif seen.event_type == "submit" and seen.properties.get("valid") is False:
        note = ", and it was not accepted"
    where = "" if seen.event_type.startswith("nudge_") else f" on {seen.path}" if place and seen.path else ""
    subject = place or (seen.path if seen.event_type == "page_view" else "")
    return f"{seen.at:%H:%M:%S} {what}{f' {subject}' if subject else ''}{where}{note}"


def _event(seen: Seen) -> dict[str, Any]:
    return {
        "at": seen.at.isoformat(),
        "event_type": seen.event_type,
        "path": seen.path,
        "selector": seen.target.get("selector"),
        "text": _event_line(seen),
    }
