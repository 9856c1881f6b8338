"""The way of a run: which node follows which. Pure; both runtimes go by it, LangGraph and the plain one."""

from collections.abc import Callable

from handrail_runtime.agent.state import State

FIRST = "diagnose"
ACT = "act"
"""Up to here nothing has been changed. Every path goes through it."""
LASTING = frozenset({ACT, "escalate"})
"""Nodes that change something."""
END = None


def _after_route(state: State) -> str | None:
    return "coach" if state["verdict"] == "nudge" else ACT


def _after_act(state: State) -> str | None:
    return "escalate" if state["verdict"] == "escalate" and "outcome" not in state else END


_BRANCHES: dict[str, Callable[[State], str | None]] = {"route": _after_route, ACT: _after_act}
TARGETS: dict[str, tuple[str | None, ...]] = {
    "diagnose": ("route",),
    "route": ("coach", ACT),
    "coach": (ACT,),
    ACT: ("escalate", END),
    "escalate": (END,),
}
"""What may follow each node."""


def following(node: str, state: State) -> str | None:
    """The node after `node`, given the state it has left; END where the run has come to its end."""
    branch = _BRANCHES.get(node)
    return branch(state) if branch else TARGETS[node][0]
