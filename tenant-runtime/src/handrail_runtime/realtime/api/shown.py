"""Rows as the API shows them, where they are not shown as they are. Pure."""

from typing import Any

import msgspec

from handrail_contracts import intake


def dead_letter(row: dict[str, Any]) -> dict[str, Any]:
    """With the event instead of the payload, which may hold more than its reader is to see."""
    return {name: value for name, value in row.items() if name != "payload"} | {"event": _event(row["payload"])}


def _event(payload: bytes | None) -> Any:
    if payload is None:
        return None
    try:
        (framed,) = intake.split(payload)
        (event,) = msgspec.json.decode(framed.body)["events"]
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError, RecursionError):
        return None
    return event


def run(row: dict[str, Any]) -> dict[str, Any]:
    """With what is worth knowing of the signal."""
    signal = row["signal"]
    told = {name: signal.get(name) or "" for name in ("user_id", "session_id", "stuck_point")}
    return {**row, **told, "signal_kind": signal.get("kind") or ""}
