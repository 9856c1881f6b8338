"""LangGraph's runtime: carries a run with a checkpoint before it acts and after each step from there on.

For providers that cost time or money, or answer differently when asked again: what was thought is not thought twice.
A run stands in the database under its signal's id from just before act until it has succeeded; one that failed stays
there, at the node that failed. LangGraph is imported at the first run.
"""

import asyncio
import contextlib
import importlib
from typing import TYPE_CHECKING, Any, cast

from handrail_contracts.signals import Signal
from handrail_runtime.agent import flow
from handrail_runtime.agent.context import Desk, Run
from handrail_runtime.agent.state import State, start
from handrail_runtime.config import Config

if TYPE_CHECKING:
    from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver

    from handrail_runtime.agent.graph import Graph


class Checkpointed:
    """`carry` may run many times at once; `aclose` ends what it opened."""

    def __init__(self, desk: Desk, database_url: str) -> None:
        self._desk = desk
        self._database_url = database_url
        self._stack = contextlib.AsyncExitStack()
        self._building = asyncio.Lock()
        self._built: tuple[Graph, AsyncPostgresSaver] | None = None

    async def carry(self, signal: Signal, config: Config, *, again: bool) -> State:
        """From the start, or from where the run rests, to the end. `again`: it may have been begun before."""
        graph, saver = await self._graph()
        thread = _thread(signal)
        run = Run(self._desk, config)
        waits_for = (await graph.aget_state(thread)).next if again else ()
        if not flow.LASTING & set(waits_for):
            begin = None if waits_for else start(signal)
            await graph.ainvoke(begin, thread, context=run, durability="exit")
        final: Any = await graph.ainvoke(None, thread, context=run, durability="sync")
        await saver.adelete_thread(signal.signal_id)
        return cast("State", final)

    async def rests(self, signal: Signal) -> tuple[str, State] | None:
        """The node where the run waits, and what it has found; None where it was not begun, or has ended."""
        graph, _ = await self._graph()
        snapshot = await graph.aget_state(_thread(signal))
        return (snapshot.next[0], cast("State", snapshot.values)) if snapshot.next else None

    async def forget(self, signal: Signal) -> None:
        _, saver = await self._graph()
        await saver.adelete_thread(signal.signal_id)

    async def aclose(self) -> None:
        await self._stack.aclose()

    async def _graph(self) -> "tuple[Graph, AsyncPostgresSaver]":
        async with self._building:
            if self._built is None:
                # Seconds of importing on a small machine: in a thread, for sockets may live in this process, too.
                checkpoints = await asyncio.to_thread(importlib.import_module, "handrail_runtime.agent.checkpoints")
                graph = await asyncio.to_thread(importlib.import_module, "handrail_runtime.agent.graph")
                saver = await self._stack.enter_async_context(checkpoints.open_saver(self._database_url))
                self._built = graph.build(saver), saver
            return self._built


def _thread(signal: Signal) -> Any:
    return {"configurable": {"thread_id": signal.signal_id}}
