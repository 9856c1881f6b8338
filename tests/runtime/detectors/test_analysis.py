"""The whole judgement: signals do not depend on how events are cut into batches, repeated or shuffled."""

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail_contracts.signals import Signal
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.ingest.analysis import analyse, extended, inactive, window_of
from handrail_runtime.ingest.detectors.inactivity import find as find_inactivity
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.session import state as session
from handrail_runtime.session.seen import Seen, Told, in_order, seen
from handrail_runtime.session.state import SessionState

S = 1_000_000
SPEC = {
    "displayName": "Acme",
    "origins": ["https://app.example.test"],
    "baselines": [
        {
            "name": "b",
            "success": {"event": "submit", "selector": "#f"},
            "steps": [
                {"name": "open", "event": "page_view", "path": "/p0"},
                {"name": "go", "event": "click", "selector": "#s1", "within": "10s"},
                {"name": "save", "event": "submit", "selector": "#f", "within": "10s"},
            ],
        }
    ],
    "detectors": {"offBaseline": {"after": "20s"}},
}
RULES = Rules.of("r", TenantSpec.model_validate(SPEC))


def run(batches: list[list[Seen]], rules: Rules = RULES) -> tuple[SessionState, list[Signal]]:
    """As ingest does it: only what is new, in order of time, with the window of all that is stored."""
    state, stored = SessionState(), set[str]()
    window: list[Seen] = []
    told: list[Signal] = []
    for batch in batches:
        new = [event for event in in_order(batch) if event.event_id not in stored]
        if not new:
            continue
        stored |= {event.event_id for event in new}
        window = extended(window, new)
        state, found = analyse("u", "s", session.decode(session.encode(state)), window, new, {}, rules)
        told += found
    return state, told


EVENTS = st.lists(
    st.builds(
        lambda at, kind, place, page, flag: Seen(
            at=at * 100_000, event_id=f"{at:06d}", event_type=kind, path=f"/p{page}", selector=f"#s{place}",
            reacted=flag if kind == "click" else None, kind="js", valid=flag if kind == "submit" else None,
        ),
        st.integers(0, 1200),
        st.sampled_from(["click", "click", "click", "page_view", "error", "submit", "change"]),
        st.integers(0, 1),
        st.integers(0, 1),
        st.booleans(),
    ),
    max_size=120,
    unique_by=lambda event: event.event_id,
)  # fmt: skip


