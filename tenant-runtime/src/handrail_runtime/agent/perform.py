"""Carries effects out: the one place where the agent changes anything. Everything of a run is one transaction, and
runs of several users may share one.

The users' rows are locked first, so that of two signals of one user the second sees what the first has done. Ids are
made from the signal's, and a signal has one decision, so a signal that comes again changes nothing.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

import asyncpg

from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent import rows
from handrail_runtime.agent.effects import Effect, Escalate, SendNudge
from handrail_runtime.agent.escalation import channels, ledger
from handrail_runtime.agent.rows import Decision, Done, Entry

# The order is that in which ingest takes its users' rows, so that neither ever waits for the other in a circle.
_LOCK = 'SELECT 1 FROM users WHERE user_id = ANY($1::text[]) ORDER BY user_id COLLATE "C" FOR UPDATE'
_DECIDED = """
SELECT d.signal_id, d.reason, n.seq FROM decisions d LEFT JOIN nudges n ON n.signal_id = d.signal_id
WHERE d.signal_id = ANY($1::uuid[]) AND d.outcome <> 'failed'
"""
_NUDGES = f"""
WITH next AS (
    UPDATE users SET last_seq = last_seq + 1 WHERE user_id = ANY($2::text[]) RETURNING user_id, last_seq, simulated
)
{rows.insert_nudges(1)}
"""  # noqa: S608 - of our own parts
_ESCALATION = """
INSERT INTO escalations (escalation_id, signal_id, user_id, session_id, stuck_point, draft, created_at)
VALUES ($1, $2, $3, $4, $5, $6::text::jsonb, $7)
ON CONFLICT (user_id, stuck_point) WHERE status = 'open' DO NOTHING
RETURNING escalation_id
"""
_ADD_QUESTION = """
UPDATE escalations
SET draft = CASE
    WHEN jsonb_array_length(coalesce(draft -> 'questions', '[]'::jsonb)) >= 100 THEN draft
    ELSE jsonb_set(draft, '{questions}', coalesce(draft -> 'questions', '[]'::jsonb) || $3::text::jsonb)
END
WHERE user_id = $1 AND stuck_point = $2 AND status = 'open'
RETURNING escalation_id
"""
# A run that failed is decided when it is resumed; any other decision stands.
_DECISIONS = f"""
WITH resumed AS (DELETE FROM failed_runs WHERE run_id = ANY($2::uuid[]))
{rows.insert_decisions(1)}
ON CONFLICT (signal_id) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason, gates = excluded.gates, diagnosis = excluded.diagnosis,
    confidence = excluded.confidence, nudge_id = excluded.nudge_id, escalation_id = excluded.escalation_id,
    provider = excluded.provider, model = excluded.model, prompt_version = excluded.prompt_version,
    config_revision = excluded.config_revision, created_at = excluded.created_at,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd,
    llm_seconds = excluded.llm_seconds
WHERE decisions.outcome = 'failed'
"""  # noqa: S608 - of our own parts
_LOCK_WAIT = "SET LOCAL lock_timeout = '1s'"
"""A user's row is held for milliseconds. Where one is stuck, its runs come again later, and no other waits for it."""


async def lock(connection: asyncpg.Connection, found: Sequence[Signal]) -> list[Done | None]:
    """Locks the signals' users until the transaction ends. Gives what was already decided about each signal, if
    anything. Raises LockNotAvailableError where a user's row is held by somebody else for long."""
    await connection.execute(_LOCK_WAIT)
    await connection.execute(_LOCK, [signal.user_id for signal in found])
    known = await connection.fetch(_DECIDED, [UUID(signal.signal_id) for signal in found])
    decided = {str(row["signal_id"]): Done("repeated", row["reason"], row["seq"]) for row in known}
    return [decided.get(signal.signal_id) for signal in found]


async def perform(
    connection: asyncpg.Connection, tasks: Sequence[tuple[Effect, Decision]], spec: TenantSpec
) -> list[Done]:
    """Within the transaction that `lock` began: the effects, each of another user, and their decision records."""
    nudges = [(effect, decision) for effect, decision in tasks if isinstance(effect, SendNudge)]
    seqs = await _send(connection, nudges, spec)
    entries = []
    for effect, decision in tasks:
        if isinstance(effect, Escalate):
            entries.append(await _escalate(connection, effect, decision, spec))
        elif isinstance(effect, SendNudge):
            seq = seqs.get(decision.signal.signal_id)
            entries.append(Entry(decision, Done("nudged", decision.reason, seq)))
        else:
            entries.append(Entry(decision, Done("none", decision.reason)))
    await _record(connection, entries)
    return [entry.done for entry in entries]


async def record_failure(connection: asyncpg.Connection, decision: Decision) -> None:
    """The decision about a run that was given up. It stands until the run is resumed."""
    await _record(connection, [Entry(decision, Done("failed", decision.reason))])


async def _escalate(connection: asyncpg.Connection, effect: Escalate, decision: Decision, spec: TenantSpec) -> Entry:
    signal = decision.signal
    opened = await connection.fetch(
        _ESCALATION,
        rows.escalation_id(signal.signal_id),
        UUID(signal.signal_id),
        signal.user_id,
        signal.session_id,
        signal.stuck_point,
        rows.dump(effect.draft),
        decision.at,
    )
    if opened:
        await ledger.enqueue(connection, opened[0]["escalation_id"], channels.wanted(spec.escalation))
    reason = decision.reason
    if not opened and effect.tell is None:
        return Entry(replace(decision, reason="escalation_open"), Done("none", "escalation_open"))
    if not opened:
        reason = "added_to_open_escalation"
        question = rows.dump(effect.draft.get("questions", []))
        opened = await connection.fetch(_ADD_QUESTION, signal.user_id, signal.stuck_point, question)
    escalation = opened[0]["escalation_id"] if opened else None
    seqs = await _send(connection, [(effect.tell, decision)], spec) if effect.tell else {}
    return Entry(decision, Done("escalated", reason, seqs.get(signal.signal_id)), escalation)


async def _send(
    connection: asyncpg.Connection, nudges: Sequence[tuple[SendNudge, Decision]], spec: TenantSpec
) -> dict[str, int]:
    """The nudges' seqs by signal; none where there is no such user any more."""
    if not nudges:
        return {}
    found = [rows.nudge_row(effect, decision, spec) for effect, decision in nudges]
    sent = await connection.fetch(_NUDGES, *rows.columns(found, rows.NUDGE_TYPES))
    return {str(row["signal_id"]): row["seq"] for row in sent}


async def _record(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    if entries:
        found = rows.columns([rows.decision_row(entry) for entry in entries], rows.DECISION_TYPES)
        await connection.execute(_DECISIONS, *found)
