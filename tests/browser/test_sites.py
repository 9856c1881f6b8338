"""The test sites themselves: quiet with the snippet in them, whatever way it came there.

That it does them no harm stands in test_unharmed.py, which walks over all of them with the plain tag.
"""

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser

WAYS = [(site, way) for way in ("stub", "sri", "npm") for site in ("plain", "react", "zone")]
WAYS += [("frames", "tag"), ("hotkeys", "tag"), ("strict-origin", "tag"), ("strict-dynamic", "npm")]


def test_the_snippet_starts_in_every_way(site: Callable[..., str], new_person: Callable[..., Any]) -> None:
    person = new_person()
    lines: list[str] = []
    person.page.on("console", lambda line: lines.append(line.text))
    for name, way in WAYS:
        with person.page.expect_response("**/sdk/v1/config*") as answer:
            person.opens(site(name, snippet=way))
        assert answer.value.status == 200, (name, way)
        assert lines == [], (name, way)
