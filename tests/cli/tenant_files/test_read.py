"""What is wrong in a tenant file, and where."""

import base64
from pathlib import Path

import pytest

from handrail_cli.tenant_files.collect import collect, runtime_secrets, unresolved
from handrail_cli.tenant_files.read import MAX_BYTES, parse, read_file

GOOD = """\
apiVersion: handrail.dev/v1alpha1
kind: OnboardingTenant
metadata:
  name: acme
spec:
  displayName: Acme
  origins: ["https://app.acme.test"]
"""
PATH = Path("tenant.yaml")


def faults(text: str) -> list[str]:
    return [str(fault) for fault in parse(PATH, text.encode()).faults]


def test_a_good_file():
    found = parse(PATH, GOOD.encode())
    assert found.faults == []
    (tenant,) = found.tenants
    assert (tenant.name, tenant.spec.display_name, tenant.index, tenant.line) == ("acme", "Acme", 0, 1)


WRONG = {
    "a value out of bounds": (
        "  nudges: {confidenceThreshold: 2}\n",
        "tenant.yaml:8: spec.nudges.confidenceThreshold: Input should be less than or equal to 1",
    ),
    "an unknown field": ("  tonne: {}\n", "tenant.yaml:8: spec.tonne: unknown field; did you mean tone?"),
    "in a list": (
        (
            "  baselines:\n    - name: one\n      success: {event: submit}\n"
            "    - name: Two\n      success: {event: submit}\n"
        ),
        "tenant.yaml:11: spec.baselines[1].name: a name like first-project is wanted",
    ),
    "twice": (
        "  baselines:\n    - {name: a, success: {event: x}}\n    - {name: a, success: {event: x}}\n",
        "tenant.yaml:8: spec.baselines: each name must be unique; twice: a",
    ),
    "a duration": (
        "  detectors:\n    inactivity: {after: soon}\n",
        "tenant.yaml:9: spec.detectors.inactivity.after: ",
    ),
    "below afterNudges": (
        "  nudges: {maxPerStuckPoint: 2}\n  escalation: {afterNudges: 3}\n",
        "tenant.yaml:9: spec.escalation: nudges.maxPerStuckPoint must not be below afterNudges",
    ),
    "not YAML": ("  tone: {voice: [\n", "tenant.yaml:"),
    "a key twice": ("  displayName: Again\n", "tenant.yaml:8: not YAML: found duplicate key"),
    "a NUL": ('  tone: {instructions: "a\\0b"}\n', "tenant.yaml:5: spec: texts must hold neither NUL"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_field_is_told_with_its_place(case):
    addition, wanted = WRONG[case]
    (fault,) = faults(GOOD + addition)
    assert fault.startswith(wanted)


def test_every_fault_is_told():
    text = GOOD.replace("  displayName: Acme\n", "").replace("https://app.acme.test", "acme.test")
    assert [fault.split(": ")[1] for fault in faults(text)] == ["spec.displayName", "spec.origins[0]"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", "tenant.yaml: holds no OnboardingTenant"),
        ("- a\n", "tenant.yaml:1: a document with apiVersion and kind is wanted"),
        ("kind: Pod\n", "tenant.yaml:1: kind: OnboardingTenant, Secret or Namespace is wanted, not 'Pod'"),
        ("kind: Namespace\n", "tenant.yaml: holds no OnboardingTenant"),
        (GOOD.replace("acme\n", "Acme!\n"), "tenant.yaml:4: metadata.name: a name like acme is wanted"),
        ("apiVersion: v1\nkind: Secret\nmetadata: {}\n", "tenant.yaml:3: metadata.name: a Secret needs a name"),
    ],
)
def test_documents_that_are_none(text, wanted):
    (fault,) = faults(text)
    assert fault.startswith(wanted)


def test_a_file_that_is_not_text_or_too_large_or_gone(tmp_path):
    assert [fault.reason for fault in parse(PATH, b"\xff\xfe").faults] == ["not UTF-8 text"]
    assert [fault.reason for fault in parse(PATH, b"#" * (MAX_BYTES + 1)).faults] == [f"larger than {MAX_BYTES} bytes"]
    assert [fault.reason for fault in read_file(tmp_path / "none").faults] == [
        "cannot be read: No such file or directory"
    ]


def test_a_small_file_that_would_grow_without_end_is_refused():
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (fault,) = faults("\n".join(lines))
    assert "more than 100000 values" in fault


def test_a_tenant_in_two_places_counts_once():
    one, two = parse(Path("one.yaml"), GOOD.encode()), parse(Path("two.yaml"), GOOD.encode())
    found = collect([one, two])
    assert found.tenants["acme"].document.path == Path("one.yaml")
    assert [str(fault) for fault in found.faults] == [
        "two.yaml:1: metadata.name: tenant acme stands in one.yaml:1 already"
    ]


SECRET = """\
---
apiVersion: v1
kind: Secret
metadata:
  name: acme-identity
  labels: {handrail.dev/use: tenant}
data: {current: %s}
stringData: {next: other}
""" % base64.b64encode(b"hush").decode()  # noqa: UP031
IDENTITY = "  identity: {signingSecretRefs: [{name: acme-identity, key: current}, {name: acme-identity, key: next}]}\n"


def test_secrets_beside_the_tenant_are_found():
    wanted = collect([parse(PATH, (GOOD + IDENTITY + SECRET).encode())]).tenants["acme"]
    assert unresolved(wanted.document.spec, wanted.secrets) == []
    assert wanted.secrets["acme-identity"].values == {"current": "hush", "next": "other"}


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        ("", "Secret acme-identity is not beside the tenant"),
        (SECRET.replace("use: tenant", "use: other"), "Secret acme-identity lacks the label handrail.dev/use: tenant"),
        (SECRET.replace("current:", "former:"), "Secret acme-identity has no key current"),
        (
            SECRET.replace("  labels", "  namespace: handrail-other\n  labels"),
            "Secret acme-identity is not beside the tenant",
        ),
    ],
)
def test_references_that_lead_nowhere(secret, reason):
    wanted = collect([parse(PATH, (GOOD + IDENTITY + secret).encode())]).tenants["acme"]
    assert unresolved(wanted.document.spec, wanted.secrets)[0] == reason


def test_a_secret_of_the_tenants_namespace_may_stand_in_another_file():
    secret = SECRET.replace("  labels", "  namespace: handrail-acme\n  labels")
    files = [parse(PATH, (GOOD + IDENTITY).encode()), parse(Path("secrets.yaml"), secret.encode())]
    assert unresolved(collect(files).tenants["acme"].document.spec, collect(files).tenants["acme"].secrets) == []


def test_a_value_that_is_no_base64_is_told_without_the_value():
    (fault,) = faults(SECRET.replace(base64.b64encode(b"hush").decode(), "'h?sh'"))
    assert fault == "tenant.yaml:7: data.current: base64 of UTF-8 text is wanted"


def test_the_runtime_is_handed_what_it_reads_itself_and_nothing_else():
    hook = "{name: a, urlSecretRef: {name: acme-identity, key: next}, signingSecretRef: {name: acme-identity, key: no}}"
    text = GOOD + IDENTITY + f"  escalation: {{webhooks: [{hook}]}}\n" + SECRET
    wanted = collect([parse(PATH, text.encode())]).tenants["acme"]
    assert runtime_secrets(wanted.document.spec, wanted.secrets) == {"refs/acme-identity/next": "other"}
