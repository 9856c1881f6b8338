"""What a run carries from node to node.

A checkpoint holds JSON values alone, so that a run kept by an older version can be resumed by a newer one.
"""

from typing import Any, TypedDict

import msgspec

from handrail_contracts import signals
from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.gates import Ruling


class State(TypedDict, total=False):
    """Keys are added by the node named beside them."""

    signal: dict[str, Any]  # the start
    diagnosis: dict[str, Any] | None  # diagnose
    provider: str
    model: str
    prompt_version: str
    fault: str  # why there is no diagnosis
    verdict: str  # route, act: nudge | escalate | none
    reason: str
    gates: list[dict[str, Any]]
    text: dict[str, Any]  # coach
    language: str
    remark: str
    bill: dict[str, Any]  # diagnose, coach: what a model was paid, so far
    notes: list[dict[str, Any]]  # diagnose, coach: of a provider, in the form of gates
    outcome: str  # act, escalate: nudged | escalated | none | repeated


def start(signal: signals.Signal) -> State:
    return {"signal": msgspec.to_builtins(signal)}


def signal_of(state: State) -> signals.Signal:
    return msgspec.convert(state["signal"], signals.Signal)


def diagnosis_of(state: State) -> Diagnosis | None:
    found = state.get("diagnosis")
    return Diagnosis.model_validate(found) if found is not None else None


def ruled(ruling: Ruling) -> State:
    """What the gates say, as it is kept."""
    return {"verdict": ruling.verdict, "reason": ruling.reason, "gates": [gate.dump() for gate in ruling.gates]}
