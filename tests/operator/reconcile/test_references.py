"""What secret references lead to."""

import base64
from typing import Any

import pytest

from handrail_contracts import names
from handrail_contracts.outbound_policy import Allowed
from handrail_contracts.tenant_spec import SecretRef, TenantSpec
from handrail_operator.reconcile.references import resolve

SPEC = TenantSpec.model_validate(
    {
        "displayName": "Acme",
        "origins": ["https://app.acme.test"],
        "llm": {"provider": "openai", "apiKeySecretRef": {"name": "acme-llm", "key": "api-key"}},
        "identity": {"signingSecretRefs": [{"name": "acme-id", "key": "new"}, {"name": "acme-id", "key": "old"}]},
    }
)


GOOD_SIGNING = "whsec_" + base64.b64encode(b"s" * 32).decode()


def secret(name: str, values: dict[str, str], use: str | None = names.USE_TENANT) -> dict[str, Any]:
    labels = {names.LABEL_USE: use} if use else {}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": name, "labels": labels}, "data": data}


def test_all_are_found():
    found = resolve(SPEC, "ns", [secret("acme-llm", {"api-key": "k\n"}), secret("acme-id", {"new": "n", "old": "o"})])
    assert found.missing == ()
    assert found.identity_secrets == ("n", "o"), "in the spec's order"
    assert SecretRef(name="acme-llm", key="api-key") in found.usable


def test_a_value_is_in_no_text():
    found = resolve(SPEC, "ns", [secret("acme-id", {"new": "nnnnnnnn", "old": "oooooooo"})])
    assert "nnnnnnnn" not in repr(found)


def test_what_is_missing_is_named_and_the_rest_counts():
    found = resolve(SPEC, "ns", [secret("acme-id", {"new": "n"})])
    assert found.identity_secrets == ("n",)
    assert [text.split(" ")[0] for text in found.missing] == [
        "spec.identity.signingSecretRefs[1]:",
        "spec.llm.apiKeySecretRef:",
    ]
    assert "has no key old" in found.missing[0]
    assert "does not exist, or lacks the label handrail.dev/use: tenant" in found.missing[1]


def test_an_operators_own_secret_may_not_be_named():
    found = resolve(SPEC, "ns", [secret("acme-llm", {"api-key": "k"}, names.USE_PLATFORM)])
    assert SecretRef(name="acme-llm", key="api-key") not in found.usable
    assert any("acme-llm" in text and "is the operator's own" in text for text in found.missing)


BAD_ADDRESSES = {
    "http://user:pw@169.254.169.254/x y": "white space",
    "https://169.254.169.254/latest/meta-hidden": "link-local",
    "http://hooks.example.test/hidden": "https:// is wanted",
    "ftp://hooks.example.test/hidden": "no address",
    "hidden": "no address",
}


def with_webhook(**llm: str) -> TenantSpec:
    hook = {"name": "team", "urlSecretRef": {"name": "hook", "key": "url"}}
    hook["signingSecretRef"] = {"name": "hook", "key": "signing"}
    raw = {"displayName": "Acme", "origins": ["https://app.acme.test"], "escalation": {"webhooks": [hook]}, "llm": llm}
    return TenantSpec.model_validate(raw)


@pytest.mark.parametrize("url", BAD_ADDRESSES)
def test_an_address_that_cannot_be_called_is_told_and_not_shown(url):
    found = resolve(with_webhook(), "ns", [secret("hook", {"url": url, "signing": GOOD_SIGNING})])
    ((reason, text),) = found.unfit
    assert reason == "SecretUnfit"
    assert text.startswith("spec.escalation.webhooks[0].urlSecretRef: key url of Secret hook of namespace ns ")
    assert BAD_ADDRESSES[url] in text
    assert not any(part in text for part in ("hidden", "pw@", "169.254"))


def test_what_the_platform_allows_is_fine_and_a_bad_signing_secret_is_not():
    values = {"url": "http://10.1.2.3/hook", "signing": "whsec_hidden"}
    found = resolve(with_webhook(), "ns", [secret("hook", values)], Allowed.parse("10.0.0.0/8"))
    ((reason, text),) = found.unfit
    assert (reason, "signingSecretRef: key signing of Secret hook" in text, "hidden" in text) == (
        "SecretUnfit",
        True,
        False,
    )


def test_an_address_of_a_model_that_cannot_be_called_is_told():
    for url, why in (
        ("http://169.254.169.254/latest", "link-local"),
        ("https://u:p@models.example.test/v1", "password"),
    ):
        spec = with_webhook(provider="openai", baseURL=url)
        found = resolve(spec, "ns", [])
        assert [(reason, why in text) for reason, text in found.unfit] == [("AddressRefused", True)]
    spec = with_webhook(provider="openai", baseURL="https://models.example.test/v1")
    assert resolve(spec, "ns", []).unfit == ()


def test_an_empty_or_broken_value_counts_as_missing():
    broken = {"metadata": {"name": "acme-llm", "labels": {names.LABEL_USE: "tenant"}}, "data": {"api-key": "%%%"}}
    empty = secret("acme-id", {"new": "", "old": "o"})
    found = resolve(SPEC, "ns", [broken, empty])
    assert found.identity_secrets == ("o",)
    assert {text.split(" ")[2] for text in found.missing} == {"acme-llm", "acme-id"}


def test_what_is_true_of_several_fields_is_said_once():
    found = resolve(SPEC, "ns", [secret("acme-llm", {"api-key": "k"})])
    assert len(found.missing) == 1
    assert found.missing[0].startswith(
        "spec.identity.signingSecretRefs[0], spec.identity.signingSecretRefs[1]: Secret "
    )


def test_a_name_of_the_operators_own_is_refused_whether_it_stands_or_not():
    raw = SPEC.model_dump(by_alias=True, mode="json")
    raw["llm"]["apiKeySecretRef"] = {"name": names.KEYS_SECRET, "key": "secret"}
    spec = TenantSpec.model_validate(raw)
    for label in (None, names.USE_TENANT):
        found = resolve(spec, "ns", [secret(names.KEYS_SECRET, {"secret": "k"}, label)] if label else [])
        assert any("handrail-keys" in text and "may not be named" in text for text in found.missing)
        assert SecretRef(name=names.KEYS_SECRET, key="secret") not in found.usable
