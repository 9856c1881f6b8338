"""A signal that cannot be read is put aside, and comes back as the signal that it then is."""

from typing import TYPE_CHECKING

import pytest

from handrail_contracts import names, signals, subjects

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from tests.runtime.agent.conftest import MakeSignal, MakeWorld


async def test_an_unreadable_signal_is_put_aside_and_put_back(make_world: "MakeWorld", a_signal: "MakeSignal") -> None:
    world = await make_world()
    user = await world.user()
    one = a_signal(user)
    await world.ingest.jetstream().publish(subjects.signal("rage_click"), b"half a signal")
    await world.settled()
    (letter,) = await world.pool.fetch("SELECT * FROM dead_letters")
    assert (letter["kind"], letter["class"], letter["payload"]) == ("signal", "poison", b"half a signal")
    # As after an update that can read it.
    await world.pool.execute("UPDATE dead_letters SET state = 'retried'")
    headers = {names.HEADER_DEAD_LETTER: str(letter["dead_letter_id"])}
    await world.ingest.jetstream().publish(subjects.signal(one.kind), signals.encode(one), headers=headers)
    assert (await world.decision(one))["outcome"] in ("nudged", "none")
    assert await world.value("SELECT count(*) FROM dead_letters") == 0
