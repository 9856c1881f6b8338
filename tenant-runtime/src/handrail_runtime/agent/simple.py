"""The plain runtime: carries runs from node to node in this process, without LangGraph and without checkpoints.

For providers that answer at once, for nothing, and always the same: a run that dies with the process begins anew with
its signal, and comes to the same decision. Runs of many users go through the nodes together, so that a hundred of
them cost few statements more than one.
"""

import asyncio
from collections.abc import Iterator, Sequence

from asyncpg import LockNotAvailableError

from handrail_contracts.signals import Signal
from handrail_runtime.agent import flow
from handrail_runtime.agent.context import Desk, Run
from handrail_runtime.agent.gather import gather
from handrail_runtime.agent.nodes import NODES
from handrail_runtime.agent.nodes.act import act_together
from handrail_runtime.agent.state import State, start
from handrail_runtime.config import Config
from handrail_runtime.trouble import is_outage


class Stopped(Exception):
    """A run could not go on at `node`; `state` is what it had found until then, `__cause__` why."""

    def __init__(self, signal: Signal, node: str, state: State) -> None:
        super().__init__(f"the run stopped at {node}")
        self.signal = signal
        self.node = node
        self.state = state

    @classmethod
    def because(cls, error: BaseException, signal: Signal, node: str, state: State) -> "Stopped":
        stopped = cls(signal, node, state)
        stopped.__cause__ = error
        return stopped


def cause_of(error: BaseException) -> BaseException:
    """Why a run could not go on."""
    return error.__cause__ or error if isinstance(error, Stopped) else error


async def carry(signal: Signal, state: State, node: str, run: Run) -> State:
    """From `node` to the end. Raises Stopped."""
    at: str | None = node
    while at is not None:
        state, at = await _step(signal, state, at, run)
    return state


async def carry_together(found: Sequence[Signal], desk: Desk, config: Config) -> list[State | Stopped]:
    """Each signal's run from its start to its end, in this order for signals of the same user. What stops one stops no
    other, but an outage stops all that it touches."""
    ends: dict[int, State | Stopped] = {}
    for wave in _waves(found):
        signals = [found[at] for at in wave]
        ends.update(zip(wave, await _wave(signals, desk, config), strict=True))
    return [ends[at] for at in range(len(found))]


def _waves(found: Sequence[Signal]) -> Iterator[list[int]]:
    """Which signals go together: every user's first, then every user's second, which is to see what the first has led
    to, and so on."""
    waves: list[list[int]] = []
    times: dict[str, int] = {}
    for at, signal in enumerate(found):
        number = times.get(signal.user_id, 0)
        times[signal.user_id] = number + 1
        if number == len(waves):
            waves.append([])
        waves[number].append(at)
    return iter(waves)


async def _wave(found: Sequence[Signal], desk: Desk, config: Config) -> list[State | Stopped]:
    """Runs of different users."""
    try:
        cases = await gather(desk.engine, desk.redis, desk.redis_prefix, found, config.spec, desk.clock())
    except Exception as error:  # noqa: BLE001 - told by each run, or cured by going alone
        if is_outage(error):
            return [Stopped.because(error, signal, flow.FIRST, start(signal)) for signal in found]
        return [await _alone(signal, start(signal), flow.FIRST, Run(desk, config)) for signal in found]
    runs = [Run(desk, config, case) for case in cases]
    journeys = [await _to_act(signal, run) for signal, run in zip(found, runs, strict=True)]
    acting = {at: state for at, state in enumerate(journeys) if not isinstance(state, Stopped)}
    ends = await _act([(found[at], state, runs[at]) for at, state in acting.items()])
    for at, end in zip(acting, ends, strict=True):
        journeys[at] = end
    return journeys


async def _to_act(signal: Signal, run: Run) -> State | Stopped:
    state, at = start(signal), flow.FIRST
    try:
        while at != flow.ACT:
            state, following = await _step(signal, state, at, run)
            at = following or flow.ACT
    except Stopped as stopped:
        return stopped
    # Thinking takes no input or output here: sockets may live in this process, too.
    await asyncio.sleep(0)
    return state


async def _act(journeys: Sequence[tuple[Signal, State, Run]]) -> list[State | Stopped]:
    """From act to the end, in one transaction; those that go on to a human do so one by one."""
    try:
        added = await act_together([(state, run) for _, state, run in journeys])
    except Exception as error:  # noqa: BLE001 - as above
        # A row that is held for long is one user's, not the database's trouble.
        if is_outage(error) and not isinstance(error, LockNotAvailableError):
            return [Stopped.because(error, signal, flow.ACT, state) for signal, state, _ in journeys]
        return [await _alone(signal, state, flow.ACT, run) for signal, state, run in journeys]
    ends: list[State | Stopped] = []
    for (signal, state, run), new in zip(journeys, added, strict=True):
        final: State = {**state, **new}
        at = flow.following(flow.ACT, final)
        ends.append(final if at is None else await _alone(signal, final, at, run))
    return ends


async def _alone(signal: Signal, state: State, node: str, run: Run) -> State | Stopped:
    try:
        return await carry(signal, state, node, run)
    except Stopped as stopped:
        return stopped


async def _step(signal: Signal, state: State, node: str, run: Run) -> tuple[State, str | None]:
    """The state after a node, and the next. Raises Stopped."""
    try:
        new = await NODES[node](state, run)
        state = {**state, **new}
        return state, flow.following(node, state)
    except Exception as error:
        raise Stopped(signal, node, state) from error
