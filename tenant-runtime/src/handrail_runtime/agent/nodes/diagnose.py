"""What is wrong: the provider's diagnosis of the case."""

from handrail_runtime.agent.context import Run
from handrail_runtime.agent.providers.choice import with_fallback
from handrail_runtime.agent.providers.provider import ProviderUnavailable
from handrail_runtime.agent.state import State, signal_of


async def diagnose(state: State, run: Run) -> State:
    case = await run.case(signal_of(state))
    try:
        provider, diagnosis = await with_fallback(run.config.spec.llm, lambda each: each.diagnose(case))
    except ProviderUnavailable as error:
        return {"diagnosis": None, "provider": run.config.spec.llm.provider, "fault": error.code}
    return {
        "diagnosis": diagnosis.model_dump(mode="json"),
        "provider": provider.name,
        "model": provider.model,
        "prompt_version": provider.prompt_version,
    }
