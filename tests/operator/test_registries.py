"""Logins for pulling images: put together, renewed, and never a reason to stop."""

import json
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from handrail_operator.registries import Registries

FIRST = {"registry.example.com": {"auth": "Zmlyc3Q6c2VjcmV0"}}
OTHER = {"registry.example.com": {"auth": "b3RoZXI6c2VjcmV0"}, "mirror.example.com": {"auth": "bTptaXJyb3I="}}


def write(folder: Path, name: str, auths: object) -> None:
    (folder / f"{name}.json").write_text(json.dumps({"auths": auths}))


def test_all_are_one_config_and_the_first_that_knows_a_registry_counts(tmp_path: Path):
    write(tmp_path, "first", FIRST)
    write(tmp_path, "other", OTHER)
    text = Registries(tmp_path, ("first", "other")).together()
    assert json.loads(text) == {"auths": OTHER | FIRST}
    assert json.loads(Registries(tmp_path, ("other", "first")).together()) == {"auths": OTHER}
    assert Registries(tmp_path, ()).together() == ""


def test_a_renewed_file_counts_at_once_and_the_same_content_is_the_same_text(tmp_path: Path):
    write(tmp_path, "first", OTHER)
    registries = Registries(tmp_path, ("first",))
    before = registries.together()
    write(tmp_path, "first", dict(reversed(OTHER.items())))
    assert registries.together() == before
    write(tmp_path, "first", FIRST)
    assert json.loads(registries.together()) == {"auths": FIRST}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (None, "no such Secret"),
        ("", "no Docker config"),
        ("{}", "no Docker config"),
        ("[]", "no Docker config"),
        ('{"auths": "s3cret"}', "no Docker config"),
        ("\x00s3cret", "no Docker config"),
        ("[" * 100_000, "no Docker config"),
    ],
)
def test_one_that_cannot_be_read_is_left_out_and_said_once(tmp_path: Path, content: str | None, why: str):
    write(tmp_path, "first", FIRST)
    if content is not None:
        (tmp_path / "bad.json").write_text(content)
    registries = Registries(tmp_path, ("bad", "first"))
    with capture_logs() as said:
        for _ in range(3):
            assert json.loads(registries.together()) == {"auths": FIRST}
    assert [one["secret"] for one in said] == ["bad"]
    assert why in said[0]["why"]
    assert "s3cret" not in str(said)
    write(tmp_path, "bad", OTHER)
    assert json.loads(registries.together()) == {"auths": FIRST | OTHER}
