"""The detectors that count: rage click, dead click, back and forth, repeated error."""

from collections.abc import Callable
from typing import Any

import pytest

from handrail_runtime.ingest.detectors import back_and_forth, dead_click, rage_click, repeated_error
from handrail_runtime.session.seen import Finding, Seen

S = 1_000_000
Make = Callable[..., Seen]


def told(findings: list[Finding]) -> list[tuple[str, float]]:
    """(what began it, when it was complete)"""
    return [(finding.anchor, finding.at / S) for finding in findings]


@pytest.mark.parametrize(
    ("clicks", "expected"),
    [
        ([(0, "#a"), (0.3, "#a"), (0.6, "#a"), (1.0, "#a")], [("e000000000", 1.0)]),
        ([(0, "#a"), (0.3, "#a"), (0.6, "#a"), (1.1, "#a")], []),
        ([(0, "#a"), (0.1, "#b"), (0.2, "#a"), (0.3, "#b")], []),
        # slow clicks first: the episode begins where the window that was full begins
        ([(0, "#a"), (5, "#a"), (5.1, "#a"), (5.2, "#a"), (5.3, "#a")], [("e000005000", 5.3)]),
        # it goes on: the same episode
        ([(at / 10, "#a") for at in range(100)], [("e000000000", 0.3)]),
        # after a quiet time it is another one
        ([(at / 10 + base, "#a") for base in (0, 60) for at in range(4)], [("e000000000", 0.3), ("e000060000", 60.3)]),
        ([(at / 10, None) for at in range(9)], []),
    ],
)
def test_rage_click(event: Make, clicks: list[tuple[float, str | None]], expected: list[Any]) -> None:
    events = [event(at, "click", selector) for at, selector in clicks]
    assert told(rage_click.find(events, count=4, within=1 * S)) == expected


def test_a_rage_click_says_why(event: Make) -> None:
    events = [event(at / 10, "click", "#a", count=2) for at in range(3)]
    [found] = rage_click.find(events, count=4, within=1 * S)
    assert (found.path, found.selector, found.until) == ("/a", "#a", 200_000)
    assert found.evidence == {"clicks": 4, "within_ms": 100, "event_ids": ["e000000000", "e000000100"]}


def test_dead_clicks_count_on_one_page_whatever_the_element(event: Make) -> None:
    events = [
        event(0, "click", "#a", reacted=False),
        event(1, "click", "#b", reacted=True),
        event(2, "click", "#b", reacted=False),
        event(3, "click", "#c"),
        event(4, "click", "#c", reacted=False, path="/other"),
        event(9.9, "click", "#d", reacted=False),
    ]
    [found] = dead_click.find(events, count=3, within=10 * S)
    assert (found.anchor, found.selector, found.key) == ("e000000000", "#d", "/a")
    assert found.evidence["selectors"] == ["#a", "#b", "#d"]
    assert not dead_click.find(events[1:], count=3, within=10 * S)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        ("ABABA", [("e000000000", 4.0)]),
        ("ABAB", []),
        ("AABBAABBAA", [("e000000000", 8.0)]),  # the same page twice is one visit
        ("ABCBABC", []),
        ("XYABABA", [("e000002000", 6.0)]),
        ("ABABABABAB", [("e000000000", 4.0)]),
    ],
)
def test_back_and_forth(event: Make, pages: str, expected: list[Any]) -> None:
    events = [event(at, "page_view", path=f"/{page}") for at, page in enumerate(pages)]
    found = back_and_forth.find(events, times=3, within=60 * S)
    assert told(found) == expected
    assert all(finding.evidence["returns"] == 3 for finding in found)


def test_back_and_forth_must_be_quick(event: Make) -> None:
    events = [event(at * 40, "page_view", path=f"/{page}") for at, page in enumerate("ABABABA")]
    assert not back_and_forth.find(events, times=3, within=60 * S)


def test_errors_of_one_kind_on_one_page(event: Make) -> None:
    events = [
        event(0, "error", kind="http"),
        event(10, "error", kind="js"),
        event(20, "error", kind="http", count=2),
        event(30, "error", kind="http", path="/b"),
    ]
    [found] = repeated_error.find(events, count=3, within=300 * S)
    assert (found.anchor, found.at, found.evidence["error_kind"]) == ("e000000000", 20 * S, "http")


def test_a_refused_submit_and_its_form_error_are_one_attempt(event: Make) -> None:
    attempt = [(0, "error"), (0.4, "submit"), (10, "submit"), (10.2, "error"), (20, "submit")]
    events = [event(at, kind, "#f", kind="form", valid=False) for at, kind in attempt]
    assert not repeated_error.find(events[:4], count=3, within=300 * S)
    [found] = repeated_error.find(events, count=3, within=300 * S)
    assert (found.evidence["errors"], found.selector) == (3, "#f")
    assert not repeated_error.find([event(at, "submit", valid=True) for at in range(9)], count=3, within=300 * S)
