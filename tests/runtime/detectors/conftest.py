"""Sequences of what a session did."""

from collections.abc import Callable

import pytest

from handrail_runtime.session.seen import Seen

SECOND = 1_000_000


@pytest.fixture
def event() -> Callable[..., Seen]:
    """`event(12.5, "click", "#save", path="/a")`: at 12.5 s; ids follow the time."""

    def make(at: float, event_type: str, selector: str | None = None, **rest: object) -> Seen:
        number = round(at * 1000)
        given = {"event_id": f"e{number:09d}", "path": "/a"} | rest
        return Seen(at=round(at * SECOND), event_type=event_type, selector=selector, **given)  # type: ignore[arg-type]

    return make
