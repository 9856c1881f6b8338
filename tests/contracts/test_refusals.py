"""What a person is told of a wrong place: words, and the field that was meant."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError
from tests.contracts.test_tenant_spec import LEAST, with_value

from handrail_contracts import patterns
from handrail_contracts.refusals import refusals
from handrail_contracts.tenant_spec import OnboardingTenant, TenantSpec


def told(spec: Any) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        TenantSpec.model_validate(spec)
    return {".".join(map(str, place)): reason for place, reason in refusals(caught.value, TenantSpec)}


def found(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("pattern"), str):
            yield schema["pattern"]
        for child in schema.values():
            yield from found(child)


def test_every_form_has_words():
    assert set(found(OnboardingTenant.model_json_schema())) == set(patterns.WORDS)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("nudges.coolDown", "5m", "unknown field; did you mean cooldown?"),
        ("nudges.maxPerStuckpoint", 3, "unknown field; did you mean maxPerStuckPoint?"),
        ("detectors.rageClik", {}, "unknown field; did you mean rageClick?"),
        ("PLAN", "small", "unknown field; did you mean plan?"),
        ("runtime.agent.size", 1, "unknown field; known here: replicas, maxReplicas"),
        ("tone.language", "english!", patterns.WORDS[patterns.LANGUAGE]),
        ("nudges.cooldown", "5 minutes", "a duration like 90s, 5m or 24h is wanted"),
    ],
)
def test_the_reason_helps(path, value, reason):
    assert told(with_value(path, value)) == {path: reason}


def test_a_typo_in_an_entry_of_a_list_is_looked_for_there():
    step = {"name": "a", "event": "click", "selecter": "#a"}
    spec = {**LEAST, "baselines": [{"name": "b", "success": {"event": "submit"}, "steps": [step]}]}
    assert told(spec) == {"baselines.0.steps.0.selecter": "unknown field; did you mean selector?"}


def test_a_value_is_never_shown():
    hidden = "Bearer-of-secrets!"
    spec = with_value("llm.apiKeySecretRef", {"name": hidden, "key": "k"})
    assert hidden not in str(told(spec))