def essence(found: list[Signal]) -> list[tuple[str, str, str, int]]:
    return sorted((one.kind, one.stuck_point, one.signal_id, one.occurred_at) for one in found)


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 20), st.randoms(use_true_random=False))
def test_signals_do_not_depend_on_batches_or_repetition(events: list[Seen], size: int, chance: random.Random) -> None:
    ordered = in_order(events)
    whole_state, whole = run([ordered])
    batches = [ordered[at : at + size] for at in range(0, len(ordered), size)]
    repeated: list[list[Seen]] = []
    for at, batch in enumerate(batches):
        again = [*batch, *chance.sample(batch, k=len(batch) // 2)]
        chance.shuffle(again)
        repeated += [again, batches[chance.randint(0, at)]]
    state, found = run(repeated)
    assert essence(found) == essence(whole)
    assert state == whole_state


@settings(max_examples=200, deadline=None)
@given(EVENTS, st.integers(1, 20), st.randoms(use_true_random=False))
def test_shuffled_batches_tell_each_episode_at_most_once(events: list[Seen], size: int, chance: random.Random) -> None:
    batches = [events[at : at + size] for at in range(0, len(events), size)]
    chance.shuffle(batches)
    state, found = run(batches)
    assert len({one.signal_id for one in found}) == len(found)
    assert state.last_at == max((event.at for event in events), default=0)
    _, whole = run([events])
    for kind in ("rage_click", "dead_click", "repeated_error"):
        # Late events may begin an episode in another place, but none is missed and none is told in pieces.
        many, few = (sum(one.kind == kind for one in signals) for signals in (found, whole))
        assert (many > 0) == (few > 0)


@settings(max_examples=100, deadline=None)
@given(EVENTS, EVENTS)
def test_extending_a_window_is_building_it_anew(first: list[Seen], second: list[Seen]) -> None:
    window = window_of(first)
    new = [event for event in in_order(second) if event.event_id not in {known.event_id for known in window}]
    if new:
        assert extended(window, new) == window_of([*window, *new])


def test_a_window_is_bounded_by_number_and_time() -> None:
    events = [Seen(at=at * S, event_id=f"{at:06d}", event_type="click") for at in range(2000)]
    assert [event.at // S for event in window_of(events)] == list(range(1850, 2000))
    sparse = [Seen(at=at * 60 * S, event_id=f"{at:06d}", event_type="click") for at in range(200)]
    assert [event.at // S // 60 for event in window_of(sparse)] == list(range(184, 200))


@pytest.mark.parametrize("detector", ["rageClick", "deadClick", "backAndForth", "repeatedError", "offBaseline"])
def test_a_detector_may_be_switched_off(event: Callable[..., Seen], detector: str) -> None:
    views = [event(at, "page_view", path=f"/p{at % 2}") for at in range(6)]
    clicks = [event(10 + at / 10, "click", "#x", reacted=False) for at in range(5)]
    errors = [event(20 + at, "error", kind="js") for at in range(3)]
    late = [event(60, "click", "#x")]
    kinds = {"rageClick": "rage_click", "deadClick": "dead_click", "backAndForth": "back_and_forth",
             "repeatedError": "repeated_error", "offBaseline": "off_baseline"}  # fmt: skip
    _, all_on = run([[*views, *clicks, *errors, *late]])
    assert {one.kind for one in all_on} == set(kinds.values())
    rules = Rules.of("r", TenantSpec.model_validate(SPEC | {"detectors": {
        "offBaseline": {"after": "20s"}, detector: {"enabled": False}}}))  # fmt: skip
    _, found = run([[*views, *clicks, *errors, *late]], rules)
    assert {one.kind for one in found} == set(kinds.values()) - {kinds[detector]}


def test_the_stuck_point_is_what_was_awaited_then(event: Callable[..., Seen]) -> None:
    rage = [event(1 + at / 10, "click", "#x") for at in range(4)]
    batch = [event(0, "page_view", path="/p0"), *rage, event(5, "click", "#s1"), event(6, "submit", "#f")]
    state, [found] = run([batch])
    assert (found.stuck_point, found.selector, found.evidence["element"]) == ("b/go", "#s1", "#x")
    assert state.done == ["b"]
    [off] = run([rage])[1]
    assert (off.stuck_point, off.selector, off.baseline) == ("/a##x", "#x", None)


def test_long_places_stay_apart_within_500_characters(event: Callable[..., Seen]) -> None:
    found = [run([[event(at / 10, "click", "#" + "x" * 2000 + end) for at in range(4)]])[1][0] for end in ("a", "b")]
    assert all(len(one.stuck_point) == 500 for one in found)
    assert found[0].stuck_point != found[1].stuck_point


def test_inactivity_is_told_once_a_stretch_and_not_beyond_what_is_known(event: Callable[..., Seen]) -> None:
    state, _ = run([[event(100, "page_view"), event(130, "error", kind="js")]])
    assert inactive("u", "s", state, RULES, 160 * S - 1) is None
    told, found = inactive("u", "s", state, RULES, 160 * S) or (None, None)
    assert told is not None
    assert found is not None
    assert (found.kind, found.occurred_at, found.stuck_point) == ("inactivity", 160 * S, "/a")
    assert inactive("u", "s", told, RULES, 200 * S) is None
    assert inactive("u", "s", state, RULES, 3700 * S) is None  # nobody sits there any more
    assert inactive("u", "s", msgspec.structs.replace(state, hidden=True), RULES, 160 * S) is None
    nothing: dict[str, Any] = {"active_id": "", "active_at": 0, "hidden": False, "path": "/", "stale": False}
    assert find_inactivity(**nothing, after=60 * S, known_until=90 * S) is None


def test_a_page_is_hidden_until_somebody_is_seen_again(event: Callable[..., Seen]) -> None:
    hide = event(1, "visibility", visible=False)
    assert run([[event(0, "page_view"), hide]])[0].hidden
    assert run([[hide, event(2, "error")]])[0].hidden
    assert not run([[hide], [event(3, "visibility", visible=True)], [event(2, "visibility", visible=False)]])[0].hidden
    assert not run([[hide, event(2, "page_view")]])[0].hidden


@pytest.mark.parametrize("wrong", [True, -1, 0, "4", 1.5, None, [4], 10**30])
def test_properties_of_the_wrong_type_count_as_not_given(wrong: object) -> None:
    given = {"count": wrong, "reacted": "no", "kind": ["js"], "valid": 0, "state": 3}
    read = seen(1, "e", "visibility", "", None, None, msgspec.convert(given, Told), stale=False)
    assert read == Seen(at=1, event_id="e", event_type="visibility", path="/", count=1000 if wrong == 10**30 else 1)


def test_a_state_of_another_version_begins_anew() -> None:
    assert session.decode('{"last_at": "yesterday"}') == SessionState()
    assert session.decode(None) == SessionState()
