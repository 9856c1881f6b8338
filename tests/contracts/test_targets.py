"""Which elements browsers look for."""

from typing import Any

from handrail_contracts import snippet_config, targets
from handrail_contracts.tenant_spec import TenantSpec


def spec_of(*baselines: dict[str, Any], share: float = 20) -> TenantSpec:
    given = {"displayName": "A", "origins": ["https://a.test"], "targets": {"sharePercent": share}}
    return TenantSpec.model_validate(given | {"baselines": list(baselines)})


def baseline(name: str, *steps: dict[str, Any], **success: Any) -> dict[str, Any]:
    named = [{"name": f"step-{number}", "event": "click"} | step for number, step in enumerate(steps)]
    return {"name": name, "success": {"event": "submit"} | success, "steps": named}


def test_what_baselines_name_is_looked_for_once_for_each_page():
    spec = spec_of(
        baseline(
            "first",
            {"event": "page_view", "path": "/a", "selector": "#nothing-to-look-for"},
            {"selector": "#new", "path": "/a"},
            {"selector": "#new", "path": "/b"},
            {"event": "submit", "selector": "form#project"},
            {"event": "custom"},
            selector="form#project",
        ),
        baseline("second", {"selector": "#new", "path": "/a"}),
    )
    told = snippet_config.from_spec(spec)
    assert [one.model_dump(exclude={"id"}) for one in told.targets] == [
        {"selector": "#new", "path": "/a", "event": "click"},
        {"selector": "#new", "path": "/b", "event": "click"},
        {"selector": "form#project", "path": "", "event": "submit"},
    ]
    assert told.target_share == 0.2
    assert len({one.id for one in told.targets}) == 3


def test_an_id_stays_when_the_config_changes_around_it():
    before = targets.looked_for(spec_of(baseline("first", {"selector": "#new"})))
    after = targets.looked_for(
        spec_of(baseline("other", {"selector": "#old"}), baseline("first", {"selector": "#new"}))
    )
    assert before[0].id == after[1].id == targets.target_id("#new", "")


def test_a_config_of_any_size_makes_a_small_list():
    many = [baseline(f"b{number}", *({"selector": f"#s{number}-{at}"} for at in range(30))) for number in range(4)]
    found = targets.looked_for(spec_of(*many))
    assert len(found) == targets.MOST
    assert found[0].selector == "#s0-0"
    long = spec_of(
        baseline("long", {"selector": "#" + "x" * 200}, {"selector": "#a", "path": "/" + "x" * 200}, {"selector": "#b"})
    )
    assert [one.selector for one in targets.looked_for(long)] == ["#b"]
    # All are named all the same, for who asks what the config counts on.
    assert len(list(targets.uses(long.baselines))) == 3


def test_a_share_of_nothing_looks_for_nothing():
    told = snippet_config.from_spec(spec_of(baseline("first", {"selector": "#new"}), share=0))
    assert (told.targets, told.target_share) == ([], 0)
