"""What the published description says is what the platform does: schemathesis over every operation of it."""

from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import checks
from tests.hostile.world import World

EXAMPLES = 12
"""Of each operation."""
CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]


def _accepted(status: int) -> bool:
    return status < 500 or status == 503


@pytest.mark.slow
def test_no_answer_is_undocumented(world: World) -> None:
    url = f"http://127.0.0.1:{world.port}"
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    problems: list[str] = []
    for found in schema.get_all_operations():
        operation: Any = found.ok()  # type: ignore[union-attr]  # raises where the description is broken

        @hypothesis.settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            answer = case.call(base_url=url, headers={"X-API-Key": world.key("secret")})
            try:
                case.validate_response(answer, checks=CHECKS)
            except (AssertionError, BaseExceptionGroup) as error:
                if "Server error" in str(error) and _accepted(answer.status_code):
                    return
                raise

        try:
            ask()
        except Exception as error:  # noqa: BLE001 - every operation is looked at
            problems.append(f"{operation.label}: {error!s:.1500}")
    assert not problems, "\n\n".join(problems)
    world.serves()
