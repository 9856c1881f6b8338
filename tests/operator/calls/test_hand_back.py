"""Which fields are given up for the places that are named."""

from typing import Any

import pytest
from tests.operator.calls.test_edit import GITS, ONE, stored

from handrail_contracts.operator_calls import ReplyProblem
from handrail_operator.calls.hand_back import hand_back, places

OURS: dict[str, Any] = {
    "tone": {"language": "de"},
    "origins": ["https://b.test"],
    "baselines": [{"name": "two", "success": {"event": "click"}}],
    "identity": {"signingSecretRefs": [{"name": "keys", "key": "current"}]},
}
SPEC = GITS | OURS | {"baselines": [ONE, *OURS["baselines"]], "origins": ["https://a.test", "https://b.test"]}


@pytest.mark.parametrize(
    ("named", "given_up"),
    [
        ([["tone", "language"]], [["tone", "language"]]),
        ([["tone"]], [["tone", "language"]]),
        ([["tone", "voice"], ["privacy"]], []),
        ([["baselines", "two"]], [["baselines", "two"]]),
        ([["baselines", 1]], [["baselines", "two"]]),
        ([["baselines", "one"], ["baselines", 0]], []),
        ([["baselines", "two", "success"]], [["baselines", "two", "success", "event"]]),
        ([["origins", "https://b.test"]], [["origins", "https://b.test"]]),
        ([["origins", 0]], []),
        ([["identity", "signingSecretRefs", "current/keys"]], [["identity", "signingSecretRefs", "current/keys"]]),
        ([[]], [["baselines", "two"], ["identity", "signingSecretRefs", "current/keys"],
                ["origins", "https://b.test"], ["tone", "language"]]),
    ],
)  # fmt: skip
def test_places_mean_what_is_below_them(named, given_up):
    found = hand_back(stored(SPEC, OURS, git=GITS), named)
    assert isinstance(found, set)
    assert places(found) == given_up


@pytest.mark.parametrize(
    "place",
    [["colour"], [0], ["tone", "colour"], ["tone", 0], ["tone", "voice", "x"], ["baselines", "three"],
     ["baselines", 2], ["baselines", -1], ["origins", "https://c.test"], ["baselines", "one", "success", 0]],
)  # fmt: skip
def test_places_that_are_not_there_are_named(place):
    problem = hand_back(stored(SPEC, OURS), [["tone"], place])
    assert isinstance(problem, ReplyProblem)
    assert problem.errors == [{"loc": ["fields", 1], "msg": "there is no such field in the config"}]
