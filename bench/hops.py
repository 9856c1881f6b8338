"""Where the time goes between POST and socket frame: each hop's share, from what the roles log and PostgreSQL keeps."""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg
from harness import percentile

_FOUND = """
SELECT s.signal_id::text AS signal_id, s.stuck_point, s.occurred_at, e.received_at
FROM signals s
JOIN events e ON e.user_id = s.user_id AND e.session_id = s.session_id AND e.timestamp = s.occurred_at
WHERE s.created_at > $1
"""
_NUMBER = re.compile(r"n=([0-9]+)")
_STAGES = {"signal found": "published", "decided": "decided", "a nudge goes to its user": "noticed"}
HOPS = ("received", "published", "decided", "noticed", "shown")
"""What a hop ends with: the gateway took it; its signal is in the stream; its decision is committed and acknowledged;
realtime has heard of it; the frame is at the browser."""


async def profile(
    owner: str, logs: list[Path], since: datetime, sent: Mapping[int, float], seen: Mapping[int, float]
) -> dict[str, list[float]]:
    """p50 and p99 (ms) of each hop for the triggers `sent` (number to seconds since 1970) since `since`."""
    connection = await asyncpg.connect(owner)
    rows = await connection.fetch(_FOUND, since)
    await connection.close()
    when: dict[str, dict[str, float]] = {}
    traces: dict[str, str] = {}
    for path in logs:
        for line in _lines(path):
            stage = _STAGES.get(line.get("event", ""))
            if stage is None:
                continue
            signal_id = line.get("signal_id")
            if signal_id:
                traces[line.get("trace_id", "")] = signal_id
            else:
                signal_id = traces.get(line.get("trace_id", ""), "")
            when.setdefault(signal_id, {})[stage] = datetime.fromisoformat(line["timestamp"]).timestamp()
    took: dict[str, list[float]] = {hop: [] for hop in HOPS}
    for row in rows:
        found = _NUMBER.search(row["stuck_point"])
        number = int(found[1]) if found else -1
        if number not in sent or number not in seen:
            continue
        stamps = {**when.get(row["signal_id"], {}), "received": row["received_at"].timestamp(), "shown": seen[number]}
        before = sent[number]
        for hop in HOPS:
            if hop in stamps:
                took[hop].append(1000 * (stamps[hop] - before))
                before = stamps[hop]
    return {hop: [round(percentile(found, share), 2) for share in (0.5, 0.99)] for hop, found in took.items()}


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        for line in file:
            if line.startswith(b"{"):
                yield json.loads(line)
