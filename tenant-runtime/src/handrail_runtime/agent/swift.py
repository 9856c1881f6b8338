"""Decides many runs in one statement and one round trip, without waiting for anybody.

The statement takes effect only for those whose user was sent nothing since the case was read: every nudge raises the
user's `last_seq`, so if that still stands, the gates would say the same again. What it leaves out (the user's row is
held by somebody, or has moved on) or what is not new at all goes the long way, under the lock (`perform.py`).
"""

from collections.abc import Sequence

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent import rows
from handrail_runtime.agent.effects import SendNudge
from handrail_runtime.agent.rows import Decision, Done, Entry
from handrail_runtime.data.raw import raw_connection

_NUDGES_FROM = 3
_DECISIONS_FROM = _NUDGES_FROM + len(rows.NUDGE_TYPES)
# A plain insert, no ON CONFLICT: a signal that is known already stops the whole statement.
_DECIDE = f"""
WITH held AS (
    SELECT u.user_id FROM unnest($1::text[], $2::bigint[]) AS w(user_id, last_seq)
    JOIN users u ON u.user_id = w.user_id AND u.last_seq = w.last_seq
    ORDER BY u.user_id COLLATE "C" FOR UPDATE OF u SKIP LOCKED
), next AS (
    UPDATE users SET last_seq = users.last_seq + 1 FROM held WHERE users.user_id = held.user_id
    RETURNING users.user_id, users.last_seq, users.simulated
), nudged AS ({rows.insert_nudges(_NUDGES_FROM)}
), decided AS ({rows.insert_decisions(_DECISIONS_FROM)}
LEFT JOIN nudged ON nudged.signal_id = d.signal_id
WHERE d.nudge_id IS NULL OR nudged.signal_id IS NOT NULL
RETURNING signal_id)
SELECT decided.signal_id, nudged.seq FROM decided LEFT JOIN nudged USING (signal_id)
"""  # noqa: S608 - of our own parts


async def decide(
    engine: AsyncEngine, tasks: Sequence[tuple[SendNudge | None, Decision, int]], spec: TenantSpec
) -> dict[str, Done]:
    """By signal, what was carried out and committed; what is left out has changed nothing. Each task is of another
    user, with the user's `last_seq` as its case has it, and a nudge where there is to be one. Raises what the database
    raises."""
    nudges = [(effect, decision) for effect, decision, _ in tasks if effect is not None]
    expected = [(decision.signal.user_id, last_seq) for effect, decision, last_seq in tasks if effect is not None]
    entries = [
        Entry(decision, Done("nudged" if effect else "none", decision.reason, 0 if effect else None))
        for effect, decision, _ in tasks
    ]
    arguments = [
        *rows.columns(expected, ("text", "bigint")),
        *rows.columns([rows.nudge_row(effect, decision, spec) for effect, decision in nudges], rows.NUDGE_TYPES),
        *rows.columns([rows.decision_row(entry) for entry in entries], rows.DECISION_TYPES),
    ]
    try:
        async with raw_connection(engine) as connection:
            found = await connection.fetch(_DECIDE, *arguments)
    except asyncpg.UniqueViolationError:
        return {}
    seqs = {str(row["signal_id"]): row["seq"] for row in found}
    return {
        entry.decision.signal.signal_id: Done(entry.done.outcome, entry.done.reason, seqs[signal_id])
        for entry in entries
        if (signal_id := entry.decision.signal.signal_id) in seqs
    }
