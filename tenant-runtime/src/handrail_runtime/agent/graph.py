"""The graph that LangGraph carries: the nodes and the way of `flow.py`, with a checkpoint before the run acts.

Imported at the first run that needs it, for LangGraph is heavy.
"""

from collections.abc import Callable
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from handrail_runtime.agent import flow
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.nodes import NODES, Node
from handrail_runtime.agent.state import State

Graph = CompiledStateGraph[State, Run, State, State]


def build(checkpointer: BaseCheckpointSaver[Any]) -> Graph:
    graph = StateGraph(State, context_schema=Run)
    graph.add_edge(START, flow.FIRST)
    for name, node in NODES.items():
        graph.add_node(name, _carried(node))
        ways = [target or END for target in flow.TARGETS[name]]
        graph.add_conditional_edges(name, _branch(name), ways)
    return graph.compile(checkpointer=checkpointer, interrupt_before=[flow.ACT], name="handrail-agent")


def _carried(node: Node) -> Any:
    async def carried(state: State, runtime: Runtime[Run]) -> State:
        return await node(state, runtime.context)

    return carried


def _branch(name: str) -> Callable[[State], str]:
    def branch(state: State) -> str:
        return flow.following(name, state) or END

    return branch
