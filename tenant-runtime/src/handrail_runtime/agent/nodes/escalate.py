"""Hands the user over to a human: a drafted alert at rest in the database, from where it is delivered."""

from handrail_runtime.agent import alerts
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.effects import Escalate, SendNudge
from handrail_runtime.agent.gather import sent_before
from handrail_runtime.agent.perform import lock, perform
from handrail_runtime.agent.providers import rule_coach
from handrail_runtime.agent.rows import decision_of
from handrail_runtime.agent.state import State, diagnosis_of, signal_of
from handrail_runtime.data.raw import raw_transaction


async def escalate(state: State, run: Run) -> State:
    signal, desk = signal_of(state), run.desk
    case = await run.case(signal)
    sent = await sent_before(desk.engine, signal)
    tell = None
    if case.asked:
        said = rule_coach.hand_over(case)
        tell = SendNudge("chat", None, said.text, said.language)
    effect = Escalate(alerts.draft(case, diagnosis_of(state), sent, state["reason"]), tell)
    async with raw_transaction(desk.engine) as connection:
        (done,) = await lock(connection, [signal])
        if done is None:
            decision = decision_of(state, run.config.revision, desk.clock())
            (done,) = await perform(connection, [(effect, decision)], run.config.spec)
    desk.alert()
    if done.seq is not None:
        await desk.tell(signal, done.seq)
    return {"outcome": done.outcome, "reason": done.reason}
