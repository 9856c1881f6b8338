"""What is wrong: the provider's diagnosis of the case, where it can change anything."""

from handrail_runtime.agent import gates
from handrail_runtime.agent.context import Run
from handrail_runtime.agent.state import State, signal_of


async def diagnose(state: State, run: Run) -> State:
    case = await run.case(signal_of(state))
    if gates.foregone(case):
        return {"diagnosis": None}
    answered = await run.desk.providers.ask(
        run.config.spec, lambda provider, notes: provider.diagnose(case, notes), run.desk.clock()
    )
    found: State = {
        "diagnosis": answered.value.model_dump(mode="json") if answered.value else None,
        "provider": answered.provider,
        "model": answered.model,
        "prompt_version": answered.prompt_version,
        "bill": answered.bill.dump(),
        "notes": answered.notes,
    }
    if answered.value is None:
        found["fault"] = answered.fault
    return found
