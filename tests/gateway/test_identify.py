"""`POST /api/v1/identify`: who gets a token, for what, and how long it counts."""

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from joserfc import jwt
from joserfc.jwk import KeySet

from handrail_contracts import events, names
from handrail_gateway.identity import RENEWABLE_SECONDS, UserToken, UserTokens


def _tokens(running: Any) -> UserTokens:
    """Signs as the gateway does, so that a test can make a token of another time."""
    text = running.gateway.settings.secret(names.USER_TOKEN_KEYS_FILE)
    return UserTokens(KeySet.import_key_set(msgspec.json.decode(text)))


def _token(running: Any, tenant: Any, user_id: str, *, ends_in: float, began_ago: float = 0) -> str:
    now = time.time()
    return _tokens(running).sign(tenant.name, UserToken(user_id, now + ends_in, now - began_ago, proven=True))


async def test_a_named_user_with_proof(running: Any, tenant: Any, make: Any) -> None:
    answer = await running.identify(
        tenant, {"user_id": "alice", "identity_token": make.identity_token(tenant, "alice")}
    )
    body = answer.json()
    assert (answer.status_code, body["user_id"], body["expires_in"]) == (200, "alice", 600)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert answer.headers["cache-control"] == "no-store"
    assert (await running.identify(tenant, {"user_id": "alice", "token": body["token"]})).status_code == 200


async def test_an_anonymous_user_needs_none(running: Any, tenant: Any, make: Any) -> None:
    user_id = make.anonymous()
    answer = await running.identify(tenant, {"user_id": user_id}, Origin=make.origin)
    assert answer.status_code == 200
    renewed = await running.identify(tenant, {"user_id": user_id, "token": answer.json()["token"]})
    assert renewed.status_code == 200


async def test_the_matrix_of_refusals(running: Any, tenant: Any, make: Any, make_tenant: Any) -> None:
    other = await make_tenant(migrate=False)
    await running.knows(other)
    good = make.identity_token(tenant, "alice")
    header, payload, signature = good.split(".")
    now = time.time()
    unsigned = f"eyJhbGciOiJub25lIn0.{payload}."
    cases: list[tuple[dict[str, Any], str]] = [
        ({}, "identity_required"),
        ({"identity_token": make.identity_token(tenant, "bob")}, "identity_invalid"),
        ({"identity_token": make.identity_token(tenant, "alice", secret="w" * 32)}, "identity_invalid"),
        ({"identity_token": make.identity_token(other, "alice")}, "identity_invalid"),
        ({"identity_token": make.identity_token(tenant, "alice", exp=now - 1)}, "token_expired"),
        ({"identity_token": make.identity_token(tenant, "alice", exp="soon")}, "identity_invalid"),
        ({"identity_token": make.identity_token(tenant, "alice", nbf=now + 3600)}, "identity_invalid"),
        ({"identity_token": make.identity_token(tenant, "alice", iat=now + 3600)}, "identity_invalid"),
        ({"identity_token": unsigned}, "identity_invalid"),
        ({"identity_token": f"{header}.{payload}.{signature[:-2]}AA"}, "identity_invalid"),
        ({"identity_token": "nonsense"}, "identity_invalid"),
        ({"identity_token": ""}, "identity_invalid"),
        ({"token": "nonsense"}, "identity_invalid"),
        ({"token": good}, "identity_invalid"),
        ({"token": await running.token(tenant, "bob")}, "identity_invalid"),
        ({"token": await running.token(other, "alice")}, "identity_invalid"),
        ({"token": _token(running, tenant, "alice", ends_in=-1)}, "token_expired"),
        ({"token": _token(running, tenant, "alice", ends_in=60, began_ago=RENEWABLE_SECONDS + 1)}, "token_expired"),
    ]
    for proof, code in cases:
        answer = await running.identify(tenant, {"user_id": "alice"} | proof)
        assert (answer.status_code, answer.json()["code"]) == (403, code), proof
    no_exp = jwt.encode({"alg": "HS256"}, {"sub": "alice"}, _secret(tenant), algorithms=["HS256"])
    answer = await running.identify(tenant, {"user_id": "alice", "identity_token": no_exp})
    assert (answer.status_code, answer.json()["code"]) == (403, "identity_invalid")
    late = {"user_id": "alice", "token": _token(running, tenant, "alice", ends_in=60, began_ago=RENEWABLE_SECONDS - 60)}
    assert (await running.identify(tenant, late)).status_code == 200
    answer = await running.identify(tenant, {"user_id": "alice"}, Origin="https://evil.test")
    assert (answer.status_code, answer.json()["code"]) == (403, "origin")


def _secret(tenant: Any) -> Any:
    from joserfc.jwk import OctKey

    return OctKey.import_key(tenant.identity_secret.encode())


