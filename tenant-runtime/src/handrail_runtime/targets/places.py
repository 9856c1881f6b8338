"""Which page an event of a target belongs to. Pure."""

import re

from handrail_contracts import targets
from handrail_contracts.targets import TargetRule
from handrail_runtime.session.matching import path_matches

_NUMBERED = re.compile(r"\d{2}|^\d+$|[0-9a-f]{8}", re.IGNORECASE)
"""In a part of a path that names one thing out of many."""
_PARTS = re.compile(r"([/#!]+)")


def place_of(rule: TargetRule, path: str) -> str | None:
    """The page's name in the books: the config's own pattern, else the path with its numbered parts as `*`.

    None where the element is not looked for on this page.
    """
    if rule.path:
        return rule.path if path_matches(rule.path, path) else None
    page = "".join("*" if _NUMBERED.search(part) else part for part in _PARTS.split(path))
    return page if 0 < len(page) <= targets.MAX_PATH else None
