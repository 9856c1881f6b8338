"""The state folder: what is kept, who may read it, who may run on it."""

import stat

import pytest

from handrail_cli.state import files
from handrail_cli.state.errors import StateError
from handrail_cli.state.folder import Followed, KeptSpec, State, default_folder
from handrail_contracts import names
from handrail_operator.provision.keyring import LiveKey, TenantSecrets

NOW = "2026-01-01T00:00:00Z"


@pytest.fixture
def state(tmp_path):
    made = State.create(tmp_path / "state")
    with made.locked():
        yield made


def test_secrets_are_made_once_and_are_nobody_elses(state):
    assert state.server_secrets() == state.server_secrets()
    assert state.platform_secrets() == state.platform_secrets()
    assert stat.S_IMODE((state.root / "platform.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(state.root.stat().st_mode) == 0o700


def test_a_tenants_keys_stand_as_files_like_in_its_secret(state):
    secrets = TenantSecrets.new(NOW)
    newer = LiveKey.new("secret", NOW)
    secrets.keys.append(newer)
    state.save_tenant_secrets("acme", secrets)
    assert state.tenant_secrets("acme") == secrets
    folder = state.root / "secrets" / "acme"
    shown = {path.name: path.read_text() for path in (folder / names.KEYS_SECRET).iterdir()}
    assert shown == {
        **{key.key_id: key.key for key in secrets.keys},
        "publishable": secrets.keys[0].key,
        "secret": newer.key,
    }
    assert (folder / names.IDENTITY_SECRET / "current").read_text() == secrets.identity_secret
    assert {stat.S_IMODE(path.stat().st_mode) for path in (folder / names.KEYS_SECRET).iterdir()} == {0o600}
    secrets.keys.remove(newer)
    state.save_tenant_secrets("acme", secrets)
    assert not (folder / names.KEYS_SECRET / newer.key_id).exists()


def test_a_deleted_tenant_keeps_its_secrets_unless_its_data_goes(state):
    state.save_tenant_secrets("acme", TenantSecrets.new(NOW))
    state.save_kept_spec("acme", KeptSpec({"displayName": "Acme"}))
    state.forget_tenant("acme", secrets_too=False)
    assert (state.kept_spec("acme"), state.tenant_names()) == (None, ["acme"])
    state.forget_tenant("acme", secrets_too=True)
    assert state.tenant_names() == []


def test_only_one_runs_on_a_folder(state):
    assert state.in_use()
    with pytest.raises(StateError, match="another `handrail up` runs on"), State.open(state.root).locked():
        pass


def test_a_damaged_file_is_told(state):
    state.save_followed(Followed(["/a"]))
    (state.root / "files.json").write_text("{")
    with pytest.raises(StateError, match=r"files\.json is damaged"):
        state.followed()


def test_a_write_is_whole_or_not_at_all(tmp_path):
    target = tmp_path / "value"
    files.write(target, b"one")
    assert files.write_if_changed(target, b"one") is False
    with pytest.raises(StateError, match="Choose another folder by --state"):
        files.write(tmp_path / "none" / "value", b"two")
    assert [path.name for path in tmp_path.iterdir()] == ["value"]


def test_the_default_is_where_xdg_says(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_folder() == tmp_path / "handrail"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder() == tmp_path / ".local" / "share" / "handrail"


def test_the_values_of_references_stand_in_folders_and_go_when_no_longer_wanted(state):
    first = {"database-url": "x", "refs/llm/key": "k1", "refs/hook/url": "u", "refs/hook/signing": "s"}
    folder = state.process_folder("tenants", "acme", "runtime", content=first)
    untouched = (folder / "database-url").stat().st_mtime_ns
    second = {"database-url": "x", "refs/llm/key": "k2", "refs/hook/url": "u"}
    state.process_folder("tenants", "acme", "runtime", content=second)
    stand = {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}
    assert {name: path.read_text() for name, path in stand.items()} == second
    assert {stat.S_IMODE(path.stat().st_mode) for path in stand.values()} == {0o600}
    assert stat.S_IMODE((folder / "refs" / "llm").stat().st_mode) == 0o700
    assert (folder / "database-url").stat().st_mtime_ns == untouched
    state.process_folder("tenants", "acme", "runtime", content={"database-url": "x"})
    assert [path.name for path in folder.iterdir()] == ["database-url"]
