"""Carries effects out: the one place where the agent changes anything. Everything of a run is one transaction, and
runs of several users may share one.

The users' rows are locked first, so that of two signals of one user the second sees what the first has done. Ids are
made from the signal's, and a signal has one decision, so a signal that comes again changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import asyncpg
import msgspec

from handrail_contracts.nudges import Diagnosis, Nudge
from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent.effects import Effect, Escalate, SendNudge
from handrail_runtime.agent.escalation import channels, ledger
from handrail_runtime.agent.gates import Gate
from handrail_runtime.agent.providers.provider import Bill
from handrail_runtime.agent.state import State, diagnosis_of, signal_of

# The order is that in which ingest takes its users' rows, so that neither ever waits for the other in a circle.
_LOCK = 'SELECT 1 FROM users WHERE user_id = ANY($1::text[]) ORDER BY user_id COLLATE "C" FOR UPDATE'
_DECIDED = """
SELECT d.signal_id, d.reason, n.seq FROM decisions d LEFT JOIN nudges n ON n.signal_id = d.signal_id
WHERE d.signal_id = ANY($1::uuid[]) AND d.outcome <> 'failed'
"""
_NUDGES = """
WITH next AS (
    UPDATE users SET last_seq = last_seq + 1 WHERE user_id = ANY($2::text[]) RETURNING user_id, last_seq, simulated
)
INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq, sent_at,
                    expires_at, config_revision, simulated)
SELECT n.id, n.user_id, n.session_id, n.signal_id, n.stuck_point, n.type, n.content::jsonb, next.last_seq, n.at,
       n.expires, n.revision, n.simulated OR next.simulated
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::timestamptz[],
            $9::timestamptz[], $10::text[], $11::bool[])
     AS n(id, user_id, session_id, signal_id, stuck_point, type, content, at, expires, revision, simulated)
JOIN next ON next.user_id = n.user_id
RETURNING signal_id, seq
"""
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
_DECISIONS = """
WITH resumed AS (DELETE FROM failed_runs WHERE run_id = ANY($2::uuid[]))
INSERT INTO decisions (decision_id, signal_id, signal_kind, user_id, session_id, stuck_point, outcome, reason, gates,
                       diagnosis, confidence, nudge_id, escalation_id, provider, model, prompt_version,
                       config_revision, created_at, input_tokens, output_tokens, cost_usd, llm_seconds)
SELECT d.id, d.signal_id, d.kind, d.user_id, d.session_id, d.stuck_point, d.outcome, d.reason, d.gates::jsonb,
       d.diagnosis::jsonb, d.confidence, d.nudge_id, d.escalation_id, d.provider, d.model, d.prompt_version,
       d.revision, d.at, d.input_tokens, d.output_tokens, d.cost, d.seconds
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[],
            $10::text[], $11::float8[], $12::uuid[], $13::uuid[], $14::text[], $15::text[], $16::text[], $17::text[],
            $18::timestamptz[], $19::bigint[], $20::bigint[], $21::numeric[], $22::float8[])
     AS d(id, signal_id, kind, user_id, session_id, stuck_point, outcome, reason, gates, diagnosis, confidence,
          nudge_id, escalation_id, provider, model, prompt_version, revision, at, input_tokens, output_tokens, cost,
          seconds)
ON CONFLICT (signal_id) DO UPDATE
SET outcome = excluded.outcome, reason = excluded.reason, gates = excluded.gates, diagnosis = excluded.diagnosis,
    confidence = excluded.confidence, nudge_id = excluded.nudge_id, escalation_id = excluded.escalation_id,
    provider = excluded.provider, model = excluded.model, prompt_version = excluded.prompt_version,
    config_revision = excluded.config_revision, created_at = excluded.created_at,
    input_tokens = excluded.input_tokens, output_tokens = excluded.output_tokens, cost_usd = excluded.cost_usd,
    llm_seconds = excluded.llm_seconds
WHERE decisions.outcome = 'failed'
"""


@dataclass(frozen=True)
class Decision:
    """What a run has come to; one row of the table `decisions`."""

    signal: Signal
    reason: str
    gates: list[dict[str, Any]]
    diagnosis: Diagnosis | None
    provider: str
    model: str
    prompt_version: str
    config_revision: str
    at: datetime
    bill: Bill = field(default_factory=Bill)


@dataclass(frozen=True)
class Done:
    """What was carried out. `seq` is the nudge's, where there is one to tell realtime of."""

    outcome: str
    reason: str
    seq: int | None = None


