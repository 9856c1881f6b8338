"""Sends the nudge, or records why there is none. The gates are asked again under the user's lock, for another signal
of the same user may have been answered meanwhile."""

from dataclasses import replace

from handrail_contracts.nudges import NudgeText
from handrail_runtime.agent import gates
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.effects import Effect, Nothing, SendNudge
from handrail_runtime.agent.gather import history
from handrail_runtime.agent.perform import decision_of, lock, perform
from handrail_runtime.agent.state import State, diagnosis_of, ruled, signal_of
from handrail_runtime.data.raw import raw_transaction


async def act(state: State, run: Run) -> State:
    signal, desk, spec = signal_of(state), run.desk, run.config.spec
    if state["verdict"] == "escalate":
        return {}
    case = await run.case(signal) if state["verdict"] == "nudge" else None
    changed: State = {}
    async with raw_transaction(desk.engine) as connection:
        done = await lock(connection, signal)
        if done is None:
            now = desk.clock()
            if case is not None:
                fresh = replace(case, now=now, history=await history(connection, signal, spec, now))
                changed = ruled(gates.rule(gates.Facts(fresh, diagnosis_of(state))))
            final: State = {**state, **changed}
            if final["verdict"] == "escalate":
                return changed
            decision = decision_of(final, run.config.revision, now)
            done = await perform(connection, _effect(final), decision, spec)
    if done.seq is not None:
        await desk.tell(signal.user_id, done.seq)
    return {**changed, "outcome": done.outcome, "reason": done.reason}


def _effect(state: State) -> Effect:
    if state["verdict"] != "nudge":
        return Nothing()
    diagnosis = diagnosis_of(state)
    asked = signal_of(state).kind == "help_sought"
    # A question is answered in the chat; anything else is said where it helps.
    target = diagnosis.target if diagnosis and not asked else None
    return SendNudge(
        kind="tooltip" if target else "chat",
        target=target,
        text=NudgeText.model_validate(state["text"]),
        language=state["language"],
    )
