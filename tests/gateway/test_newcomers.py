"""Users seen lately, and shares of what all have in common: pure."""

from handrail_gateway.newcomers import Known
from handrail_gateway.shares import Shares


def test_whoever_was_seen_is_known_and_few_strangers_pass() -> None:
    known = Known()
    seen = [f"user-{number}" for number in range(10_000)]
    for user in seen:
        known.add(user)
    assert all(user in known for user in seen)
    taken_for_known = sum(f"stranger-{number}" in known for number in range(10_000))
    assert taken_for_known < 200


def test_who_comes_again_stays_known_and_the_rest_is_forgotten() -> None:
    known = Known()
    known.add("regular")
    for number in range(60_000):
        known.add(f"passer-by-{number}")
        if number % 5_000 == 0:
            assert "regular" in known
    assert "regular" in known
    assert sum(f"passer-by-{number}" in known for number in range(1000)) < 100


def test_one_alone_gets_half_and_the_next_a_share_of_the_rest() -> None:
    shares = Shares(1000)
    taken = 0
    while shares.take("flood"):
        taken += 1
    assert taken == 500
    assert sum(shares.take("second") for _ in range(1000)) == 250
    # Whoever comes next finds room, however long the others go on.
    assert not shares.take("flood")
    assert shares.take("third", 100)
    assert shares.used == 850
    shares.give("third", 100)
    for name, count in (("flood", 500), ("second", 250)):
        for _ in range(count):
            shares.give(name)
    assert (shares.used, len(shares)) == (0, 0)


def test_what_is_too_much_leaves_nothing_behind() -> None:
    shares = Shares(100)
    assert not shares.take("a", 51)
    assert (shares.used, len(shares)) == (0, 0)
    assert shares.take("a", 50)
    assert not shares.take("a")
    shares.give("a", 50)
    assert len(shares) == 0
