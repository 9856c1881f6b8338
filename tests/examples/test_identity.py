"""The server examples that sign identity tokens, each run in its language and read by the gateway's own check."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from handrail_contracts.problems import Problem
from handrail_contracts.record import IdentitySecret
from handrail_gateway.identity import check_identity_token

EXAMPLES = Path(__file__).parents[2] / "examples" / "identity"
COMMANDS = {
    "sign.py": ["python3"],
    "sign.mjs": ["node"],
    "sign.rb": ["ruby"],
    "sign.php": ["php"],
    "sign.go": ["go", "build", "-o"],
}
SECRET = "a secret of the customer's, é/+ and all"
USERS = ("u-1", 'Ünï "çødé" </script> 世界 ?>', "a.b@c.example")
SECONDS = 60
BUILD_SECONDS = 400
"""With a cold cache Go builds its standard library first."""


def test_each_example_is_tested() -> None:
    assert sorted(path.name for path in EXAMPLES.iterdir() if path.is_file()) == sorted(COMMANDS)


@pytest.mark.timeout(BUILD_SECONDS + SECONDS)
@pytest.mark.parametrize(
    "example", [pytest.param(name, marks=[pytest.mark.slow] if name.endswith(".go") else []) for name in COMMANDS]
)
def test_the_gateway_accepts_what_the_example_signs(example: str, tmp_path: Path) -> None:
    command = COMMANDS[example]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not on this machine")
    run = [*command, str(EXAMPLES / example)]
    env = os.environ | {"HANDRAIL_IDENTITY_SECRET": SECRET, "GOPROXY": "off", "GOTOOLCHAIN": "local"}
    if command[0] == "go":
        run = [str(tmp_path / "sign")]
        subprocess.run([*command, *run, str(EXAMPLES / example)], env=env, timeout=BUILD_SECONDS, check=True)
    for arguments, without in (([], {}), (["u-1"], {"HANDRAIL_IDENTITY_SECRET": ""})):
        wrong = subprocess.run(
            [*run, *arguments], env=env | without, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert (wrong.returncode, wrong.stdout) == (1, "")
        assert re.fullmatch(rf"usage: HANDRAIL_IDENTITY_SECRET=\.\.\. .*{re.escape(example)} USER_ID\n", wrong.stderr)
    for user in USERS:
        done = subprocess.run([*run, user], env=env, capture_output=True, text=True, timeout=SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        token = done.stdout.strip()
        now = time.time()
        check_identity_token(token, user, [IdentitySecret(value=SECRET)], now)
        for other, secret, at, code in (
            ("somebody-else", SECRET, now, "identity_invalid"),
            (user, "another secret", now, "identity_invalid"),
            (user, SECRET, now + 700, "token_expired"),
        ):
            with pytest.raises(Problem) as refused:
                check_identity_token(token, other, [IdentitySecret(value=secret)], at)
            assert refused.value.code == code