async def test_wrong_values(running: Any, tenant: Any, make: Any) -> None:
    anonymous = make.anonymous()
    cases: list[tuple[dict[str, Any], list[str | int]]] = [
        ({}, ["user_id"]),
        ({"user_id": ""}, ["user_id"]),
        ({"user_id": "x" * 201}, ["user_id"]),
        ({"user_id": ".."}, ["user_id"]),
        ({"user_id": 7}, ["user_id"]),
        ({"user_id": anonymous, "anonymous_id": "bob"}, ["anonymous_id"]),
        ({"user_id": anonymous, "anonymous_id": make.anonymous()}, ["anonymous_id"]),
        ({"user_id": anonymous, "traits": []}, ["traits"]),
        ({"user_id": anonymous, "traits": {"a": "x" * 16_400}}, ["traits"]),
        ({"user_id": anonymous, "traits": {"a": "\0"}}, ["traits"]),
        ({"user_id": anonymous, "traits": {"1": {"2": {"3": {"4": {"5": {"6": {"7": {"8": 1}}}}}}}}}, ["traits"]),
        ({"user_id": anonymous, "identity_token": "x" * 4097}, ["identity_token"]),
        ({"user_id": anonymous, "token": 5}, ["token"]),
    ]
    for body, loc in cases:
        answer = await running.identify(tenant, body)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), body
        assert loc in [item["loc"] for item in answer.json()["errors"]], body
    headers = {"X-API-Key": tenant.keys["publishable"], "Content-Type": "application/json"}
    for content, status in ((b"{", 422), (b"[]", 422), (b'{"user_id": "\\ud800"}', 422), (b" " * 70_000, 413)):
        answer = await running.client.post("/api/v1/identify", content=content, headers=headers)
        assert answer.status_code == status, content[:20]
    answer = await running.client.post(
        "/api/v1/identify", content=b"{}", headers=headers | {"Content-Type": "text/css"}
    )
    assert answer.status_code == 415
    assert answer.headers["access-control-allow-origin"] == "*"


async def test_traits_and_joined_ids_are_one_event(running: Any, tenant: Any, make: Any, stored: Any) -> None:
    anonymous = make.anonymous()
    body = {
        "user_id": "alice/ä",
        "anonymous_id": anonymous,
        "traits": {"plan": "pro"},
        "identity_token": make.identity_token(tenant, "alice/ä"),
        "api_key": tenant.keys["publishable"],
    }
    answer = await running.client.post(
        "/api/v1/identify", content=msgspec.json.encode(body), headers={"Content-Type": "text/plain"}
    )
    assert answer.status_code == 200, answer.text
    [found] = await stored(tenant, 1)
    [event] = events.decode(found.body).events
    assert (event.event_type, event.user_id, found.meta.verified) == ("identify", "alice/ä", True)
    assert event.properties == {"traits": {"plan": "pro"}, "anonymous_id": anonymous}
    # A renewal that joins the same id again has nothing new to tell.
    again = {"user_id": "alice/ä", "anonymous_id": anonymous, "token": answer.json()["token"]}
    assert (await running.identify(tenant, again)).status_code == 200
    assert await stored(tenant, 1, seconds=0.5) == []


async def test_unproven_tokens_are_worth_nothing_once_identity_is_enforced(
    running: Any, make_tenant: Any, make: Any, write_record: Any
) -> None:
    tenant = await make_tenant(spec={"identity": {"enforce": False}}, migrate=False)
    await running.knows(tenant)
    answer = await running.identify(tenant, {"user_id": "alice"})
    assert answer.status_code == 200
    token = answer.json()["token"]
    assert (await running.post_events(tenant, make.batch("alice", token=token))).status_code == 202
    spec = tenant.record.spec | {"identity": {"enforce": True}}
    await write_record(msgspec.structs.replace(tenant.record, spec=spec))
    await running.until(lambda: running.gateway.directory.get(tenant.name).identity_enforced)
    answer = await running.post_events(tenant, make.batch("alice", token=token))
    assert (answer.status_code, answer.json()["code"]) == (403, "identity_required")
    answer = await running.identify(tenant, {"user_id": "alice", "token": token})
    assert (answer.status_code, answer.json()["code"]) == (403, "identity_required")


async def test_an_expired_token_counts_for_what_happened_before(running: Any, tenant: Any, make: Any) -> None:
    token = _token(running, tenant, "alice", ends_in=-3600)
    now = datetime.now(UTC)

    async def post(*ages: timedelta) -> Any:
        body = make.batch("alice", token=token, count=len(ages))
        for event, age in zip(body["events"], ages, strict=True):
            event["timestamp"] = (now - age).isoformat()
        return await running.post_events(tenant, body)

    assert (await post(timedelta(hours=2), timedelta(days=6))).status_code == 202
    answer = await post(timedelta(hours=2), timedelta(minutes=1), timedelta(days=8))
    assert (answer.status_code, answer.json()["code"]) == (403, "token_expired")
    assert [item["loc"] for item in answer.json()["errors"]] == [
        ["events", 1, "timestamp"],
        ["events", 2, "timestamp"],
    ]


async def test_several_secrets_are_live(running: Any, make_tenant: Any, make: Any, write_record: Any) -> None:
    from handrail_contracts.record import IdentitySecret

    tenant = await make_tenant(migrate=False)
    old, short = tenant.record.identity_secrets[0], IdentitySecret("short")
    secrets = [IdentitySecret("n" * 32), short, IdentitySecret(""), old]
    await write_record(msgspec.structs.replace(tenant.record, identity_secrets=secrets))
    await running.until(
        lambda: (t := running.gateway.directory.get(tenant.name)) and len(t.record.identity_secrets) == 4
    )
    for secret in ("n" * 32, old.value):
        token = make.identity_token(tenant, "alice", secret=secret)
        assert (await running.identify(tenant, {"user_id": "alice", "identity_token": token})).status_code == 200


def test_user_token_keys_rotate() -> None:
    from joserfc.jwk import OctKey

    old, new = OctKey.generate_key(256), OctKey.generate_key(256)
    token = UserToken("alice", 2e9, 1e9, proven=True)
    signed_before = UserTokens(KeySet([old])).sign("acme", token)
    rotated = UserTokens(KeySet([new, old]))
    assert rotated.read("acme", signed_before) == token
    assert UserTokens(KeySet([new])).read("acme", rotated.sign("acme", token)) == token