@dataclass(frozen=True)
class Entry:
    """A decision, what was done about it, and the escalation it opened or added to."""

    decision: Decision
    done: Done
    escalation: UUID | None = None


def decision_of(state: State, config_revision: str, at: datetime) -> Decision:
    return Decision(
        signal=signal_of(state),
        reason=state.get("reason", ""),
        gates=_gates(state),
        diagnosis=diagnosis_of(state),
        provider=state.get("provider", "none"),
        model=state.get("model", ""),
        prompt_version=state.get("prompt_version", ""),
        config_revision=config_revision,
        at=at,
        bill=Bill.load(state.get("bill")),
    )


def _gates(state: State) -> list[dict[str, Any]]:
    """The gates, what was noted of providers, and what the coach had to leave undone."""
    remark = state.get("remark")
    found = [*state.get("gates", []), *state.get("notes", [])]
    if not remark:
        return found
    return [*found, Gate("tone", passed=True, reason="remark", message=remark).dump()]


def nudge_id(signal_id: str) -> UUID:
    return uuid5(UUID(signal_id), "nudge")


def decision_id(signal_id: str) -> UUID:
    return uuid5(UUID(signal_id), "decision")


def escalation_id(signal_id: str) -> UUID:
    return uuid5(UUID(signal_id), "escalation")


async def lock(connection: asyncpg.Connection, found: Sequence[Signal]) -> list[Done | None]:
    """Locks the signals' users until the transaction ends. Gives what was already decided about each signal, if
    anything."""
    await connection.execute(_LOCK, [signal.user_id for signal in found])
    rows = await connection.fetch(_DECIDED, [UUID(signal.signal_id) for signal in found])
    decided = {str(row["signal_id"]): Done("repeated", row["reason"], row["seq"]) for row in rows}
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
        escalation_id(signal.signal_id),
        UUID(signal.signal_id),
        signal.user_id,
        signal.session_id,
        signal.stuck_point,
        _json(effect.draft),
        decision.at,
    )
    if opened:
        await ledger.enqueue(connection, opened[0]["escalation_id"], channels.wanted(spec.escalation))
    reason = decision.reason
    if not opened and effect.tell is None:
        return Entry(replace(decision, reason="escalation_open"), Done("none", "escalation_open"))
    if not opened:
        reason = "added_to_open_escalation"
        question = _json(effect.draft.get("questions", []))
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
    rows = await connection.fetch(_NUDGES, *_columns([_nudge(effect, decision, spec) for effect, decision in nudges]))
    return {str(row["signal_id"]): row["seq"] for row in rows}


def _nudge(effect: SendNudge, decision: Decision, spec: TenantSpec) -> tuple[Any, ...]:
    signal = decision.signal
    expires_at = decision.at + spec.nudges.expires_after
    nudge = Nudge(
        nudge_id=str(nudge_id(signal.signal_id)),
        kind=effect.kind,
        stuck_point=signal.stuck_point,
        target=effect.target,
        title=effect.text.title,
        body=effect.text.body,
        actions=effect.text.actions,
        language=effect.language,
        expires_at=expires_at,
    )
    return (
        nudge_id(signal.signal_id),
        signal.user_id,
        signal.session_id,
        UUID(signal.signal_id),
        signal.stuck_point,
        effect.kind,
        nudge.model_dump_json(),
        decision.at,
        expires_at,
        decision.config_revision,
        signal.simulated,
    )


async def _record(connection: asyncpg.Connection, entries: Sequence[Entry]) -> None:
    if entries:
        await connection.execute(_DECISIONS, *_columns([_row(entry) for entry in entries]))


def _row(entry: Entry) -> tuple[Any, ...]:
    decision, done = entry.decision, entry.done
    signal, diagnosis, bill = decision.signal, decision.diagnosis, decision.bill
    return (
        decision_id(signal.signal_id),
        UUID(signal.signal_id),
        signal.kind,
        signal.user_id,
        signal.session_id,
        signal.stuck_point,
        done.outcome,
        done.reason,
        _json(decision.gates),
        diagnosis.model_dump_json() if diagnosis else None,
        diagnosis.confidence if diagnosis else None,
        nudge_id(signal.signal_id) if done.seq is not None else None,
        entry.escalation,
        decision.provider,
        decision.model,
        decision.prompt_version,
        decision.config_revision,
        decision.at,
        bill.input_tokens if bill.questions else None,
        bill.output_tokens if bill.questions else None,
        bill.cost_usd,
        bill.seconds if bill.questions else None,
    )


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """As a statement takes many rows: an array for each column."""
    return [list(column) for column in zip(*rows, strict=True)]


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
