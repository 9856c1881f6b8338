"""`handrail validate`."""

import json
from pathlib import Path

from typer.testing import CliRunner

from handrail_cli.main import app
from handrail_cli.up import examples

GOOD = """\
apiVersion: handrail.dev/v1alpha1
kind: OnboardingTenant
metadata: {name: acme}
spec:
  displayName: Acme
  origins: ["https://app.acme.test"]
  plan: gold
"""


def run(*arguments: object):
    return CliRunner().invoke(app, ["validate", *map(str, arguments)])


def test_the_shipped_examples_are_valid():
    done = run(*sorted(examples.folder().glob("*.yaml")))
    assert (done.exit_code, done.output) == (0, "valid: acme, globex\n")


def test_everything_wrong_is_told_with_its_place(tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("acme}", "bad}").replace("https://app.acme.test", "x").replace("gold", "small"))
    done = run(good, bad)
    assert done.exit_code == 1
    assert done.stderr.splitlines() == [
        (
            f"{bad}:6: spec.origins[0]: an origin like https://app.example.com is wanted, "
            "exactly scheme://host[:port], in lower case"
        ),
        f"{good}:7: spec.plan: there is no plan 'gold'; known are business, small, standard",
    ]
    value = json.loads(run("--json", good).stdout)
    assert value["errors"] == [
        {
            "file": str(good),
            "line": 7,
            "field": "spec.plan",
            "reason": "there is no plan 'gold'; known are business, small, standard",
        }
    ]


def test_a_copied_example_that_was_changed_stays(tmp_path):
    copied = examples.copy_to(tmp_path / "tenants")
    assert [path.name for path in copied] == ["acme.yaml", "globex.yaml"]
    copied[0].write_text("mine")
    examples.copy_to(tmp_path / "tenants")
    assert Path(copied[0]).read_text() == "mine"
