"""A change by API touches its field and nothing else."""

import stat

import pytest

from handrail_cli.tenant_files.read import plain, read_file, round_trip
from handrail_cli.tenant_files.rewrite import rewrite
from handrail_contracts.operator_calls import ConfigEdit
from handrail_operator.edits import Accepted, decide

TEXT = """\
# The first tenant.
kind: Namespace
metadata: {name: handrail-acme}
---
# The one that is changed.
apiVersion: handrail.dev/v1alpha1
kind: OnboardingTenant
metadata:
  name: acme   # its id
spec:
  displayName: 'Acme'
  plan: small
  origins: ["https://app.acme.test"]   # production
  tone: {voice: formal, language: en}   # as marketing wants it
  baselines:
    # the main path
    - name: first
      success: {event: submit, selector: "form#project"}
      steps:
        - {name: open, event: page_view, path: /projects}   # the list
        - {name: save, event: submit}
    - name: second
      success: {event: submit}
  nudges:
    cooldown: 1m   # not too often
"""


def edited(tmp_path, body, mode="merge"):
    path = tmp_path / "tenant.yaml"
    path.write_text(TEXT)
    path.chmod(0o640)
    (document,) = read_file(path).tenants
    written = plain(list(round_trip().load_all(TEXT))[document.index]["spec"])
    decision = decide(document.spec, written, ConfigEdit(mode, body, platform=True))
    assert isinstance(decision, Accepted)
    rewrite(document, document.spec.dump(), decision.spec.dump(), decision.wanted)
    (after,) = read_file(path).tenants
    assert after.spec == decision.spec
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [file.name for file in tmp_path.iterdir()] == ["tenant.yaml"]
    before = TEXT.splitlines()
    now = path.read_text().splitlines()
    return [line for line in before if line not in now], [line for line in now if line not in before]


def test_nothing_is_touched_by_what_is_equal(tmp_path):
    assert edited(tmp_path, {"tone": {"voice": "formal"}, "nudges": {"confidenceThreshold": 0.6}}) == ([], [])


def test_one_field_in_flow_style(tmp_path):
    gone, new = edited(tmp_path, {"tone": {"voice": "playful"}})
    assert gone == ["  tone: {voice: formal, language: en}   # as marketing wants it"]
    assert new == ["  tone: {voice: playful, language: en}  # as marketing wants it"]


def test_a_new_field_and_a_field_taken_back_to_its_default(tmp_path):
    gone, new = edited(tmp_path, {"nudges": {"cooldown": None, "holdoutPercent": 10}})
    assert gone == ["    cooldown: 1m   # not too often"]
    assert new == ["    holdoutPercent: 10"]


def test_one_step_of_one_baseline(tmp_path):
    body = {
        "baselines": [
            {
                "name": "first",
                "success": {"event": "submit", "selector": "form#project"},
                "steps": [
                    {"name": "open", "event": "page_view", "path": "/projects"},
                    {"name": "save", "event": "submit", "within": "5m"},
                ],
            },
            {"name": "second", "success": {"event": "submit"}},
        ]
    }
    gone, new = edited(tmp_path, body)
    assert gone == ["        - {name: save, event: submit}"]
    assert new == ["        - {name: save, event: submit, within: 5m}"]


def test_a_whole_spec_read_and_written_back_with_one_change(tmp_path):
    path = tmp_path / "tenant.yaml"
    path.write_text(TEXT)
    whole = read_file(path).tenants[0].spec.dump()
    whole["displayName"] = "Acme Inc"
    gone, new = edited(tmp_path, whole, "replace")
    assert gone == ["  displayName: 'Acme'"]
    assert new == ["  displayName: 'Acme Inc'"]


def test_a_shorter_list(tmp_path):
    gone, new = edited(tmp_path, {"baselines": [{"name": "second", "success": {"event": "submit"}}]})
    assert new in ([], ["    - name: second"])
    assert "# the main path" not in "".join(gone)


@pytest.mark.parametrize("indent", ["", "  "])
def test_lists_keep_their_indentation(tmp_path, indent):
    lines = ["  origins:", f"  {indent}- https://a.test", f"  {indent}- https://b.test"]
    text = TEXT.replace('  origins: ["https://app.acme.test"]   # production', "\n".join(lines))
    path = tmp_path / "tenant.yaml"
    path.write_text(text)
    (document,) = read_file(path).tenants
    written = plain(list(round_trip().load_all(text))[document.index]["spec"])
    decision = decide(document.spec, written, ConfigEdit("merge", {"displayName": "New"}))
    assert isinstance(decision, Accepted)
    rewrite(document, document.spec.dump(), decision.spec.dump(), decision.wanted)
    assert "\n".join(lines) in path.read_text()
