"""The program as a whole: its commands, each with what it alone needs."""

import subprocess
import sys

from typer.testing import CliRunner

from handrail_cli.main import app

ALL = ["up", "status", "targets", "validate", "delete", "simulate", "keys", "deadletters", "runs", "escalations"]


def test_help_lists_every_command_with_what_it_is_for():
    lines = CliRunner().invoke(app, ["--help"]).output.split("Commands:\n")[1].splitlines()
    told = dict(line.split(maxsplit=1) for line in lines if line.startswith("  ") and line[2] != " ")
    assert list(told) == ALL


def test_a_command_that_there_is_not_is_refused():
    done = CliRunner().invoke(app, ["stauts"])
    assert done.exit_code == 2
    assert "No such command 'stauts'" in done.output


def test_a_command_imports_nothing_of_another():
    code = (
        "import sys; from handrail_cli.main import app; app(['status', '--help'], standalone_mode=False);"
        "print(sorted(name for name in sys.modules if name.startswith(('handrail_cli.up', 'handrail_cli.simulate'))))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"
