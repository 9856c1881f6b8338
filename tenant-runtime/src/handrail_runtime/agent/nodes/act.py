"""Sends the nudge, or records why there is none. The gates are asked again under the user's lock, for another signal
of the same user may have been answered meanwhile."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from handrail_contracts.nudges import NudgeText
from handrail_runtime.agent import gates
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.effects import Effect, Nothing, SendNudge
from handrail_runtime.agent.gather import histories
from handrail_runtime.agent.perform import Done, decision_of, lock, perform
from handrail_runtime.agent.state import State, diagnosis_of, ruled, signal_of
from handrail_runtime.data.raw import raw_transaction


async def act(state: State, run: Run) -> State:
    return (await act_together([(state, run)]))[0]


async def act_together(journeys: Sequence[tuple[State, Run]]) -> list[State]:
    """What `act` adds to each of these states. Each is of another user; all stand on one desk and config."""
    added: list[State] = [{} for _ in journeys]
    todo = [at for at, (state, _) in enumerate(journeys) if state["verdict"] != "escalate"]
    if not todo:
        return added
    acting = [journeys[at] for at in todo]
    found = [signal_of(state) for state, _ in acting]
    cases = [
        await run.case(signal) if state["verdict"] == "nudge" else None
        for signal, (state, run) in zip(found, acting, strict=True)
    ]
    desk = acting[0][1].desk
    async with raw_transaction(desk.engine) as connection:
        decided = await lock(connection, found)
        changed = await _ask_again(connection, acting, cases, decided)
        done = await _perform(connection, acting, changed, decided)
    for at, signal, change, one in zip(todo, found, changed, done, strict=True):
        added[at] = change if one is None else {**change, "outcome": one.outcome, "reason": one.reason}
        if one is not None and one.seq is not None:
            await desk.tell(signal, one.seq)
    return added


async def _ask_again(
    connection: asyncpg.Connection,
    acting: Sequence[tuple[State, Run]],
    cases: Sequence[Case | None],
    decided: Sequence[Done | None],
) -> list[State]:
    """What the gates say now of those that are to be nudged and were not decided before."""
    changed: list[State] = [{} for _ in acting]
    again = [(at, case) for at, case in enumerate(cases) if case is not None and decided[at] is None]
    if not again:
        return changed
    run = acting[0][1]
    now = run.desk.clock()
    pasts = await histories(connection, [case.signal for _, case in again], run.config.spec, now)
    for (at, case), past in zip(again, pasts, strict=True):
        fresh = replace(case, now=now, history=past)
        changed[at] = ruled(gates.rule(gates.Facts(fresh, diagnosis_of(acting[at][0]))))
    return changed


async def _perform(
    connection: asyncpg.Connection,
    acting: Sequence[tuple[State, Run]],
    changed: Sequence[State],
    decided: Sequence[Done | None],
) -> list[Done | None]:
    """None where the run goes on to a human."""
    config, now = acting[0][1].config, acting[0][1].desk.clock()
    done = list(decided)
    tasks = []
    for at, ((state, _), change) in enumerate(zip(acting, changed, strict=True)):
        final: State = {**state, **change}
        if done[at] is None and final["verdict"] != "escalate":
            tasks.append((at, _effect(final), decision_of(final, config.revision, now)))
    carried = await perform(connection, [(effect, decision) for _, effect, decision in tasks], config.spec)
    for (at, _, _), one in zip(tasks, carried, strict=True):
        done[at] = one
    return done


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
