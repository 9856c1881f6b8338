"""Whatever is sent, the answer is one of the documented ones, and the platform serves on."""

import pytest
from tests.hostile.corpus import answered_wrongly, whole
from tests.hostile.world import BYSTANDER, World


@pytest.mark.slow
def test_every_answer_is_a_documented_one(world: World) -> None:
    cases = [*whole(world.key(), world.key("secret"), world.key("secret", BYSTANDER))]
    assert len(cases) > 700
    assert not (wrong := answered_wrongly(world, cases)), "\n".join(map(str, wrong))
    world.serves()
    assert world.complaints() == []
