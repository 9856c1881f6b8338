"""The same seed gives the same users; and what each persona does is what the detectors look for."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handrail_cli.simulate.personas import PERSONAS
from handrail_cli.simulate.plan import PlannedUser, make_plan
from handrail_cli.simulate.walk import MAX_SECONDS
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.ingest.analysis import analyse, window_of
from handrail_runtime.ingest.rules import Rules
from handrail_runtime.session.seen import Seen, Told, seen
from handrail_runtime.session.state import SessionState


def _spec(**fields: Any) -> TenantSpec:
    steps = [
        {"name": "open-projects", "event": "page_view", "path": "/acme/projects"},
        {"name": "new-project", "event": "click", "selector": "#new-project", "within": "2m"},
        {"name": "save", "event": "submit", "selector": "form#project", "within": "5m"},
    ]
    baseline = {"name": "first-project", "success": {"event": "submit", "selector": "form#project"}, "steps": steps}
    whole = {"displayName": "Acme", "origins": ["https://app.acme.test"], "baselines": [baseline]} | fields
    return TenantSpec.model_validate(whole)


def _seen(user: PlannedUser) -> list[Seen]:
    """The walk as ingest would look at it."""
    return [
        seen(
            at=int(event.at * 1_000_000) + 1,
            event_id=f"{at:05}",
            event_type=event.event_type,
            url=f"{user.origin}{event.path}",
            selector=event.selector,
            tag=event.tag,
            told=msgspec.convert(event.properties, Told),
            stale=False,
        )
        for at, event in enumerate(user.events)
    ]


def test_the_same_seed_gives_the_same_plan() -> None:
    assert make_plan(_spec(), seed=1, users=30) == make_plan(_spec(), seed=1, users=30)


def test_another_seed_gives_another_plan() -> None:
    assert make_plan(_spec(), seed=1, users=3).fingerprint() != make_plan(_spec(), seed=2, users=3).fingerprint()


def test_more_users_change_nothing_for_the_first_ones() -> None:
    assert make_plan(_spec(), seed=7, users=40).users[:10] == make_plan(_spec(), seed=7, users=10).users


def test_a_mix_holds_every_persona() -> None:
    assert {user.persona for user in make_plan(_spec(), seed=1, users=50).users} == set(PERSONAS)


def test_a_named_persona_is_the_only_one() -> None:
    assert {user.persona for user in make_plan(_spec(), seed=1, users=9, persona="lost").users} == {"lost"}


def test_pages_and_selectors_are_the_tenants_own() -> None:
    smooth = make_plan(_spec(), seed=3, users=1, persona="smooth").users[0]
    done = [(event.event_type, event.path, event.selector) for event in smooth.events]
    assert [event for event in done if event[2] in ("#new-project", "form#project")] == [
        ("click", "/acme/projects", "#new-project"),
        ("submit", "/acme/projects", "form#project"),
    ]
    assert smooth.origin == "https://app.acme.test"


def test_a_tenant_without_baselines_gets_users_too() -> None:
    plan = make_plan(_spec(baselines=[], origins=["*"]), seed=1, users=20)
    assert {user.baseline for user in plan.users} == {"look-around"}
    assert {user.origin for user in plan.users} == {"http://localhost"}
    assert all("off_baseline" not in user.expects for user in plan.users)


_DETECTORS = st.fixed_dictionaries(
    {
        "inactivity": st.fixed_dictionaries({"after": st.sampled_from(["10s", "60s", "10m"])}),
        "rageClick": st.fixed_dictionaries(
            {"count": st.integers(2, 20), "within": st.sampled_from(["500ms", "1s", "10s"])}
        ),
        "deadClick": st.fixed_dictionaries({"count": st.integers(1, 20), "within": st.sampled_from(["2s", "10s"])}),
        "backAndForth": st.fixed_dictionaries({"times": st.integers(2, 6), "within": st.sampled_from(["20s", "5m"])}),
        "repeatedError": st.fixed_dictionaries({"count": st.integers(2, 9), "within": st.sampled_from(["20s", "5m"])}),
        "offBaseline": st.fixed_dictionaries({"after": st.sampled_from(["1m", "3m", "20m"]), "enabled": st.booleans()}),
    }
)


@settings(max_examples=100, deadline=None)
@given(detectors=_DETECTORS, seed=st.integers(0, 10_000), persona=st.sampled_from(sorted(PERSONAS)))
def test_the_platforms_detectors_find_what_a_persona_promises(
    detectors: dict[str, Any], seed: int, persona: str
) -> None:
    spec = _spec(detectors=detectors)
    user = make_plan(spec, seed=seed, users=1, persona=persona).users[0]
    events = _seen(user)
    _, signals = analyse("u", "s", SessionState(), window_of(events), events, {}, Rules.of("r", spec))
    found = {signal.kind for signal in signals}
    assert found >= user.expects
    assert user.seconds < MAX_SECONDS + 600
    assert all(before.at <= after.at for before, after in zip(user.events, user.events[1:], strict=False))


def test_by_default_each_persona_gives_exactly_what_it_promises() -> None:
    rules = Rules.of("r", _spec())
    for user in make_plan(_spec(), seed=1, users=40).users:
        events = _seen(user)
        _, signals = analyse("u", "s", SessionState(), window_of(events), events, {}, rules)
        assert sorted(signal.kind for signal in signals) == sorted(user.expects), user.persona


def test_an_unknown_persona_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        make_plan(_spec(), seed=1, users=1, persona="happy")
