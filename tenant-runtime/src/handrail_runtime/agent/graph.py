"""The graph: diagnose -> route -> coach -> act -> escalate. Imported at the first signal, for LangGraph is heavy.

Every path goes through act, before which the graph stops once: up to there nothing has been changed and nothing is
kept, from there on every step is.
"""

from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from handrail_runtime.agent.context import Run
from handrail_runtime.agent.nodes.act import act
from handrail_runtime.agent.nodes.coach import coach
from handrail_runtime.agent.nodes.diagnose import diagnose
from handrail_runtime.agent.nodes.escalate import escalate
from handrail_runtime.agent.nodes.route import route
from handrail_runtime.agent.state import State

ACT = "act"
Graph = CompiledStateGraph[State, Run, State, State]


def build(checkpointer: BaseCheckpointSaver[Any]) -> Graph:
    graph = StateGraph(State, context_schema=Run)
    graph.add_node("diagnose", diagnose)
    graph.add_node("route", route)
    graph.add_node("coach", coach)
    graph.add_node(ACT, act)
    graph.add_node("escalate", escalate)
    graph.add_edge(START, "diagnose")
    graph.add_edge("diagnose", "route")
    graph.add_conditional_edges("route", _after_route, ["coach", ACT])
    graph.add_edge("coach", ACT)
    graph.add_conditional_edges(ACT, _after_act, ["escalate", END])
    graph.add_edge("escalate", END)
    return graph.compile(checkpointer=checkpointer, interrupt_before=[ACT], name="handrail-agent")


def _after_route(state: State) -> str:
    return "coach" if state["verdict"] == "nudge" else ACT


def _after_act(state: State) -> str:
    return "escalate" if state["verdict"] == "escalate" and "outcome" not in state else END
