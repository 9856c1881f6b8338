"""Keys, origins and proofs of identity that are none, or another's."""

import base64
import json
from collections.abc import Iterator

from tests.hostile.cases import ANON, CONFIG, EVENTS, IDENTIFY, JSON, KEYS, Case, case
from tests.hostile.world import batch


def keys(good: str, secret: str, other: str) -> Iterator[Case]:
    """Wrong keys; `other` is another tenant's secret one."""
    wrong = (
        "x",
        "pk_",
        good[:-1],
        good + "0",
        good.upper(),
        "sk" + good[2:],
        "pk" + secret[2:],
        "\xff" * 9,
        "k" * 9000,
    )
    for key in wrong:
        for target in (EVENTS, CONFIG):
            headers = (("X-API-Key", key), JSON)
            method = "POST" if target == EVENTS else "GET"
            yield case(f"{target} key {key:.9}", method, target, 401, 429, headers=headers, kind="")
    yield case("publishable for secret", "GET", CONFIG, 403)
    yield case("publishable makes keys", "POST", KEYS, 403, body=b'{"kind": "secret"}', headers=(JSON,))
    origin = (("Origin", "https://app.test"), JSON)
    yield case("secret in a page", "POST", EVENTS, 403, body=b"{}", headers=origin, kind="secret")
    for origin_ in ("null", "https://evil.test", "https://app.test.evil.test", "https://app.test:443", "\xff", "*", ""):
        yield case(f"origin {origin_:.9}", "POST", EVENTS, 403, headers=(("Origin", origin_), JSON), body=b"{}")
    twice = (("X-API-Key", good), ("X-API-Key", other), JSON)
    yield case("two keys", "POST", EVENTS, 202, 400, 401, body=json.dumps(batch(ANON)).encode(), headers=twice, kind="")


def tokens() -> Iterator[Case]:
    """Proofs of identity that are none at all."""
    claims = b'{"sub":"alice","exp":9999999999}'
    heads = (b'{"alg":"none"}', b'{"alg":"HS256"}', b'{"alg":"RS256"}', b"{}", b"\xff")
    unsigned = [f"{part(head)}.{part(claims)}." for head in heads]
    for token in (*unsigned, "x", "..", "a.b.c", "\0", "x" * 5000, "é.é.é", "[" * 3000):
        for name in ("identity_token", "token"):
            sent = json.dumps({"user_id": "alice", name: token}).encode()
            yield case(f"{name} {token:.9}", "POST", IDENTIFY, 403, 422, body=sent)


def part(data: bytes) -> str:
    """One part of a JWT."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
