"""W3C trace context, as it goes from a request to the nudge it led to: in a batch's meta, a signal, NATS headers."""

import re
from collections.abc import Mapping

from handrail_contracts import names

# Version 00. A later version may say more behind it, which is not understood here and therefore not passed on.
_TRACEPARENT = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


def is_traceparent(text: str) -> bool:
    return _TRACEPARENT.fullmatch(text) is not None


def traceparent(trace_id: str, span_id: str) -> str:
    """A new trace, from 32 and 16 random hexadecimal digits. Sampling is left to whoever collects."""
    return f"00-{trace_id}-{span_id}-00"


def trace_id(text: str) -> str:
    """What log lines carry: the trace's id; empty where `text` is no traceparent."""
    found = _TRACEPARENT.fullmatch(text)
    return found[1] if found else ""


def to_headers(trace: Mapping[str, str]) -> dict[str, str]:
    """Headers of a NATS message about something that came with this trace."""
    found = {names.HEADER_REQUEST_ID: trace.get("request_id"), names.HEADER_TRACEPARENT: trace.get("traceparent")}
    return {name: value for name, value in found.items() if value}


def from_headers(headers: Mapping[str, str] | None) -> dict[str, str]:
    """The trace that `to_headers` wrote."""
    found = headers or {}
    trace = {
        "request_id": found.get(names.HEADER_REQUEST_ID, ""),
        "traceparent": found.get(names.HEADER_TRACEPARENT, ""),
    }
    return {name: value for name, value in trace.items() if value}


def log_fields(trace: Mapping[str, str]) -> dict[str, str]:
    """`request_id` and `trace_id`, those that there are. `trace` as in `Signal.trace`."""
    found = {"request_id": trace.get("request_id", ""), "trace_id": trace_id(trace.get("traceparent", ""))}
    return {name: value for name, value in found.items() if value}
