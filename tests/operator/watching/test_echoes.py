"""What is an echo of a write, and what somebody else said meanwhile."""

from handrail_operator.watching.echoes import Echoes

KEY = ("secrets", "handrail-acme", "handrail-keys")


def test_an_echo_that_comes_after_the_answer():
    echoes = Echoes()
    echoes.writes(KEY)
    assert not echoes.wrote(KEY, 7)
    assert not echoes.is_news(KEY, 7)
    assert echoes.is_news(KEY, 8)


def test_an_echo_that_comes_before_the_answer():
    echoes = Echoes()
    echoes.writes(KEY)
    assert not echoes.is_news(KEY, 7)
    assert not echoes.wrote(KEY, 7)
    assert echoes.is_news(KEY, 8)


def test_what_another_wrote_meanwhile_is_news_once_the_answer_is_known():
    echoes = Echoes()
    echoes.writes(KEY)
    assert not echoes.is_news(KEY, 7)
    assert not echoes.is_news(KEY, 9)
    assert echoes.wrote(KEY, 7)


def test_what_another_wrote_right_before_us_is_news_whenever_it_is_told():
    """An apply leaves standing what it does not name."""
    echoes = Echoes()
    echoes.writes(KEY)
    assert not echoes.is_news(KEY, 6)
    assert echoes.wrote(KEY, 7)
    assert not echoes.is_news(KEY, 7)
    echoes.writes(KEY)
    assert not echoes.wrote(KEY, 9)
    assert echoes.is_news(KEY, 8)
    assert not echoes.is_news(KEY, 9)


def test_a_write_without_an_answer_makes_all_that_was_told_news():
    echoes = Echoes()
    echoes.writes(KEY)
    assert not echoes.is_news(KEY, 7)
    assert echoes.wrote(KEY, 0)
    echoes.writes(KEY)
    assert not echoes.wrote(KEY, 0)
    assert echoes.is_news(KEY, 8)


def test_nothing_is_remembered_of_what_was_heard():
    echoes = Echoes()
    for version in range(1, 50):
        echoes.writes(KEY)
        echoes.wrote(KEY, version)
        echoes.is_news(KEY, version)
    assert echoes == Echoes()
