"""API keys, subjects and names: no user's and no tenant's text shapes another's."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handrail_contracts import api_keys, names, subjects

users = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=200)


KEY = api_keys.generate("secret")


@pytest.mark.parametrize("kind", ["publishable", "secret"])
def test_a_made_key_is_read_back(kind):
    key = api_keys.generate(kind)
    parsed = api_keys.parse(key)
    assert parsed is not None
    assert (parsed.kind, parsed.digest) == (kind, api_keys.digest(key))
    assert key.startswith({"publishable": "pk_", "secret": "sk_"}[kind] + parsed.key_id + "_")
    assert len(key) == 3 + 8 + 1 + 30 + 6


@given(st.data())
def test_every_typing_error_is_found(data):
    key = KEY
    at = data.draw(st.integers(0, len(key) - 1))
    other = data.draw(st.sampled_from(api_keys.ALPHABET).filter(lambda it: it != key[at]))
    assert api_keys.parse(key[:at] + other + key[at + 1 :]) is None
    swap = data.draw(st.integers(0, len(key) - 2))
    swapped = key[:swap] + key[swap + 1] + key[swap] + key[swap + 2 :]
    assert swapped == key or api_keys.parse(swapped) is None
    assert api_keys.parse(key[:-1]) is None
    assert api_keys.parse(key + "0") is None


@pytest.mark.parametrize("text", ["", "pk_", "\n", "pk_" + "0" * 45, " ", "x" * 10_000, "pk_00000000_" + "\u0661" * 36])
def test_what_is_no_key_is_refused(text):
    assert api_keys.parse(text) is None
    assert api_keys.parse(api_keys.generate("publishable") + text[:1] + "\n") is None


def test_keys_differ():
    assert len({api_keys.generate("secret") for _ in range(1000)}) == 1000


@given(users)
def test_a_user_id_never_shapes_a_subject(user_id):
    assert re.fullmatch(r"nudges\.[0-9a-f]{32}", subjects.nudge(user_id))


def test_users_who_look_alike_have_subjects_of_their_own():
    ids = ["a", "A", "a.b", "a.*", "*", ">", "a b", "a\u0301", "\u00e1", " a", "a ", "..", "nudges.*"]
    assert len({subjects.nudge(user_id) for user_id in ids}) == len(ids)


@pytest.mark.parametrize("name", ["acme", "a", "0", "a-b", "a" * 40])
def test_tenant_names(name):
    assert names.is_tenant_name(name)
    assert len(names.namespace(name)) <= 63


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a.b", "a_b", "a b", "a" * 41, "a\n", "\u00fc", "a/b", "*", ">"])
def test_what_is_no_tenant_name(name):
    assert not names.is_tenant_name(name)


@given(users)
def test_only_the_exact_form_is_anonymous(user_id):
    assert not names.is_anonymous(user_id)


def test_anonymous_ids():
    exact = "anon-01890a5d-ac96-474b-bcce-b302099a8057"
    assert names.is_anonymous(exact)
    for other in (exact.upper(), exact + "\n", " " + exact, exact[:-1], exact.replace("anon-", ""), exact + "0"):
        assert not names.is_anonymous(other)


@given(users, users)
def test_redis_keys_of_two_users_never_meet(one, other):
    prefix = names.redis_prefix("acme")
    found = {names.session_key(prefix, one), names.presence_key(prefix, other), names.due_key(prefix)}
    assert len(found) == 3
    assert all(key.startswith("{acme}:") for key in found)
