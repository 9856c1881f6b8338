"""A spec taken apart into fields and put together again."""

from typing import Any

import pytest
from hypothesis import given
from tests.cluster.test_crd import specs

from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.calls.fields import HERE, built, default, entries, fields, loc, sequences, shown
from handrail_operator.kube.managed_fields import Entry, Member

ONE, A = Entry((("name", "one"),)), Entry((("name", "a"),))
HOOK = Entry((("key", "current"), ("name", "keys")))
SPEC: dict[str, Any] = {
    "displayName": "Acme",
    "origins": ["https://a.test", "https://b.test"],
    "llm": {"apiKeySecretRef": {"name": "llm", "key": "key"}, "model": None},
    "baselines": [{"name": "one", "success": {"event": "submit"}, "steps": [{"name": "a", "event": "click"}]}],
    "identity": {"signingSecretRefs": [{"name": "keys", "key": "current"}]},
    "escalation": {"webhooks": [], "email": {}},
}


def test_a_spec_is_its_fields():
    step = ("baselines", ONE, "steps", A)
    ref = ("identity", "signingSecretRefs", HOOK)
    assert fields(SPEC) == {
        ("displayName",): "Acme",
        ("origins", Member("https://a.test")): "https://a.test",
        ("origins", Member("https://b.test")): "https://b.test",
        ("llm", "apiKeySecretRef", "name"): "llm",
        ("llm", "apiKeySecretRef", "key"): "key",
        ("baselines", ONE): HERE,
        ("baselines", ONE, "name"): "one",
        ("baselines", ONE, "success", "event"): "submit",
        step: HERE,
        (*step, "name"): "a",
        (*step, "event"): "click",
        ref: HERE,
        (*ref, "name"): "keys",
        (*ref, "key"): "current",
    }
    assert entries((*step, "name")) == [("baselines", ONE), step]
    assert sequences(fields(SPEC)) == {step[:-1]: [step]}
    assert (shown((*step, "event")), shown(ref)) == (
        "baselines[one].steps[a].event",
        "identity.signingSecretRefs[current/keys]",
    )


@given(specs)
def test_fields_make_the_spec_again(spec):
    whole = TenantSpec.model_validate(spec).dump()
    again = built(fields(whole))
    assert TenantSpec.model_validate(again).dump() == whole
    assert fields(again) == fields(whole)


def test_an_entrys_keys_come_with_it():
    assert built({("baselines", ONE, "success", "path"): "/x"}) == {
        "baselines": [{"name": "one", "success": {"path": "/x"}}]
    }
    assert built({}) == {}


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (("tone", "voice"), "friendly"),
        (("nudges", "attentionBudget", "per"), "24h"),
        (("baselines", ONE, "steps", A, "selector"), ""),
        (("baselines", ONE, "success", "event"), None),
        (("baselines", ONE), None),
        (("origins", Member("https://a.test")), None),
        (("displayName",), None),
        (("unknown", "field"), None),
    ],
)
def test_defaults_are_the_api_servers(path, wanted):
    assert default(path) == wanted


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        (("tone", "voice"), ["tone", "voice"]),
        (("origins", Member("https://b.test")), ["origins", 1]),
        (("origins", Member("https://c.test")), ["origins"]),
        (("baselines", ONE, "steps", A, "event"), ["baselines", 0, "steps", 0, "event"]),
        (("baselines", A, "success"), ["baselines"]),
        (("identity", "signingSecretRefs", HOOK, "key"), ["identity", "signingSecretRefs", 0, "key"]),
        (("escalation", "webhooks", ONE), ["escalation", "webhooks"]),
    ],
)
def test_places_are_named_as_in_the_body(path, wanted):
    assert loc(path, SPEC) == wanted
    assert loc(path, None)[:1] == wanted[:1]
