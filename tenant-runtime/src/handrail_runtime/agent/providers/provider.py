"""What the graph needs of somebody who thinks."""

from dataclasses import dataclass
from typing import Protocol

from handrail_contracts.nudges import Diagnosis, NudgeText
from handrail_runtime.agent.case import Case


class ProviderUnavailable(Exception):
    """The provider cannot answer now. `llm.onFailure: rules` lets the rules stand in, else there is no nudge."""

    code = "provider_unavailable"


@dataclass(frozen=True)
class Coaching:
    """A text and what it is written in. `remark` tells of a wish that could not be met, such as a language."""

    text: NudgeText
    language: str
    remark: str = ""


class Provider(Protocol):
    """Both methods raise ProviderUnavailable."""

    name: str
    model: str
    prompt_version: str

    async def diagnose(self, case: Case) -> Diagnosis:
        """Whether and where the user is stuck."""

    async def coach(self, case: Case, diagnosis: Diagnosis) -> Coaching:
        """What to say about it."""
