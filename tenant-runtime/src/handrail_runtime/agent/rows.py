"""Nudges and decisions as rows: how they are written, one by one or many in a statement. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

import msgspec

from handrail_contracts.nudges import Diagnosis, Nudge
from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.agent.effects import SendNudge
from handrail_runtime.agent.gates import Gate
from handrail_runtime.agent.providers.provider import Bill
from handrail_runtime.agent.state import State, diagnosis_of, signal_of

# Of the columns of `nudge_row` and `decision_row`, in their order.
NUDGE_TYPES = ("uuid", "text", "text", "uuid", *["text"] * 3, "timestamptz", "timestamptz", "text", "bool")
DECISION_TYPES = (
    *("uuid", "uuid", *["text"] * 8, "float8", "uuid", "uuid"),
    *(*["text"] * 4, "timestamptz", "bigint", "bigint", "numeric", "float8"),
)


def arrays(types: Sequence[str], first: int) -> str:
    """Placeholders of a statement that takes an array for each column."""
    return ", ".join(f"${number}::{kind}[]" for number, kind in enumerate(types, first))


def insert_nudges(first: int) -> str:
    """With `next` (user_id, last_seq, simulated) before it; whoever is not in there gets none."""
    return f"""
INSERT INTO nudges (nudge_id, user_id, session_id, signal_id, stuck_point, nudge_type, content, seq, sent_at,
                    expires_at, config_revision, simulated)
SELECT n.id, n.user_id, n.session_id, n.signal_id, n.stuck_point, n.type, n.content::jsonb, next.last_seq, n.at,
       n.expires, n.revision, n.simulated OR next.simulated
FROM unnest({arrays(NUDGE_TYPES, first)})
     AS n(id, user_id, session_id, signal_id, stuck_point, type, content, at, expires, revision, simulated)
JOIN next ON next.user_id = n.user_id
RETURNING signal_id, seq
"""  # noqa: S608 - of this module's own parts


def insert_decisions(first: int) -> str:
    return f"""
INSERT INTO decisions (decision_id, signal_id, signal_kind, user_id, session_id, stuck_point, outcome, reason, gates,
                       diagnosis, confidence, nudge_id, escalation_id, provider, model, prompt_version,
                       config_revision, created_at, input_tokens, output_tokens, cost_usd, llm_seconds)
SELECT d.id, d.signal_id, d.kind, d.user_id, d.session_id, d.stuck_point, d.outcome, d.reason, d.gates::jsonb,
       d.diagnosis::jsonb, d.confidence, d.nudge_id, d.escalation_id, d.provider, d.model, d.prompt_version,
       d.revision, d.at, d.input_tokens, d.output_tokens, d.cost, d.seconds
FROM unnest({arrays(DECISION_TYPES, first)})
     AS d(id, signal_id, kind, user_id, session_id, stuck_point, outcome, reason, gates, diagnosis, confidence,
          nudge_id, escalation_id, provider, model, prompt_version, revision, at, input_tokens, output_tokens, cost,
          seconds)
"""  # noqa: S608 - of this module's own parts


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


def nudge_row(effect: SendNudge, decision: Decision, spec: TenantSpec) -> tuple[Any, ...]:
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


def decision_row(entry: Entry) -> tuple[Any, ...]:
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
        dump(decision.gates),
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


def columns(rows: Sequence[tuple[Any, ...]], types: Sequence[str]) -> list[list[Any]]:
    """As a statement takes many rows: an array for each column."""
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in types]


def dump(value: object) -> str:
    return msgspec.json.encode(value).decode()
