"""All hostile cases together, and what came of sending them."""

from collections.abc import Iterable, Iterator
from typing import Any

from tests.hostile.bodies import bodies, gzips
from tests.hostile.cases import Case
from tests.hostile.credentials import keys, tokens
from tests.hostile.routes import api, routes
from tests.hostile.world import World


def whole(good: str, secret: str, other: str) -> Iterator[Case]:
    """Every case. `other` is another tenant's secret key."""
    yield from bodies()
    yield from gzips()
    yield from api()
    yield from routes()
    yield from keys(good, secret, other)
    yield from tokens()


def answered_wrongly(world: World, corpus: Iterable[Case]) -> list[tuple[str, Any]]:
    """Sends them all. What was answered as no case of its kind may be."""
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
