"""One run of the graph for one signal: begun, or taken up where it was left.

A run stands in the database under its signal's id from just before act until it has succeeded. One that failed stays
there, at the node that failed.
"""

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING, Any
from uuid import UUID

import structlog

from handrail_contracts.signals import Signal
from handrail_runtime.agent.context import Desk, Run
from handrail_runtime.agent.perform import Decision, record_failure
from handrail_runtime.agent.state import start
from handrail_runtime.config import Config
from handrail_runtime.data.raw import raw_transaction

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    from handrail_runtime.agent.graph import Graph

log = structlog.get_logger()

_TOLD = (
    "SELECT d.outcome, n.seq FROM decisions d LEFT JOIN nudges n ON n.signal_id = d.signal_id WHERE d.signal_id = $1"
)


LASTING = {"act", "escalate"}
"""Nodes that change something: every step of theirs is kept, as is where they failed."""


class Runs:
    """`decide` may run many times at once; `aclose` ends what `decide` opened."""

    def __init__(self, desk: Desk, database_url: str) -> None:
        self._desk = desk
        self._database_url = database_url
        self._stack = contextlib.AsyncExitStack()
        self._building = asyncio.Lock()
        self._built: tuple[Graph, AsyncPostgresSaver] | None = None

    async def decide(self, signal: Signal, config: Config, *, again: bool) -> str:
        """The decision's outcome, committed. `again`: the signal has been delivered before."""
        graph, saver = await self._graph()
        thread: Any = {"configurable": {"thread_id": signal.signal_id}}
        run = Run(self._desk, config)
        waits_for = (await graph.aget_state(thread)).next if again else ()
        if again and not waits_for and (outcome := await self._decided(signal)) is not None:
            await saver.adelete_thread(signal.signal_id)
            return outcome
        if not LASTING & set(waits_for):
            begin = None if waits_for else start(signal)
            await graph.ainvoke(begin, thread, context=run, durability="exit")
        final = await graph.ainvoke(None, thread, context=run, durability="sync")
        await saver.adelete_thread(signal.signal_id)
        return str(final["outcome"])

    async def give_up(self, signal: Signal, config: Config, error: BaseException) -> None:
        """Records that the run failed. Its checkpoint stays; taking it up again is `decide` with `again`."""
        decision = Decision(
            signal=signal,
            reason=f"error:{type(error).__name__}",
            gates=[],
            diagnosis=None,
            provider=config.spec.llm.provider,
            model="",
            prompt_version="",
            config_revision=config.revision,
            at=self._desk.clock(),
        )
        async with raw_transaction(self._desk.engine) as connection:
            await record_failure(connection, decision)

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def _decided(self, signal: Signal) -> str | None:
        """Whether an earlier delivery came to its decision. realtime is told again, for that may be what failed."""
        async with raw_transaction(self._desk.engine) as connection:
            rows = await connection.fetch(_TOLD, UUID(signal.signal_id))
        if not rows or rows[0]["outcome"] == "failed":
            return None
        if rows[0]["seq"] is not None:
            await self._desk.tell(signal.user_id, rows[0]["seq"])
        return "repeated"

    async def _graph(self) -> "tuple[Graph, AsyncPostgresSaver]":
        async with self._building:
            if self._built is None:
                # Seconds of importing on a small machine: in a thread, for sockets may live in this process, too.
                checkpoints = await asyncio.to_thread(importlib.import_module, "handrail_runtime.agent.checkpoints")
                graph = await asyncio.to_thread(importlib.import_module, "handrail_runtime.agent.graph")
                saver = await self._stack.enter_async_context(checkpoints.open_saver(self._database_url))
                self._built = graph.build(saver), saver
            return self._built
