"""The tokens byte for byte: a server of any version must go on believing them."""

import base64
import json

import nkeys

from handrail_operator.plans import Plan, PlanLimits
from handrail_operator.provision import nats_claims, nats_jwt

ACCOUNT_SEED = bytes(nkeys.encode_seed(bytes(range(32)), nkeys.PREFIX_BYTE_ACCOUNT)).decode()
OPERATOR_SEED = bytes(nkeys.encode_seed(bytes(range(32, 64)), nkeys.PREFIX_BYTE_OPERATOR)).decode()
USER_SEED = bytes(nkeys.encode_seed(bytes(range(64, 96)), nkeys.PREFIX_BYTE_USER)).decode()


def test_an_account_token_is_this_token():
    plan = Plan(limits=PlanLimits(), events_bytes=1000, signals_bytes=100, database_connections=4, nats_connections=8)
    token = nats_jwt.encode(
        OPERATOR_SEED,
        nats_jwt.public_key(ACCOUNT_SEED),
        "handrail-acme",
        nats_claims.tenant_account(plan),
        issued_at=1_700_000_000,
    )
    assert nats_jwt.decode(token) == {
        "iat": 1_700_000_000,
        "iss": "OAU2ZOXBIG6MV4FSFYNJJU2NBPDTMHSSNUF74EWIS6KLZEZCSZW5O6OV",
        "jti": "UOAPZES47OYETLV5H5ORGEACJ57E4HM5W2MRRKLJXV2YLB32Y4EQ",
        "name": "handrail-acme",
        "nats": {
            "default_permissions": {"pub": {}, "sub": {}},
            "limits": {
                "conn": 8,
                "consumer": 200,
                "data": -1,
                "disk_storage": 1100 + 16 * 1024 * 1024,
                "exports": -1,
                "imports": -1,
                "leaf": -1,
                "mem_storage": 16 * 1024 * 1024,
                "payload": -1,
                "streams": 8,
                "subs": -1,
                "wildcards": True,
            },
            "type": "account",
            "version": 2,
        },
        "sub": "AAB2CB576PHBBPQ5ODORRZ2LYCMWPZGWGCN2KDK7DXOIMZASKUY3QPZV",
    }
    assert token == (
        "eyJhbGciOiJlZDI1NTE5LW5rZXkiLCJ0eXAiOiJKV1QifQ.eyJpYXQiOjE3MDAwMDAwMDAsImlzcyI6Ik9BVTJaT1hCSUc2TVY0R"
        "lNGWU5KSlUyTkJQRFRNSFNTTlVGNzRFV0lTNktMWkVaQ1NaVzVPNk9WIiwianRpIjoiVU9BUFpFUzQ3T1lFVExWNUg1T1JHRUFDS"
        "jU3RTRITTVXMk1SUktMSlhWMllMQjMyWTRFUSIsIm5hbWUiOiJoYW5kcmFpbC1hY21lIiwibmF0cyI6eyJkZWZhdWx0X3Blcm1pc"
        "3Npb25zIjp7InB1YiI6e30sInN1YiI6e319LCJsaW1pdHMiOnsiY29ubiI6OCwiY29uc3VtZXIiOjIwMCwiZGF0YSI6LTEsImRpc"
        "2tfc3RvcmFnZSI6MTY3NzgzMTYsImV4cG9ydHMiOi0xLCJpbXBvcnRzIjotMSwibGVhZiI6LTEsIm1lbV9zdG9yYWdlIjoxNjc3N"
        "zIxNiwicGF5bG9hZCI6LTEsInN0cmVhbXMiOjgsInN1YnMiOi0xLCJ3aWxkY2FyZHMiOnRydWV9LCJ0eXBlIjoiYWNjb3VudCIsI"
        "nZlcnNpb24iOjJ9LCJzdWIiOiJBQUIyQ0I1NzZQSEJCUFE1T0RPUlJaMkxZQ01XUFpHV0dDTjJLREs3RFhPSU1aQVNLVVkzUVBaV"
        "iJ9.x8tTM0F_yMlVZ4v4yoxbkDX0Fe1eN_ZmBNJUjcU5TkINHawUj3YPCrybnwcPfaWuH45Ww25JkWpqHTtvQ3mRCA"
    )


def test_a_user_token_is_this_token():
    token = nats_jwt.encode(
        ACCOUNT_SEED,
        nats_jwt.public_key(USER_SEED),
        "gateway",
        nats_claims.publisher(),
        issued_at=1_700_000_000,
        expires_at=1_700_003_600,
    )
    assert token == (
        "eyJhbGciOiJlZDI1NTE5LW5rZXkiLCJ0eXAiOiJKV1QifQ.eyJleHAiOjE3MDAwMDM2MDAsImlhdCI6MTcwMDAwMDAwMCwiaXNzI"
        "joiQUFCMkNCNTc2UEhCQlBRNU9ET1JSWjJMWUNNV1BaR1dHQ04yS0RLN0RYT0lNWkFTS1VZM1FQWlYiLCJqdGkiOiJVQ1RZVVZaM"
        "jZDTVhaRFlZVUFIS0ZURTJUQUhLVEJHTjRBQkFJMjRQSk9ZWUg2QlM2QkRBIiwibmFtZSI6ImdhdGV3YXkiLCJuYXRzIjp7ImRhd"
        "GEiOi0xLCJwYXlsb2FkIjotMSwicHViIjp7ImFsbG93IjpbImV2ZW50cy4-Il19LCJzdWIiOnsiYWxsb3ciOlsiX0lOQk9YX3B1Y"
        "mxpc2hlci4-IiwiX0lOQk9YLj4iXX0sInN1YnMiOi0xLCJ0eXBlIjoidXNlciIsInZlcnNpb24iOjJ9LCJzdWIiOiJVQVNVSE9KU"
        "DZFRVZLRUtITkxPSUcyTzNOWE9KR05URlVFTVhSWE5CSUJIT0NCVE1WRktaM0JXSCJ9.A3sj0sXmvuqy6FI-qzG17e9yjGb7GTBy"
        "pc9z4d54ZWTWPgv2rGylBU1zzKOuggh2XeXCeLfJ-Wwl8OFD0YpZBQ"
    )
    assert json.dumps(nats_jwt.decode(token)["nats"]["pub"]) == '{"allow": ["events.>"]}'


def test_the_signature_is_over_header_and_claims():
    token = nats_jwt.encode(ACCOUNT_SEED, nats_jwt.public_key(USER_SEED), "x", {}, issued_at=0)
    head, payload, signature = token.split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    assert nkeys.from_seed(ACCOUNT_SEED.encode()).verify(f"{head}.{payload}".encode(), raw)


def test_two_tokens_mean_the_same_whenever_issued():
    def token(issued_at: int, name: str = "x") -> str:
        return nats_jwt.encode(ACCOUNT_SEED, "U", name, {"a": 1}, issued_at=issued_at)

    assert nats_jwt.same_meaning(token(1), token(2))
    assert not nats_jwt.same_meaning(token(1), token(1, name="y"))
    assert not nats_jwt.same_meaning("", token(1))


def test_a_seed_names_its_kind():
    assert nats_jwt.new_seed("operator").startswith("SO")
    assert nats_jwt.new_seed("account").startswith("SA")
    assert nats_jwt.new_seed("user").startswith("SU")
    assert nats_jwt.public_key(nats_jwt.new_seed("account")).startswith("A")
