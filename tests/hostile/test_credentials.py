"""Keys and tokens that were good once, are good elsewhere, or were made by somebody else: nothing is opened by them."""

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey
from tests.hostile.credentials import part
from tests.hostile.world import BYSTANDER, HOSTILE, World, batch, until
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from handrail_contracts import names
from handrail_gateway.identity import UserToken, UserTokens

ALICE = "alice"
UNSIGNED = part(b'{"alg":"none"}')


def _signed(secret: str, alg: str = "HS256", **claims: Any) -> str:
    given = {"sub": ALICE, "exp": time.time() + 300} | claims
    kept = {name: value for name, value in given.items() if value is not None}
    return jwt.encode({"alg": alg}, kept, OctKey.import_key(secret.encode()), algorithms=[alg])


def _identity_tokens(world: World) -> dict[str, str]:
    """No proof of alice for the bystander, whose identity is enforced."""
    own, other = world.keys[BYSTANDER]["identity"], world.keys[HOSTILE]["identity"]
    good = _signed(own)
    head, claims, signature = good.split(".")
    return {
        "of another tenant": _signed(other),
        "of another user": _signed(own, sub="bob"),
        "of a user of several names": _signed(own, sub=[ALICE]),
        "without a user": _signed(own, sub=None),
        "expired": _signed(own, exp=time.time() - 1),
        "without an end": _signed(own, exp=None),
        "with an end in words": _signed(own, exp="tomorrow"),
        "with an end in 30,000 years": _signed(own, exp=1e15),
        "from the future": _signed(own, iat=time.time() + 3600),
        "with another algorithm": _signed(own, alg="HS512"),
        "unsigned": f"{UNSIGNED}.{claims}.",
        "said to be unsigned": f"{UNSIGNED}.{claims}.{signature}",
        "with its signature cut": good[:-4],
        "with other claims": f"{head}.{part(json.dumps({'sub': ALICE, 'exp': 9e9}).encode())}.{signature}",
        "signed with nothing": _signed("\0" * 32),
        "signed with the publishable key": _signed(world.key("publishable", BYSTANDER)),
    }


def _user_tokens(world: World) -> dict[str, str]:
    """No user token of alice for the bystander."""
    (file,) = world.folder.rglob(names.USER_TOKEN_KEYS_FILE)
    ours = UserTokens(KeySet.import_key_set(json.loads(file.read_text())))

    def sign(tenant: str = BYSTANDER, user_id: str = ALICE, ends: float = 600, *, proven: bool = True) -> str:
        now = time.time()
        return ours.sign(tenant, UserToken(user_id, now + ends, began_at=now, proven=proven))

    identity = world.keys[BYSTANDER]["identity"]
    claims: dict[str, Any] = {"iss": "handrail", "aud": BYSTANDER, "auth_time": time.time(), "proven": True}
    return {
        "of another tenant": sign(HOSTILE),
        "of another user": sign(user_id="bob"),
        "of nearly this user": sign(user_id="alice "),
        "never proven": sign(proven=False),
        "expired": sign(ends=-1),
        "signed by the customer": _signed(identity, **claims),
        "an identity token": _signed(identity),
        "unsigned": f"{UNSIGNED}.{part(json.dumps(claims | {'sub': ALICE, 'exp': 9e9}).encode())}.",
    }


@contextlib.contextmanager
def _socket(world: World, user_id: str, key: str, token: str) -> Iterator[ClientConnection]:
    protocols: Any = ["handrail.v1", f"key.{key}", f"tok.{token}"]
    with connect(f"ws://127.0.0.1:{world.port}/ws/{user_id}", subprotocols=protocols, proxy=None) as socket:
        yield socket


def _close_code(world: World, user_id: str, key: str, token: str) -> int | None:
    with _socket(world, user_id, key, token) as socket, pytest.raises(ConnectionClosed) as closed:
        socket.recv(30)
    return closed.value.rcvd.code if closed.value.rcvd else None


@pytest.mark.slow
def test_no_token_but_a_good_one_is_worth_anything(world: World) -> None:
    key = world.key("publishable", BYSTANDER)
    wrong: list[Any] = []

    def refused(name: str, target: str, body: dict[str, Any]) -> None:
        answer = world.send("POST", target, body, key=key)
        if answer.status != 403 or answer.code not in ("identity_invalid", "identity_required", "token_expired"):
            wrong.append((name, target, answer.status, answer.body[:200]))

    for name, token in _identity_tokens(world).items():
        refused(name, "/api/v1/identify", {"user_id": ALICE, "identity_token": token, "traits": {"plan": "x"}})
        refused(name, "/api/v1/events", batch(ALICE) | {"token": token})
    for name, token in _user_tokens(world).items():
        refused(name, "/api/v1/identify", {"user_id": ALICE, "token": token, "traits": {"plan": "x"}})
        if name != "expired":  # which counts for what happened before
            refused(name, "/api/v1/events", batch(ALICE) | {"token": token})
        if (code := _close_code(world, ALICE, key, token)) != 4401:
            wrong.append((name, "socket", code))
    assert not wrong, "\n".join(map(str, wrong))
    assert world.get("/api/v1/users", BYSTANDER).json["items"] == []
    # And a good one is worth it.
    good = {"user_id": ALICE, "identity_token": _signed(world.keys[BYSTANDER]["identity"])}
    answer = world.send("POST", "/api/v1/identify", good, key=key)
    assert answer.status == 200
    with _socket(world, ALICE, key, answer.json["token"]) as socket:
        assert json.loads(socket.recv(30))["type"] == "hello"


@pytest.mark.slow
def test_a_revoked_key_opens_nothing_any_more(world: World) -> None:
    user = f"anon-{uuid.uuid4()}"
    secret = world.key("secret")
    made = {
        kind: world.send("POST", "/api/v1/keys", {"kind": kind}, key=secret).json for kind in ("publishable", "secret")
    }
    old, old_secret = made["publishable"]["key"], made["secret"]["key"]

    def identify() -> Any:
        return world.send("POST", "/api/v1/identify", {"user_id": user}, key=old)

    until(lambda: identify().status == 200, "a new key", 10)
    until(lambda: world.send("GET", "/api/v1/users", key=old_secret).status == 200, "a new secret key", 10)
    token = identify().json["token"]
    with _socket(world, user, old, token) as socket:
        assert json.loads(socket.recv(30))["type"] == "hello"
        for one in made.values():
            assert world.send("DELETE", f"/api/v1/keys/{one['key_id']}", key=secret).status == 204
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4403
    assert _close_code(world, user, old, token) in (4403, 4429)
    answers = [
        identify(),
        world.send("POST", "/api/v1/events", batch(user), key=old),
        world.send("POST", "/api/v1/events", batch(user) | {"api_key": old}),
        world.send("GET", f"/sdk/v1/config?key={old}"),
        world.send("GET", "/api/v1/users", key=old_secret),
        world.send("GET", "/api/v1/config", key=old_secret),
        world.send("POST", "/api/v1/keys", {"kind": "secret"}, key=old_secret),
    ]
    # Who tries too many is slowed down, which is no more of an opening.
    assert [answer for answer in answers if answer.status not in (401, 429)] == []
    # The token was not the key's alone.
    with _socket(world, user, world.key(), token) as socket:
        assert json.loads(socket.recv(30))["type"] == "hello"
