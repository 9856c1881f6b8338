"""What the published description says is what the platform does: schemathesis over every operation of it."""

import os
from collections import defaultdict
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import GenerationMode, checks
from tests.hostile.world import DESCRIBED, World

EXAMPLES = 6
"""Of each operation, of what it takes and as many of what it does not."""
CHECKS = [
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
"""No operation's description has a `default`: each answer must be named there, and no 5xx but 503 is."""


@pytest.mark.slow
def test_no_answer_is_undocumented(world: World) -> None:
    _all_described(world, EXAMPLES)


@pytest.mark.soak
def test_no_answer_is_undocumented_for_long(world: World) -> None:
    _all_described(world, 10 * int(os.environ.get("HANDRAIL_HOSTILE_ROUNDS", "20")))


def _all_described(world: World, examples: int) -> None:
    url = f"http://127.0.0.1:{world.port}"
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    problems: list[str] = []
    seen: dict[str, set[int]] = defaultdict(set)
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # raises where the description is broken
        assert "default" not in operation.definition.raw["responses"]
        for mode in GenerationMode.POSITIVE, GenerationMode.NEGATIVE:

            @hypothesis.settings(
                max_examples=examples,
                derandomize=True,
                database=None,
                deadline=None,
                suppress_health_check=list(hypothesis.HealthCheck),
                phases=[hypothesis.Phase.generate],
            )
            @hypothesis.given(case=operation.as_strategy(generation_mode=mode))
            def ask(case: Any) -> None:
                answer = case.call(base_url=url, headers={"X-API-Key": world.key("secret", DESCRIBED)})
                seen[case.operation.label].add(answer.status_code)
                case.validate_response(answer, checks=CHECKS)

            try:
                ask()
            except hypothesis.errors.Unsatisfiable:
                # Nothing that one could send is wrong there, but there is always something that is right.
                assert mode is GenerationMode.NEGATIVE, operation.label
            except Exception as error:  # noqa: BLE001 - every operation is looked at
                problems.append(f"{operation.label}: {error!s:.1500}")
    assert not problems, "\n\n".join(problems)
    # What is away or turns everything away shows nothing.
    assert {label: statuses for label, statuses in seen.items() if not statuses - {401, 429, 503}} == {}
    assert [label for label in seen if label.startswith("GET") and "{" not in label and 200 not in seen[label]] == []
    world.serves()
    assert world.complaints() == []
