"""The tenant's words, as far as rules can follow them: `Say "workspace", never "account".`

Any other instruction is for a model and is left alone here.
"""

import re
from collections.abc import Sequence

_QUOTED = r"[\"'“”„‘’«»]([^\"'“”„‘’«»]{1,60})[\"'“”„‘’«»]"
_RULE = re.compile(
    rf"\b(?:say|write|use)\s+{_QUOTED}\s*,?\s*(?:and\s+)?(?:never|not|instead\s+of)\s+"
    rf"({_QUOTED}(?:\s*(?:,|or|nor|and)+\s*{_QUOTED})*)",
    re.IGNORECASE,
)
_EACH = re.compile(_QUOTED)

Rule = tuple[re.Pattern[str], str]


def parse(instructions: str) -> tuple[Rule, ...]:
    """The rules in a tenant's instructions: what to look for (a whole word, also in the plural) and what to say."""
    return tuple(
        (re.compile(rf"(?<!\w){re.escape(avoid.strip())}(s?)(?!\w)", re.IGNORECASE), found[1].strip())
        for found in _RULE.finditer(instructions)
        for avoid in _EACH.findall(found[2])
    )


def apply(rules: Sequence[Rule], text: str) -> str:
    """`text` in the tenant's words. A capital stays a capital, a plural a plural."""
    for pattern, say in rules:
        text = pattern.sub(lambda found, say=say: _as_written(found, say), text)  # type: ignore[misc]
    return text


def _as_written(found: re.Match[str], say: str) -> str:
    word = say + found[1]
    if found[0].isupper() and len(found[0]) > 1:
        return word.upper()
    return word[0].upper() + word[1:] if found[0][0].isupper() else word
