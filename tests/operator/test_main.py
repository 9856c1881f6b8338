"""What a person reads when the operator's environment is not as it should be."""

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import structlog

from handrail_contracts import names
from handrail_operator.main import main
from handrail_operator.provision.keyring import PlatformSecrets

KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    """The process sets up its logs for itself, on the standard error of this very test."""
    handlers, level = list(logging.root.handlers), logging.root.level
    yield
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)


@pytest.fixture
def furnished(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An environment in which nothing is missing but the API server."""
    (tmp_path / "installation.yaml").write_text("runtime: {image: 'handrail/runtime:1'}\n")
    (tmp_path / "config").write_text(KUBECONFIG)
    (tmp_path / names.PLATFORM_FILE).write_bytes(msgspec.json.encode(PlatformSecrets.new()))
    (tmp_path / names.POSTGRES_URL_FILE).write_text("postgresql://a:hunter2@127.0.0.1:1/x")
    (tmp_path / names.ADMIN_REDIS_URL_FILE).write_text("redis://127.0.0.1:1")
    for name, value in (
        ("KUBECONFIG", tmp_path / "config"),
        ("HANDRAIL_INSTALLATION", tmp_path / "installation.yaml"),
        ("HANDRAIL_SECRETS", tmp_path),
        ("HANDRAIL_PORT", 0),
    ):
        monkeypatch.setenv(name, str(value))
    return tmp_path


def said(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().err.splitlines() if not line.startswith("{")]


def test_every_setting_that_is_wrong_is_named_in_a_line(furnished, monkeypatch, capsys):
    monkeypatch.delenv("HANDRAIL_SECRETS")
    monkeypatch.setenv("HANDRAIL_CONCURRENCY", "0")
    assert main(["run"]) == 2
    assert said(capsys) == [
        "HANDRAIL_SECRETS: Field required",
        "HANDRAIL_CONCURRENCY: Input should be greater than or equal to 1",
    ]


def test_times_of_the_lease_that_do_not_fit_are_told(furnished, monkeypatch, capsys):
    monkeypatch.setenv("HANDRAIL_LEASE_DURATION", "5")
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert "lease_duration > renew_deadline > retry_period" in line


@pytest.mark.parametrize("name", [names.PLATFORM_FILE, names.POSTGRES_URL_FILE, names.ADMIN_REDIS_URL_FILE])
def test_a_secret_file_that_is_missing_is_named(furnished, capsys, name):
    (furnished / name).unlink()
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert name in line


def test_a_secret_file_that_cannot_be_read_is_named_and_not_quoted(furnished, capsys):
    (furnished / names.PLATFORM_FILE).write_text('{"operator_seed": 17, "system_seed": "hunter2"}')
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert names.PLATFORM_FILE in line
    assert "hunter2" not in line


@pytest.mark.parametrize("name", [names.POSTGRES_URL_FILE, names.ADMIN_REDIS_URL_FILE])
@pytest.mark.parametrize(
    "text", ["", "hunter2", "http://hunter2@x/", "postgresql://a:hunter2/3@x/", "redis://:hunter2@/"]
)
def test_an_address_that_is_none_is_named_and_not_quoted(furnished, capsys, name, text):
    """At the start of a standby too, and not when it is to take over."""
    (furnished / name).write_text(text)
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert name in line
    assert "hunter2" not in line


def test_an_installation_that_cannot_be_used_says_where(furnished, capsys):
    (furnished / "installation.yaml").write_text("runtime: {image: x}\nplanes: {}\n")
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert "planes" in line


def test_no_cluster_at_all_says_what_to_do(furnished, monkeypatch, capsys):
    monkeypatch.delenv("KUBECONFIG")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    monkeypatch.setenv("HOME", str(furnished))
    assert main(["run"]) == 2
    assert said(capsys) == ["the operator cannot start: no Kubernetes cluster: set KUBECONFIG, or run as a pod"]


def test_a_kubeconfig_that_is_none_is_named(furnished, monkeypatch, capsys):
    monkeypatch.setenv("KUBECONFIG", str(furnished / "nowhere"))
    assert main(["run"]) == 2
    (line,) = said(capsys)
    assert "nowhere" in line


def test_a_port_that_is_taken_is_named(furnished, monkeypatch, capsys):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("HANDRAIL_PORT", str(port))
        assert main(["run"]) == 2
    (line,) = said(capsys)
    assert f"port {port}" in line
    assert "HANDRAIL_PORT=0" in line


def test_the_help_names_every_setting(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    assert "HANDRAIL_RENEW_DEADLINE" in text
    assert "HANDRAIL_INSTALLATION" in text
