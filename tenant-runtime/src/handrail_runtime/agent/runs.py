"""Runs, whatever carries them: the plain runtime (`simple.py`) where thinking costs nothing, LangGraph with its
checkpoints (`checkpointed.py`) where it does. Both go the same way through the same nodes.

A run that was given up is kept at the node that failed, and taken up there by the runtime that kept it.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import Llm
from handrail_runtime.agent import flow, kept, simple
from handrail_runtime.agent.checkpointed import Checkpointed
from handrail_runtime.agent.context import Desk, Run
from handrail_runtime.agent.kept import Kept
from handrail_runtime.agent.nodes import NODES
from handrail_runtime.agent.perform import lock, record_failure
from handrail_runtime.agent.rows import Decision, decision_of
from handrail_runtime.agent.simple import Stopped, cause_of
from handrail_runtime.agent.state import start
from handrail_runtime.config import Config
from handrail_runtime.data.raw import raw_transaction
from handrail_runtime.trouble import is_outage

_TOLD = (
    "SELECT d.outcome, n.seq FROM decisions d LEFT JOIN nudges n ON n.signal_id = d.signal_id WHERE d.signal_id = $1"
)
_CHECKPOINTED = "SELECT EXISTS (SELECT FROM checkpoints WHERE thread_id = $1)"


def is_plain(llm: Llm) -> bool:
    """Whether asking the provider takes no time, costs nothing and gives the same again."""
    return llm.provider == "rules"


class Runs:
    """All but `aclose` may run many times at once. They raise what the nodes raise."""

    def __init__(self, desk: Desk, database_url: str) -> None:
        self._desk = desk
        self.checkpointed = Checkpointed(desk, database_url)

    async def decide_together(self, found: Sequence[Signal], config: Config) -> list[str | Stopped]:
        """The outcomes, committed, by the plain runtime. What could not go on is in its place."""
        ends = await simple.carry_together(found, self._desk, config)
        return [end if isinstance(end, Stopped) else str(end["outcome"]) for end in ends]

    async def decide(self, signal: Signal, config: Config, *, again: bool) -> str:
        """The decision's outcome, committed, by LangGraph. `again`: the signal has been delivered before."""
        rests = await self.checkpointed.rests(signal) if again else None
        if again and rests is None and (outcome := await self._decided(signal)) is not None:
            await self.checkpointed.forget(signal)
            return outcome
        return str((await self.checkpointed.carry(signal, config, again=again))["outcome"])

    async def resume(self, signal: Signal, config: Config) -> str:
        """Takes up a run that was given up, where it was. Told again, or of a run that has ended, nothing happens.

        What is asked before a nudge is asked anew, so a finding that has become stale meanwhile leads to none; a run
        that failed on its way to a human still gets there.
        """
        async with raw_transaction(self._desk.engine) as connection:
            found = await kept.find(connection, signal.signal_id)
            checkpointed = await connection.fetchval(_CHECKPOINTED, signal.signal_id)
        if checkpointed:
            outcome = await self.decide(found.signal if found else signal, config, again=True)
        elif (decided := await self._decided(signal)) is not None:
            outcome = decided
        elif found is None or found.node not in NODES or found.node == flow.FIRST:
            outcome = await self._anew(found.signal if found else signal, config)
        else:
            end = await simple.carry(found.signal, found.state, found.node, Run(self._desk, config))
            outcome = str(end["outcome"])
        if outcome == "repeated":
            async with raw_transaction(self._desk.engine) as connection:
                await kept.forget(connection, signal.signal_id)
        return outcome

    async def give_up(self, signal: Signal, config: Config, error: BaseException, tried: int) -> None:
        """Keeps the run where it failed, with the decision `failed`. `tried`: how often it was, since it was begun or
        taken up; nothing is kept of a run that has been decided meanwhile."""
        cause = cause_of(error)
        place = await self._place(signal, error)
        async with raw_transaction(self._desk.engine) as connection:
            (done,) = await lock(connection, [signal])
            if done is not None:
                return
            tried += await kept.attempts(connection, signal.signal_id)
            await record_failure(connection, self._failure(place, config, cause))
            await kept.keep(connection, place, cause, tried)

    async def aclose(self) -> None:
        await self.checkpointed.aclose()

    async def _anew(self, signal: Signal, config: Config) -> str:
        if not is_plain(config.spec.llm):
            return await self.decide(signal, config, again=True)
        end = await simple.carry(signal, start(signal), flow.FIRST, Run(self._desk, config))
        return str(end["outcome"])

    async def _place(self, signal: Signal, error: BaseException) -> Kept:
        if isinstance(error, Stopped):
            return Kept(signal, error.node, error.state)
        try:
            rests = await self.checkpointed.rests(signal)
        except Exception as unreadable:
            if is_outage(unreadable):
                raise
            # A checkpoint that cannot be read must not keep the run itself from being kept.
            rests = None
        node, state = rests or (flow.FIRST, start(signal))
        return Kept(signal, node, state)

    def _failure(self, place: Kept, config: Config, cause: BaseException) -> Decision:
        decision = decision_of(place.state, config.revision, self._desk.clock())
        provider = place.state.get("provider", config.spec.llm.provider)
        return replace(decision, provider=provider, reason=f"error:{type(cause).__name__}")

    async def _decided(self, signal: Signal) -> str | None:
        """Whether an earlier delivery came to its decision. realtime is told again, for that may be what failed."""
        async with raw_transaction(self._desk.engine) as connection:
            rows = await connection.fetch(_TOLD, UUID(signal.signal_id))
        if not rows or rows[0]["outcome"] == "failed":
            return None
        if rows[0]["seq"] is not None:
            await self._desk.tell(signal, rows[0]["seq"])
        return "repeated"
