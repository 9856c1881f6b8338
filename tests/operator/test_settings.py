"""The operator's settings: secrets as files, and times that fit each other."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from handrail_operator.settings import MissingSecret, Settings


def settings(folder: Path, **more: object) -> Settings:
    return Settings.model_validate({"installation": folder / "installation.yaml", "secrets": folder, **more})


def test_a_secret_is_the_text_of_its_file(tmp_path):
    (tmp_path / "postgres-url").write_text("postgresql://here\n")
    assert settings(tmp_path).secret("postgres-url") == "postgresql://here"
    with pytest.raises(MissingSecret, match=r"the secret file platform\.json is missing from HANDRAIL_SECRETS"):
        settings(tmp_path).secret("platform.json")


def test_one_that_may_be_missing(tmp_path):
    assert settings(tmp_path).optional_secret("smtp-url") == ""
    (tmp_path / "smtp-url").write_text("smtp://mail.test\n")
    assert settings(tmp_path).optional_secret("smtp-url") == "smtp://mail.test"
    # There, and not to be read: going on without would take the mail away from all tenants.
    (tmp_path / "unreadable").mkdir()
    with pytest.raises(MissingSecret):
        settings(tmp_path).optional_secret("unreadable")


@pytest.mark.parametrize("times", [{"lease_duration": 10}, {"renew_deadline": 2}, {"retry_period": 15}], ids=str)
def test_a_lease_must_outlast_its_renewals(tmp_path, times):
    with pytest.raises(ValidationError, match="lease_duration > renew_deadline > retry_period"):
        settings(tmp_path, **times)
