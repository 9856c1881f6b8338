"""The test sites themselves: each comes up, quietly, with the snippet in it, whatever way it came there."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.browser.sites.pages import SITES

pytestmark = pytest.mark.browser

WAYS = [*((name, "tag") for name in SITES), ("plain", "stub"), ("plain", "sri"), ("plain", "npm"), ("zone", "npm")]


@pytest.mark.parametrize(("name", "snippet"), WAYS)
def test_the_snippet_starts_on_it(
    name: str, snippet: str, site: Callable[..., str], new_person: Callable[..., Any]
) -> None:
    person = new_person()
    lines: list[str] = []
    person.page.on("console", lambda line: lines.append(line.text))
    with person.page.expect_response("**/sdk/v1/config*") as answer:
        person.opens(site(name, snippet=snippet))
    assert answer.value.status == 200
    assert lines == []
