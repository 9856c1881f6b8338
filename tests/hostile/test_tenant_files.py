"""`handrail validate` of files that nobody should have made: a clear word, exit code 1, and no trace of Python."""

import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from handrail_cli.main import app

HEAD = "apiVersion: handrail.dev/v1alpha1\nkind: OnboardingTenant\nmetadata: {name: acme}\n"
GOOD = HEAD + "spec: {displayName: Acme, origins: ['https://app.acme.test']}\n"
LAUGHS = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)
FILES: dict[str, bytes] = {
    "empty": b"",
    "binary": bytes(range(256)) * 100,
    "nul": b"\0",
    "not utf-8": GOOD.encode() + b"# \xff\xfe\n",
    "billion laughs": (LAUGHS + GOOD).encode(),
    "laughs in the spec": (HEAD + "spec:\n" + "".join(f"  {line}\n" for line in LAUGHS.splitlines())).encode(),
    "deep": (HEAD + "spec: " + "[" * 10_000 + "]" * 10_000).encode(),
    "deep map": (HEAD + "spec: " + "{a: " * 5_000 + "1" + "}" * 5_000).encode(),
    "itself": (HEAD + "spec: &s {displayName: x, origins: *s}\n").encode(),
    "duplicate": (GOOD + "spec: {}\n").encode(),
    "python tag": (HEAD + "spec: !!python/object/apply:os.system ['true']\n").encode(),
    "scalar": b"just text\n",
    "list": b"- 1\n- 2\n",
    "numbers": (HEAD + "spec: 1e400\n").encode(),
    "digits": (HEAD + "spec: {displayName: " + "9" * 5000 + "}\n").encode(),
    "many documents": (b"---\n{}\n" * 2000),
    "tabs": b"\tkind: x\n",
    "unknown alias": (HEAD + "spec: *nobody\n").encode(),
}


WORST = ("billion laughs", "deep", "deep map")


@pytest.mark.parametrize("name", FILES)
def test_each_is_refused_in_words(tmp_path: Path, name: str) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_bytes(FILES[name])
    done = CliRunner().invoke(app, ["validate", str(file)])
    assert (done.exit_code, type(done.exception)) == (1, SystemExit), done.exception
    assert done.stderr.startswith(str(file))
    assert len(done.stderr) < max(20_000, 50 * len(FILES[name]))


@pytest.mark.slow
def test_the_worst_of_them_as_one_command(tmp_path: Path) -> None:
    """In a process of its own, whose stack and memory are its own, too."""
    files = [tmp_path / f"{name}.yaml" for name in WORST]
    for name, file in zip(WORST, files, strict=True):
        file.write_bytes(FILES[name])
    argv = [sys.executable, "-m", "handrail_cli", "validate", *map(str, files)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False), done.stderr[-500:]
    for file in files:
        assert f"{file}:" in done.stderr
