"""What to say: the provider's text for the diagnosis, in the tenant's tone."""

from handrail_runtime.agent.context import Run
from handrail_runtime.agent.gates import Gate
from handrail_runtime.agent.providers.choice import with_fallback
from handrail_runtime.agent.providers.provider import ProviderUnavailable
from handrail_runtime.agent.state import State, diagnosis_of, signal_of


async def coach(state: State, run: Run) -> State:
    case = await run.case(signal_of(state))
    diagnosis = diagnosis_of(state)
    if diagnosis is None:
        raise ValueError("coach needs a diagnosis")
    try:
        _, coaching = await with_fallback(run.config.spec.llm, lambda each: each.coach(case, diagnosis))
    except ProviderUnavailable as error:
        gate = Gate("coached", passed=False, reason=error.code, message="Nobody could write the text.")
        verdict = "escalate" if case.asked else "none"
        return {"verdict": verdict, "reason": error.code, "gates": [*state["gates"], gate.dump()]}
    return {
        "text": coaching.text.model_dump(mode="json"),
        "language": coaching.language,
        "remark": coaching.remark,
    }
