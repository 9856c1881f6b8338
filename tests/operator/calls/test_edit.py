"""What the dashboard applies for a wanted spec, and what it must own before."""

import json
from typing import Any

import pytest
from tests.operator.calls.test_ownership import entry

from handrail_contracts import names
from handrail_contracts.operator_calls import ConfigEdit, ReplyProblem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import edits
from handrail_operator.calls.edit import Change, change
from handrail_operator.calls.fields import fields
from handrail_operator.kube.managed_fields import Entry, Path, encoded

ONE, TWO = ({"name": name, "success": {"event": "submit"}} for name in ("one", "two"))
GITS: dict[str, Any] = {
    "displayName": "Acme",
    "origins": ["https://a.test"],
    "tone": {"voice": "formal"},
    "baselines": [ONE],
}
ENTRY: Path = ("baselines", Entry((("name", "one"),)))


def stored(spec: dict[str, Any], ours: Any = None, **others: Any) -> dict[str, Any]:
    """A tenant as the API server has it: `ours` is the dashboard's part of the spec, and so with others' names."""
    managed = [
        entry(manager, {"f:spec": encoded(fields(part))}, "Update" if manager == "hand" else "Apply")
        for manager, part in others.items()
    ]
    if ours:
        managed.append(entry(names.DASHBOARD_MANAGER, {"f:spec": encoded(fields(ours))}))
    whole = TenantSpec.model_validate(spec).dump()
    # Texts that mean the same stay as they were written.
    whole["nudges"] |= spec.get("nudges", {})
    return {"metadata": {"name": "acme", "managedFields": managed, "annotations": {}}, "spec": whole}


def decided(tenant: dict[str, Any], body: dict[str, Any], *, mode: Any = "merge", take_over: bool = False) -> Any:
    current = TenantSpec.model_validate(tenant["spec"])
    decision = edits.decide(current, tenant["spec"], ConfigEdit(mode, body, platform=True))
    assert isinstance(decision, edits.Accepted)
    return change(tenant, current, decision, take_over=take_over)


