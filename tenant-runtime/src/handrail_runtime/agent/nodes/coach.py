"""What to say: the provider's text for the diagnosis, in the tenant's tone."""

from handrail_runtime.agent.context import Run
from handrail_runtime.agent.gates import Gate
from handrail_runtime.agent.providers.choice import rules_stand_in
from handrail_runtime.agent.providers.provider import Bill
from handrail_runtime.agent.state import State, diagnosis_of, signal_of


async def coach(state: State, run: Run) -> State:
    case = await run.case(signal_of(state))
    diagnosis = diagnosis_of(state)
    if diagnosis is None:
        raise ValueError("coach needs a diagnosis")
    # Where the rules have just stood in for the model, it is not waited for once more.
    spec = rules_stand_in(run.config.spec) if state.get("provider") == "rules" else run.config.spec
    answered = await run.desk.providers.ask(
        spec, lambda provider, notes: provider.coach(case, diagnosis, notes), run.desk.clock()
    )
    found: State = {
        "bill": (Bill.load(state.get("bill")) + answered.bill).dump(),
        "notes": [*state.get("notes", []), *answered.notes],
    }
    coaching = answered.value
    if coaching is None:
        gate = Gate("coached", passed=False, reason=answered.fault, message="Nobody could write the text.")
        verdict = "escalate" if case.asked else "none"
        return {**found, "verdict": verdict, "reason": answered.fault, "gates": [*state["gates"], gate.dump()]}
    return {
        **found,
        "text": coaching.text.model_dump(mode="json"),
        "language": coaching.language,
        "remark": coaching.remark,
    }
