"""Platform keys and verifiers."""

import json
from datetime import UTC, datetime

from joserfc import jwt
from joserfc.jwk import KeySet

from handrail_contracts import api_keys, names
from handrail_operator.provision import jwk, scram
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets, decode_platform, decode_tenant, encode
from handrail_operator.provision.platform import gateway_files


def test_what_the_old_key_signed_still_counts_after_a_rotation():
    secrets = PlatformSecrets.new()
    (key,) = _keys(secrets.principal_keys).keys
    token = jwt.encode({"alg": "Ed25519", "kid": key.kid}, {"sub": "x"}, key, algorithms=["Ed25519"])
    once = secrets.rotated()
    public = _keys(jwk.public(once.principal_keys))
    assert jwt.decode(token, public, algorithms=["Ed25519"]).claims == {"sub": "x"}
    assert [key["kid"] for key in once.principal_keys][1] == secrets.principal_keys[0]["kid"]
    twice = once.rotated()
    assert secrets.principal_keys[0] not in twice.principal_keys
    assert len(twice.user_token_keys) == jwk.KEPT


def test_the_public_half_holds_no_private_part():
    (public,) = jwk.public([jwk.new_ed25519()])
    assert set(public) == {"kty", "crv", "x", "kid", "alg", "use"}


def test_the_gateways_files_are_the_same_each_time():
    secrets = PlatformSecrets.new()
    assert gateway_files(secrets) == gateway_files(decode_platform(encode(secrets)))
    files = gateway_files(secrets)
    assert set(files) == {names.GATEWAY_CREDS_FILE, names.USER_TOKEN_KEYS_FILE, names.PRINCIPAL_SIGNING_KEYS_FILE}
    assert json.loads(files[names.USER_TOKEN_KEYS_FILE])["keys"] == secrets.user_token_keys


def test_a_verifier_is_the_one_postgresql_would_make():
    # The example of RFC 7677.
    made = scram.verifier("pencil", b"[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x126\xfa\x81", 4096)
    assert made == (
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$"
        "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
    )
    assert scram.matches("pencil", made)
    assert not scram.matches("pen", made)
    assert not scram.matches("pencil", "md5abc")
    assert not scram.matches("pencil", None)


def test_a_tenants_keyring_survives_its_home():
    made = TenantSecrets.new(datetime.now(UTC).isoformat())
    assert decode_tenant(encode(made)) == made
    for key in made.keys:
        parsed = api_keys.parse(key.key)
        assert parsed is not None
        assert (key.record().digest, key.key_id, key.kind) == (parsed.digest, parsed.key_id, parsed.kind)
    assert "acme" not in made.database


def _keys(keys: list[jwk.Jwk]) -> KeySet:
    return KeySet.import_key_set({"keys": keys})
