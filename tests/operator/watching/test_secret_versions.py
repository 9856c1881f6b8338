"""What is known of the Secrets that stand, and when it is not known."""

import pytest

from handrail_operator.watching.secret_versions import SecretVersions

PLACE = ("acme", "handrail-acme")


def secret(version, name="keys"):
    return {"metadata": {"name": name, "resourceVersion": version}}


@pytest.fixture
def versions():
    made = SecretVersions()
    made.begins(PLACE)
    return made


def test_nothing_is_known_before_the_watch_tells_something(versions):
    assert versions.of(PLACE) is None
    assert versions.of(("acme", "elsewhere")) is None


def test_what_stands_is_what_was_told_last(versions):
    versions.tells(PLACE, "ADDED", secret("3"))
    versions.tells(PLACE, "ADDED", secret("4", "other"))
    versions.tells(PLACE, "MODIFIED", secret("5"))
    versions.tells(PLACE, "BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    assert versions.of(PLACE) == {"keys": "5", "other": "4"}
    versions.tells(PLACE, "DELETED", secret("10", "other"))
    assert versions.of(PLACE) == {"keys": "5"}


def test_a_watch_that_broke_is_believed_again_once_it_tells_something(versions):
    versions.tells(PLACE, "ADDED", secret("3"))
    versions.breaks(PLACE)
    assert versions.of(PLACE) is None
    versions.tells(PLACE, "BOOKMARK", {"metadata": {"resourceVersion": "9"}})
    assert versions.of(PLACE) == {"keys": "3"}


def test_a_watch_from_nowhere_forgets_what_ended_unseen(versions):
    versions.tells(PLACE, "ADDED", secret("3"))
    versions.begins(PLACE)
    assert versions.of(PLACE) is None
    versions.tells(PLACE, "ADDED", secret("4", "other"))
    assert versions.of(PLACE) == {"other": "4"}


def test_what_nobody_watches_is_not_known(versions):
    versions.tells(PLACE, "ADDED", secret("3"))
    versions.ends(PLACE)
    assert versions.of(PLACE) is None
