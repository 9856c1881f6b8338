"""Decisions about wanted changes of a spec."""

from typing import Any

import pytest

from handrail_contracts.operator_calls import ConfigEdit, ReplyProblem
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.edits import Accepted, decide, merged

WRITTEN = {"displayName": "Acme", "origins": ["https://a.test"], "plan": "small", "tone": {"voice": "formal"}}
CURRENT = TenantSpec.model_validate(WRITTEN)


def refused(*edit: Any, **more: Any) -> ReplyProblem:
    decision = decide(CURRENT, WRITTEN, ConfigEdit(*edit, **more))
    assert isinstance(decision, ReplyProblem)
    return decision


def test_a_patch_changes_what_it_names():
    decision = decide(CURRENT, WRITTEN, ConfigEdit("merge", {"tone": {"voice": None, "language": "de"}}))
    assert isinstance(decision, Accepted)
    assert decision.wanted == WRITTEN | {"tone": {"language": "de"}}
    assert (decision.spec.tone.voice, decision.spec.tone.language, decision.spec.plan) == ("friendly", "de", "small")


def test_a_whole_spec_replaces_all_but_the_platforms_fields():
    body = {"displayName": "New", "origins": ["https://b.test"]}
    decision = decide(CURRENT, WRITTEN, ConfigEdit("replace", body))
    assert isinstance(decision, Accepted)
    assert decision.spec == TenantSpec.model_validate(body | {"plan": "small"})


def test_what_was_read_may_be_written_back():
    decision = decide(CURRENT, WRITTEN, ConfigEdit("replace", CURRENT.dump(), if_match=CURRENT.etag()))
    assert isinstance(decision, Accepted)
    assert decision.spec == CURRENT


@pytest.mark.parametrize(
    ("field", "value"),
    [("plan", "business"), ("suspend", True), ("deletionPolicy", "Delete"), ("runtime", {"agent": {"maxReplicas": 9}})],
)
def test_the_platforms_fields_are_the_platforms(field, value):
    for mode, body in (("merge", {field: value}), ("replace", WRITTEN | {field: value})):
        problem = refused(mode, body)
        assert (problem.code, [error["loc"] for error in problem.errors]) == ("platform_field", [[field]])
        edit = ConfigEdit(mode, body, platform=True)  # type: ignore[arg-type]
        assert isinstance(decide(CURRENT, WRITTEN, edit), Accepted)


def test_a_stale_tag_is_refused():
    assert refused("merge", {}, if_match='"old"').code == "precondition_failed"
    assert isinstance(decide(CURRENT, WRITTEN, ConfigEdit("merge", {}, if_match=f'"x", {CURRENT.etag()}')), Accepted)


def test_each_wrong_field_is_named():
    body = {"tone": {"voice": "loud"}, "nudges": {"maxPerStuckPoint": 1}, "extra": 1}
    problem = refused("merge", body)
    assert problem.code == "invalid"
    assert [error["loc"] for error in problem.errors] == [["tone", "voice"], ["escalation"], ["extra"]]


def test_fields_go_by_their_names_in_the_file_alone():
    assert refused("merge", {"display_name": "New"}).errors[0]["loc"] == ["display_name"]
    problem = refused("replace", {"display_name": "New", "origins": ["https://a.test"]})
    assert [error["loc"] for error in problem.errors] == [["displayName"], ["display_name"]]


def test_what_is_nested_deeply_or_wrong_everywhere_is_refused_in_measure():
    deep: Any = 1
    for _ in range(900):
        deep = [deep]
    for mode in ("merge", "replace"):
        assert refused(mode, {"tone": deep}).errors == [{"loc": [], "msg": "nested deeper than 16 levels"}]
    assert len(refused("merge", {f"extra{number}": 1 for number in range(10_000)}).errors) == 1000


def test_a_plan_must_be_one_of_the_platforms():
    edit = ConfigEdit("merge", {"plan": "huge"}, platform=True)
    problem = decide(CURRENT, WRITTEN, edit, plans=("small", "standard"))
    assert isinstance(problem, ReplyProblem)
    assert problem.errors == [{"loc": ["plan"], "msg": "there is no such plan"}]
    assert isinstance(decide(CURRENT, WRITTEN, edit), Accepted)
    # A plan that the platform took away is no obstacle to the rest.
    assert isinstance(decide(CURRENT, WRITTEN, ConfigEdit("merge", {"displayName": "New"}), plans=()), Accepted)


def test_merge_patch_examples_of_the_rfc():
    assert merged({"a": "b"}, {"a": "c"}) == {"a": "c"}
    assert merged({"a": "b", "b": "c"}, {"a": None}) == {"b": "c"}
    assert merged({"a": ["b"]}, {"a": "c"}) == {"a": "c"}
    assert merged({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}) == {"a": {"b": "d"}}
    assert merged({"a": "foo"}, "bar") == "bar"
    assert merged({}, {"a": {"bb": {"ccc": None}}}) == {"a": {"bb": {}}}


LLM = {"provider": "openai", "baseURL": "https://llm.acme.test/v1", "apiKeySecretRef": {"name": "llm", "key": "a"}}


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({"baseURL": "https://evil.test/v1"}, False),
        ({"baseURL": "https://llm.acme.test.evil.test/v1"}, False),
        ({"baseURL": "https://llm.acme.test:8443/v1"}, False),
        ({"baseURL": "https://llm.acme.test@evil.test/v1"}, False),
        ({"baseURL": "http://llm.acme.test/v1"}, False),
        ({"baseURL": None}, False),  # the provider's own
        ({"baseURL": "https://llm.acme.test/v2"}, True),
        ({"baseURL": "https://LLM.acme.test/v1"}, True),
        ({"model": "large"}, True),
        ({"baseURL": "https://new.test/v1", "apiKeySecretRef": {"name": "llm", "key": "b"}}, False),
        ({"apiKeySecretRef": {"name": "llm", "key": "b"}}, True),
        ({"baseURL": "https://new.test/v1", "apiKeySecretRef": None}, True),
    ],
)
def test_a_key_is_not_sent_to_another_host_than_it_was_given_for(change: dict[str, Any], taken: bool):
    written = WRITTEN | {"llm": LLM}
    current = TenantSpec.model_validate(written)
    decision = decide(current, written, ConfigEdit("merge", {"llm": change}))
    assert isinstance(decision, Accepted) == taken
    if isinstance(decision, ReplyProblem):
        assert (decision.code, [error["loc"] for error in decision.errors]) == ("invalid", [["llm", "baseURL"]])
        assert "only the platform's owner" in decision.errors[0]["msg"]
    assert isinstance(decide(current, written, ConfigEdit("merge", {"llm": change}, platform=True)), Accepted)


def test_nor_by_several_changes_one_after_another():
    """The key is taken away, the host changed, the key named again; and the same by way of the provider's own host."""
    written: dict[str, Any] = WRITTEN | {"llm": LLM}
    for change, taken in (
        ({"apiKeySecretRef": None}, True),
        ({"baseURL": "https://evil.test/v1"}, True),
        ({"apiKeySecretRef": LLM["apiKeySecretRef"]}, False),
        ({"apiKeySecretRef": {"name": "other", "key": "x"}}, False),
        ({"baseURL": None}, True),
        ({"apiKeySecretRef": LLM["apiKeySecretRef"]}, True),
        ({"baseURL": "https://evil.test/v1"}, False),
    ):
        decision = decide(TenantSpec.model_validate(written), written, ConfigEdit("merge", {"llm": change}))
        assert isinstance(decision, Accepted) == taken, change
        if isinstance(decision, Accepted):
            written = decision.wanted
