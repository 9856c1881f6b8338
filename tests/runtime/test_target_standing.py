"""When an element counts as missing."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from handrail_contracts.targets import TargetRule
from handrail_runtime.targets.pages import MOST_CANDIDATES, MOST_PAGES, Book, Key, Look
from handrail_runtime.targets.places import place_of
from handrail_runtime.targets.standing import Standing

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(minute: float) -> datetime:
    return BEGAN + timedelta(minutes=minute)


def after(sights: str, standing: Standing | None = None, first: int = 0) -> Standing:
    """`f` found, `m` missed, `u` used, a minute between them."""
    standing = standing or Standing()
    for minute, sight in enumerate(sights, first):
        standing = {"f": standing.found, "m": standing.missed, "u": standing.used}[sight](at(minute))
    return standing


@pytest.mark.parametrize(
    ("sights", "state"),
    [
        ("", "unknown"),
        ("mm", "unknown"),
        ("mmm", "missing"),
        ("f", "ok"),
        ("u", "ok"),
        ("fmm", "ok"),
        ("ffffmmm", "missing"),
        ("ffffmmmf", "ok"),
        ("ummmu", "ok"),
        # Such runs come and go: an element in a dialog.
        ("fmmmmfmmmm", "ok"),
        ("fmmmmf" + "m" * 12, "ok"),
        ("fmmmmf" + "m" * 13, "missing"),
    ],
)
def test_missing_is_more_in_a_row_than_ever(sights: str, state: str) -> None:
    assert after(sights).state == state


def test_a_run_begins_after_the_last_sight() -> None:
    standing = after("fmfmmm")
    assert (standing.run, standing.first_missed, standing.last_seen) == (3, at(3), at(2))


def test_what_comes_late_changes_no_run() -> None:
    before = after("fffmf")
    late = before.missed(at(0.5)).missed(at(1.5)).missed(at(3.5))
    assert (late.run, late.first_missed, late.state) == (0, None, "ok")
    running = after("fmmm")
    assert running.found(at(0.5)).run == 3
    assert running.found(at(0.5)).last_found == at(0.5)


def test_a_fault_that_lasted_is_forgotten_when_all_is_well_again() -> None:
    outage = after("f" + "m" * 500 + "f")
    assert outage.state == "ok"
    assert after("m" * 10, outage, 600).state == "ok"
    assert after("f" * 80 + "mmm", outage, 600).state == "missing"


def test_an_element_seen_now_and_then_raises_no_alarm_for_long() -> None:
    chance = random.Random(7)
    alarms = 0
    for share in (0.9, 0.5, 0.2, 0.05):
        standing = after("f")
        for minute in range(1, 3000):
            standing = after("f" if chance.random() < share else "m", standing, minute)
            alarms += minute > 200 and standing.state == "missing"
    assert alarms < 12_000 * 0.01


def look(
    page: str, kind: str = "found", nearest: str | None = None, *, declared: bool = False, minute: float = 0
) -> Look:
    return Look(Key("#a", page), declared, at(minute), kind, nearest)  # type: ignore[arg-type]


def test_nobody_misses_what_was_never_there() -> None:
    book = Book()
    book.enter([look("/p", "missed"), look("/q"), look("/q", "missed", minute=1), look("/d", "missed", declared=True)])
    assert {key.page: one.run for key, one in book.standings.items()} == {"/q": 1, "/d": 1}
    assert book.days == {
        (Key("#a", "/q"), BEGAN.date(), "found"): 1,
        (Key("#a", "/q"), BEGAN.date(), "missed"): 1,
        (Key("#a", "/d"), BEGAN.date(), "missed"): 1,
    }


def test_the_books_stay_small() -> None:
    book = Book()
    book.enter(look(f"/p{number}") for number in range(100))
    assert len(book.standings) == MOST_PAGES
    often = [look("/p0", "missed", "#often", minute=number) for number in range(3)]
    book.enter([*often, *(look("/p0", "missed", f"#c{number}", minute=number) for number in range(100))])
    named = book.candidates[Key("#a", "/p0")]
    assert len(named) == MOST_CANDIDATES
    assert named["#often"].count == 3


@pytest.mark.parametrize(
    ("path", "page"),
    [
        ("/projects", "/projects"),
        ("/projects/7/edit", "/projects/*/edit"),
        ("/u/0198c0de-0000-7000-8000-000000000001", "/u/*"),
        ("/v2/files/deadbeef", "/v2/files/*"),
        ("/app#/team/12", "/app#/team/*"),
        ("/" + "x" * 200, None),
    ],
)
def test_pages_without_their_numbers(path: str, page: str | None) -> None:
    assert place_of(TargetRule(id="a", selector="#a", path="", event=""), path) == page


def test_the_configs_own_pattern_names_the_page() -> None:
    rule = TargetRule(id="a", selector="#a", path="/projects/*", event="")
    assert place_of(rule, "/projects/7") == "/projects/*"
    assert place_of(rule, "/projects") is None
