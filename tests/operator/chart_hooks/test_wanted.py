"""The platform's own Secrets: made once, kept as they are, new signing keys only when asked for."""

import msgspec
import pytest

from handrail_contracts import names
from handrail_operator.chart_hooks.wanted import Own, PlatformSecretUnusable, wanted
from handrail_operator.provision.keyring import PlatformSecrets

OWN = Own("handrail-postgres.handrail.svc:5432", "handrail-valkey.handrail.svc:6379")


def platform(made: dict[str, dict[str, str]]) -> PlatformSecrets:
    return msgspec.json.decode(made[names.PLATFORM_SECRET][names.PLATFORM_FILE], type=PlatformSecrets)


def test_what_is_there_is_kept_word_for_word():
    first = wanted({}, OWN, "")
    assert set(first) == {
        names.PLATFORM_SECRET,
        names.GATEWAY_SECRET,
        names.NATS_SECRET,
        names.POSTGRES_SECRET,
        names.VALKEY_SECRET,
    }
    assert wanted(first, OWN, "") == first
    assert wanted({}, OWN, "") != first


def test_servers_of_others_get_no_secrets():
    assert set(wanted({}, Own(), "")) == {names.PLATFORM_SECRET, names.GATEWAY_SECRET, names.NATS_SECRET}


def test_what_was_lost_is_made_again_from_the_trust_chain():
    first = wanted({}, OWN, "")
    left = {names.PLATFORM_SECRET: first[names.PLATFORM_SECRET]}
    again = wanted(left, OWN, "")
    assert again[names.GATEWAY_SECRET] == first[names.GATEWAY_SECRET]
    assert again[names.NATS_SECRET] == first[names.NATS_SECRET]
    assert again[names.POSTGRES_SECRET] != first[names.POSTGRES_SECRET], "nobody else knew the password"


def test_another_word_gives_new_signing_keys_once_and_the_old_ones_still_count():
    first = wanted({}, OWN, "")
    second = wanted(first, OWN, "2026-11")
    assert wanted(second, OWN, "2026-11") == second
    assert wanted(second, OWN, "") == second, "an upgrade without the word changes nothing"
    before, after = platform(first), platform(second)
    assert after.user_token_keys[1:] == before.user_token_keys[:1]
    assert after.user_token_keys[0] != before.user_token_keys[0]
    assert after.operator_seed == before.operator_seed, "tenants' accounts hang on it"
    assert wanted(second, OWN, "2026-12") != second


@pytest.mark.parametrize("held", [{}, {names.PLATFORM_FILE: ""}, {names.PLATFORM_FILE: '{"operator_seed": "x"}'}])
def test_a_damaged_trust_chain_is_never_made_anew(held: dict[str, str]):
    with pytest.raises(PlatformSecretUnusable, match="put it back from a backup"):
        wanted({names.PLATFORM_SECRET: held}, OWN, "")
