"""Whatever is sent, the answer is one of the documented ones, and the platform serves on; memory stays flat."""

import base64
import json
import os
from typing import Any

import pytest
from tests.hostile import cases
from tests.hostile.cases import Case
from tests.hostile.conftest import World

ROUNDS = 5
WARM_UP = 3
LEAK = 300
"""Bytes a request may cost for good: below what the smallest forgotten object graph of one costs."""
NOISE = 6 * 1024 * 1024
"""Bytes by which memory moves in a few rounds without a leak: pools grow and fragment."""


def _corpus(world: World) -> list[Case]:
    claims = b'{"sub":"alice","exp":9999999999}'
    heads = (b'{"alg":"none"}', b'{"alg":"HS256"}', b'{"alg":"RS256"}', b"{}", b"\xff")
    none = [f"{_part(head)}.{_part(claims)}." for head in heads]
    tokens = (*none, "x", "..", "a.b.c", "\0", "x" * 5000, "é.é.é", "[" * 3000)
    good, secret = world.key(), world.key("secret")
    return [
        *cases.bodies(),
        *cases.gzips(),
        *cases.api(),
        *cases.routes(),
        *cases.keys(good, secret, world.key("secret", "bystander")),
        *cases.tokens(tokens),
    ]


def _part(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _round(world: World, corpus: list[Case]) -> list[tuple[str, Any]]:
    """The cases that were answered wrongly."""
    wrong: list[tuple[str, Any]] = []
    for case in corpus:
        key = world.key(case.kind) if case.kind else None
        try:
            answer = world.send(case.method, case.target, case.body, case.headers, key=key)
        except (AssertionError, KeyError, ValueError, IndexError) as error:
            wrong.append((case.name, repr(error)[:300]))
            continue
        if answer.status not in case.expect:
            wrong.append((case.name, (answer.status, answer.body[:200])))
    return wrong


@pytest.mark.slow
def test_every_answer_is_a_documented_one_and_memory_stays_flat(world: World) -> None:
    corpus = _corpus(world)
    assert len(corpus) > 600
    wrong = _round(world, corpus)
    assert not wrong, "\n".join(map(str, wrong))
    world.serves()
    for _ in range(WARM_UP - 1):
        _round(world, corpus)
    before = world.memory()
    rounds = int(os.environ.get("HANDRAIL_HOSTILE_ROUNDS", ROUNDS))
    for _ in range(rounds):
        _round(world, corpus)
    world.serves()
    grown = {name: after - before[name] for name, after in world.memory().items()}
    most = NOISE + LEAK * rounds * len(corpus)
    assert {name: growth for name, growth in grown.items() if growth > most} == {}, (grown, most)
    said = [json.loads(line) for line in world.log.read_text().splitlines()]
    assert [line for line in said if line.get("level") in ("error", "critical")] == []
