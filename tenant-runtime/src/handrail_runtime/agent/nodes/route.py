"""Whether to help: the gates, over the case and its diagnosis."""

from handrail_runtime.agent import gates
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.state import State, diagnosis_of, ruled, signal_of


async def route(state: State, run: Run) -> State:
    case = await run.case(signal_of(state))
    return ruled(gates.rule(gates.Facts(case, diagnosis_of(state), state.get("fault", ""))))