def applied(tenant: dict[str, Any], body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What is applied where nothing must be owned first."""
    found = decided(tenant, body, **more)
    assert isinstance(found, Change)
    assert found.claims == frozenset()
    return found.spec


def test_the_changed_fields_and_those_it_owns_already():
    tenant = stored(GITS | {"tone": {"voice": "formal", "language": "de"}}, {"tone": {"language": "de"}}, git=GITS)
    assert applied(tenant, {"privacy": {"retentionDays": 7}}) == {
        "tone": {"language": "de"},
        "privacy": {"retentionDays": 7},
    }
    assert applied(tenant, {"tone": {"language": "fr"}}) == {"tone": {"language": "fr"}}


def test_nothing_is_applied_where_nothing_differs():
    tenant = stored(GITS | {"nudges": {"cooldown": "300s"}}, git=GITS)
    assert decided(tenant, {}) is None
    assert decided(tenant, TenantSpec.model_validate(GITS).dump(), mode="replace") is None
    assert decided(tenant, {"tone": {"voice": "formal"}, "nudges": {"cooldown": "5m"}}, take_over=True) is None


def test_what_it_owns_stays_to_the_letter():
    ours = {"nudges": {"cooldown": "90s"}}
    assert applied(stored(GITS | ours, ours, git=GITS), {"privacy": {"retentionDays": 7}})["nudges"] == ours["nudges"]


def test_its_own_field_goes_when_it_is_left_out():
    ours = {"tone": {"language": "de"}, "privacy": {"retentionDays": 7}}
    tenant = stored(GITS | {"tone": {"voice": "formal", "language": "de"}} | {"privacy": {"retentionDays": 7}}, ours)
    assert applied(tenant, {"tone": {"language": None}}) == {"privacy": {"retentionDays": 7}}
    # A default that is written is the writer's.
    assert applied(tenant, {"tone": {"language": "en"}}) == {
        "tone": {"language": "en"},
        "privacy": {"retentionDays": 7},
    }


@pytest.mark.parametrize(
    ("body", "errors"),
    [
        ({"tone": {"voice": "playful"}}, [(["tone", "voice"], "tone.voice")]),
        ({"tone": {"voice": None}}, [(["tone", "voice"], "tone.voice")]),
        ({"baselines": []}, [(["baselines"], "baselines[one]")]),
        ({"baselines": [ONE | {"success": {"event": "click"}}]},
         [(["baselines", 0, "success", "event"], "baselines[one].success.event")]),
        ({"baselines": [TWO, ONE | {"success": {"event": "submit", "path": "/x"}}]},
         [(["baselines", 1], "baselines[one]")]),
        ({"origins": ["https://b.test"]}, [(["origins"], "origins[https://a.test]")]),
        ({"displayName": "New", "tone": None}, [(["displayName"], "displayName"), (["tone", "voice"], "tone.voice")]),
    ],
)  # fmt: skip
def test_what_others_hold_is_a_conflict(body, errors):
    tenant = stored(GITS, git=GITS)
    problem = decided(tenant, body)
    assert isinstance(problem, ReplyProblem)
    found = [{"loc": loc, "msg": f'{text} belongs to "git"'} for loc, text in errors]
    assert sorted(problem.errors, key=str) == sorted(found, key=str)
    assert problem.code == "conflict"
    assert problem.detail.startswith(f"{problem.errors[0]['msg']}")
    assert problem.detail.endswith("Change it there, or take it over: ask again with take_over=true.")
    assert (", and 1 more" in problem.detail) == (len(errors) > 1)
    assert isinstance(decided(tenant, body, take_over=True), Change)


def test_each_owner_is_named():
    tenant = stored(GITS, {"tone": {"voice": "formal"}}, git=GITS, hand={"tone": {"voice": "formal"}})
    problem = decided(tenant, {"tone": {"voice": "playful"}})
    assert problem.errors[0]["msg"] == 'tone.voice belongs to "git", "hand"'


def test_what_is_taken_over_is_owned_first():
    found = decided(stored(GITS, git=GITS), {"tone": {"voice": "playful"}}, take_over=True)
    assert found == Change(frozenset({("tone", "voice")}), {"tone": {"voice": "playful"}})
    # The default, too, is then somebody's.
    found = decided(stored(GITS, git=GITS), {"tone": {"voice": None}}, take_over=True)
    assert found == Change(frozenset({("tone", "voice")}), {"tone": {"voice": "friendly"}})


def test_an_entry_is_taken_over_whole():
    wanted = ONE | {"success": {"event": "submit", "path": "/x"}}
    found = decided(stored(GITS, git=GITS), {"baselines": [wanted]}, take_over=True)
    assert ENTRY in found.claims
    assert {path[: len(ENTRY)] for path in found.claims} == {ENTRY}
    assert found.spec["baselines"][0]["success"] == {"event": "submit", "path": "/x", "selector": ""}


def test_an_entry_of_another_is_removed_whole():
    found = decided(stored(GITS, git=GITS), {"baselines": []}, take_over=True)
    assert (ENTRY in found.claims, found.spec) == (True, {})


def test_what_loses_its_last_field_goes_whole():
    """Who created the object owns lists and objects as such, too; left to him they would stay as nulls."""
    spec = GITS | {"llm": {"apiKeySecretRef": {"name": "a", "key": "b"}}}
    tenant = stored(spec)
    as_such: set[Path] = {("baselines",), ("llm",), ("llm", "apiKeySecretRef")}
    tenant["metadata"]["managedFields"] = [entry("hand", {"f:spec": encoded(as_such | fields(spec).keys())}, "Update")]
    found = decided(tenant, {"baselines": [], "llm": {"apiKeySecretRef": None}}, take_over=True)
    assert found.claims & as_such == {("baselines",), ("llm", "apiKeySecretRef")}
    assert found.spec == {}


def test_a_field_that_is_to_go_and_is_nobodys_is_owned_first():
    tenant = stored(GITS | {"baselines": [ONE, TWO], "llm": {"apiKeySecretRef": {"name": "a", "key": "b"}}}, git=GITS)
    found = decided(tenant, {"baselines": [ONE], "llm": {"apiKeySecretRef": None}})
    assert {("llm", "apiKeySecretRef", "name"), ("baselines", Entry((("name", "two"),)))} <= found.claims
    assert ENTRY not in found.claims
    assert found.spec == {}


def test_a_new_entry_is_written_as_it_was_said():
    hook = {"name": "pager", "urlSecretRef": {"name": "hooks", "key": "pager"}}
    tenant = stored(GITS, git=GITS)
    assert applied(tenant, {"escalation": {"webhooks": [hook]}}) == {"escalation": {"webhooks": [hook]}}


def test_steps_are_applied_in_the_wanted_order():
    a, b, c = ({"name": name, "event": "click"} for name in "abc")
    spec = GITS | {"baselines": [ONE | {"steps": [a, b]}]}
    wanted = {"baselines": [ONE | {"steps": [b, a]}]}
    tenant = stored(spec, {"baselines": spec["baselines"]})
    assert [step["name"] for step in applied(tenant, wanted)["baselines"][0]["steps"]] == ["b", "a"]
    assert isinstance(decided(stored(spec, git=spec), wanted), ReplyProblem)
    found = decided(stored(spec, git=spec), {"baselines": [ONE | {"steps": [c, a, b]}]}, take_over=True)
    assert [step["name"] for step in found.spec["baselines"][0]["steps"]] == ["c", "a", "b"]
    assert decided(stored(spec, git=spec), {"origins": ["https://a.test"]}) is None


# --- who merely made it -----------------------------------------------------------------------------------------


def test_a_default_that_came_with_the_making_is_nobodys():
    whole = TenantSpec.model_validate(GITS).dump()
    tenant = stored(GITS, hand=whole)
    assert decided(tenant, {"tone": {"language": "de"}}) == Change(
        frozenset({("tone", "language")}), {"tone": {"language": "de"}}
    )
    assert decided(tenant, {"tone": {"voice": "playful"}}).code == "conflict"
    # Not so for him who applies: he said it.
    assert decided(stored(GITS, git=whole), {"tone": {"language": "de"}}).code == "conflict"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"spec": 5}', '{"spec": {"tone": []}}', "null", "[" * 5000])
def test_what_stands_in_the_file_is_its_owners(text):
    tenant = stored(GITS, hand=TenantSpec.model_validate(GITS).dump())
    last = "kubectl.kubernetes.io/last-applied-configuration"
    tenant["metadata"]["annotations"][last] = json.dumps({"spec": {"tone": {"language": "en"}}})
    assert decided(tenant, {"tone": {"language": "de"}}).code == "conflict"
    tenant["metadata"]["annotations"][last] = text
    assert isinstance(decided(tenant, {"tone": {"language": "de"}}), Change)
