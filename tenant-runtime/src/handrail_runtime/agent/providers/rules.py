"""The provider without a model: a diagnosis from evidence and baseline, a text from templates.

The same case always gives the same words, so it costs nothing, needs no key and can be tested to the letter.
"""

from handrail_contracts.nudges import Diagnosis
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.providers import rule_coach, rule_diagnosis
from handrail_runtime.agent.providers.provider import Coaching, Notes


class RulesProvider:
    """See Provider. Never unavailable."""

    name = "rules"
    model = ""
    prompt_version = "rules-1"

    async def diagnose(self, case: Case, notes: Notes) -> Diagnosis:  # noqa: ARG002
        return rule_diagnosis.diagnose(case)

    async def coach(self, case: Case, diagnosis: Diagnosis, notes: Notes) -> Coaching:  # noqa: ARG002
        return rule_coach.coach(case, diagnosis)
