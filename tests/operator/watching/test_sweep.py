"""A list of the API server against what is known: what was not told, and what ended unheard."""

from handrail_operator.watching.sweep import Listed, ghosts, overlooked, unseen

A, B = ("deployments", "s", "a"), ("deployments", "s", "b")


def test_what_is_known_as_late_as_listed_or_later_was_told():
    listed = Listed({A: ("u1", 5)}, 10)
    assert unseen(listed, {A: ("u1", 5)}) == set()
    assert unseen(listed, {A: ("u1", 7)}) == set()
    assert unseen(listed, {A: ("u2", 11)}) == set(), "deleted and made again since"


def test_what_is_missing_or_old_was_not_told():
    listed = Listed({A: ("u1", 5), B: ("u2", 6)}, 10)
    assert unseen(listed, {A: ("u1", 4)}) == {A, B}
    assert unseen(listed, {A: ("u1", 5), B: ("u0", 7)}) == {B}, "another object of that name, from before"


def test_only_what_a_watch_had_a_whole_round_for_counts_against_it():
    before = Listed({A: ("u1", 5)}, 10)
    assert overlooked(before, Listed({A: ("u1", 5), B: ("u2", 12)}, 20), {A: ("u1", 5)}) == set()
    assert overlooked(before, Listed({A: ("u1", 15)}, 20), {A: ("u1", 5)}) == set()
    assert overlooked(before, Listed({}, 20), {}) == set(), "it has ended meanwhile"
    assert overlooked(before, Listed({A: ("u3", 15)}, 20), {}) == set(), "so has it, and another came"
    assert overlooked(before, Listed({A: ("u1", 5)}, 20), {}) == {A}
    assert overlooked(before, Listed({A: ("u1", 15)}, 20), {A: ("u1", 4)}) == {A}, "changed twice, told of neither"


def test_what_is_known_and_was_gone_is_a_ghost_unless_it_came_after_the_list():
    listed = Listed({A: ("u1", 5)}, 10)
    assert ghosts(listed, {A: ("u1", 5), B: ("u2", 6)}) == {B: "u2"}
    assert ghosts(listed, {A: ("u0", 4)}) == {A: "u0"}
    assert ghosts(listed, {A: ("u1", 5), B: ("u2", 11)}) == {}
