"""When an alert is tried again."""

from datetime import UTC, datetime

import pytest

from handrail_runtime.agent.escalation.retries import Result, next_attempt, of_status

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)


def waits(result: Result, jitter: float = 0.0, most: int = 12) -> list[float | None]:
    return [next_attempt(result, failures=n, waits=n, age=n, jitter=jitter) for n in range(1, most)]


def test_failures_are_followed_by_six_more_attempts_over_about_seven_hours() -> None:
    assert waits(Result("failed"))[:7] == [5, 30, 120, 600, 3600, 21600, None]
    assert waits(Result("failed"), 1.0)[:3] == [6, 36, 144]
    assert waits(Result("failed"), -1.0)[:3] == [4, 24, 96]


def test_what_waits_for_something_to_be_set_up_waits_three_days() -> None:
    assert waits(Result("waiting"), 1.0)[:6] == [30, 60, 300, 900, 3600, 3600]
    assert next_attempt(Result("waiting"), failures=0, waits=99, age=3 * 86400, jitter=0) is None


def test_the_end() -> None:
    assert waits(Result("refused")) == [None] * 11
    assert waits(Result("delivered")) == [None] * 11


@pytest.mark.parametrize(
    ("failures", "asked", "wait"), [(1, 2.0, 2.0), (1, 0.0, 1.0), (2, 2.0, 30.0), (2, 90.0, 90.0), (1, 1e9, 21600.0)]
)
def test_a_wish_for_later_is_heeded(failures: int, asked: float, wait: float) -> None:
    result = Result("failed", 429, retry_after=asked)
    assert next_attempt(result, failures=failures, waits=0, age=0, jitter=0) == wait


@pytest.mark.parametrize(
    ("status", "outcome"),
    [(200, "delivered"), (204, "delivered"), (301, "refused"), (307, "refused"), (400, "refused"), (403, "refused"),
     (404, "refused"), (408, "failed"), (410, "refused"), (425, "failed"), (429, "failed"), (500, "failed"),
     (502, "failed"), (503, "failed"), (599, "failed")],
)  # fmt: skip
def test_what_an_answer_means(status: int, outcome: str) -> None:
    assert of_status(status).outcome == outcome
