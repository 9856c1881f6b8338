"""Sends the nudge, or records why there is none. The gates are asked again under the user's lock, for another signal
of the same user may have been answered meanwhile."""

from collections.abc import Sequence
from dataclasses import replace

import asyncpg

from handrail_contracts.nudges import NudgeText
from handrail_runtime.agent import gates, metrics, swift
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.effects import Effect, Nothing, SendNudge
from handrail_runtime.agent.gather import histories
from handrail_runtime.agent.perform import lock, perform
from handrail_runtime.agent.rows import Done, decision_of
from handrail_runtime.agent.state import State, diagnosis_of, ruled, signal_of
from handrail_runtime.data.raw import raw_transaction


async def act(state: State, run: Run) -> State:
    """Nothing is done here for a user who goes to a human."""
    if state["verdict"] == "escalate":
        return {}
    return (await _under_lock([(state, run)]))[0]


async def act_together(journeys: Sequence[tuple[State, Run]]) -> list[State]:
    """What `act` adds to each of these states. Each is of another user and was ruled on the case that its run holds;
    all stand on one desk and config."""
    added: list[State] = [{} for _ in journeys]
    todo = [at for at, (state, _) in enumerate(journeys) if state["verdict"] != "escalate"]
    if not todo:
        return added
    done = await _swiftly([journeys[at] for at in todo])
    left = []
    for at, one in zip(todo, done, strict=True):
        if one is None:
            left.append(at)
        else:
            added[at] = {"outcome": one.outcome, "reason": one.reason}
    metrics.ACTED.labels("swift").inc(len(todo) - len(left))
    if left:
        for at, state in zip(left, await _under_lock([journeys[at] for at in left]), strict=True):
            added[at] = state
    return added


async def _swiftly(journeys: Sequence[tuple[State, Run]]) -> list[Done | None]:
    """None where the long way is to be gone."""
    run = journeys[0][1]
    desk, config, now = run.desk, run.config, run.desk.clock()
    tasks = []
    for state, run in journeys:
        decision = decision_of(state, config.revision, now)
        last_seq = (await run.case(decision.signal)).last_seq
        effect = _effect(state)
        tasks.append((effect if isinstance(effect, SendNudge) else None, decision, last_seq))
    done = await swift.decide(desk.engine, tasks, config.spec)
    for _, decision, _ in tasks:
        one = done.get(decision.signal.signal_id)
        if one is not None and one.seq is not None:
            await desk.tell(decision.signal, one.seq)
    return [done.get(decision.signal.signal_id) for _, decision, _ in tasks]


async def _under_lock(acting: Sequence[tuple[State, Run]]) -> list[State]:
    """The long way: the users' rows are locked, and the gates asked again."""
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
    added: list[State] = []
    for signal, change, one in zip(found, changed, done, strict=True):
        added.append(change if one is None else {**change, "outcome": one.outcome, "reason": one.reason})
        if one is not None and one.seq is not None:
            await desk.tell(signal, one.seq)
    metrics.ACTED.labels("locked").inc(len(acting))
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
