"""The graph's nodes, one a file, each thin: gather or decide or carry out, and return what it adds to the state.

Must not live here: which node follows which (`flow.py`), and what carries a run from node to node (`runs.py`).
"""

from collections.abc import Awaitable, Callable

from handrail_runtime.agent.context import Run
from handrail_runtime.agent.nodes.act import act
from handrail_runtime.agent.nodes.coach import coach
from handrail_runtime.agent.nodes.diagnose import diagnose
from handrail_runtime.agent.nodes.escalate import escalate
from handrail_runtime.agent.nodes.route import route
from handrail_runtime.agent.state import State

Node = Callable[[State, Run], Awaitable[State]]
"""The state so far and what the run works with; gives what is new in the state."""

NODES: dict[str, Node] = {"diagnose": diagnose, "route": route, "coach": coach, "act": act, "escalate": escalate}
