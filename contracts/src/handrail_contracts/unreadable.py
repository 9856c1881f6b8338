"""Where JSON that cannot be read has half a character, so that whoever sent it finds the place."""

import json
from typing import Any

from handrail_contracts.lenient_json import has_surrogate
from handrail_contracts.problems import ProblemItem

MOST = 100
"""Places named."""
DEEPEST = 100
"""Levels looked into."""


def unreadable_places(body: bytes) -> list[ProblemItem]:
    """The places of lone surrogates in JSON; empty where it is unreadable for another reason."""
    try:
        value = json.loads(body.decode())
    except (ValueError, RecursionError):
        return []
    found: list[ProblemItem] = []
    # No recursion: it may be nested as deeply as it likes.
    waiting: list[tuple[list[str | int], Any]] = [([], value)]
    while waiting and len(found) < MOST:
        place, part = waiting.pop()
        if isinstance(part, str) and has_surrogate(part):
            found.append(ProblemItem(loc=place, msg="must not hold a lone surrogate"))
        elif len(place) >= DEEPEST:
            continue
        elif isinstance(part, dict):
            for name, child in reversed(part.items()):
                if has_surrogate(name):
                    found.append(ProblemItem(loc=place, msg="a name must not hold a lone surrogate"))
                else:
                    waiting.append(([*place, name], child))
        elif isinstance(part, list):
            waiting += [([*place, at], child) for at, child in reversed(list(enumerate(part)))]
    return found
