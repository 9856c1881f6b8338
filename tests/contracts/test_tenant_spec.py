"""The tenant spec: defaults, every bound with its place and reason, one entity tag for one meaning."""

import copy
import json
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from handrail_contracts import record, snippet_config
from handrail_contracts.tenant_spec import OnboardingTenant, TenantSpec

LEAST: dict[str, Any] = {"displayName": "Acme", "origins": ["https://app.acme.test"]}
# The page that outside programs are written against, word for word.
WHOLE = yaml.safe_load("""
  displayName: Acme
  plan: standard
  origins: ["https://app.acme.test"]
  tone: {voice: friendly, language: en, instructions: 'Say "workspace", never "account".'}
  baselines:
    - name: first-project
      success: {event: submit, selector: "form#project"}
      steps:
        - {name: open-projects, event: page_view, path: /projects}
        - {name: new-project, event: click, selector: "#new-project", within: 2m}
        - {name: save, event: submit, selector: "form#project", within: 5m}
  detectors:
    inactivity: {after: 60s}
    rageClick: {count: 4, within: 1s}
    deadClick: {count: 3, within: 10s}
    backAndForth: {times: 3, within: 60s}
    repeatedError: {count: 3, within: 5m}
    offBaseline: {after: 3m}
  nudges:
    confidenceThreshold: 0.6
    maxPerStuckPoint: 3
    cooldown: 5m
    attentionBudget: {nudges: 5, per: 24h}
    holdoutPercent: 0
    expiresAfter: 30m
  theme: {accent: "#4f46e5", background: "", text: "", scheme: auto, radius: 12, position: end}
  escalation:
    afterNudges: 3
    webhooks:
      - {name: support, format: slack, urlSecretRef: {name: acme-escalation, key: url},
         signingSecretRef: {name: acme-escalation, key: signing}}
    email: {to: ["help@acme.test"]}
  llm: {provider: rules, model: "", baseURL: "", apiKeySecretRef: {name: acme-llm, key: api-key},
        monthlyBudget: "50.00", onFailure: none}
  privacy: {captureText: false, queryParameters: [], retentionDays: 90}
  snippet: {enabled: true, samplePercent: 100}
  targets: {sharePercent: 20}
  identity: {enforce: true, signingSecretRefs: [{name: acme-identity, key: current}]}
  runtime: {ingest: {replicas: 1, maxReplicas: 1}, agent: {replicas: 1, maxReplicas: 1},
            realtime: {replicas: 1, maxReplicas: 1}}
  suspend: false
  deletionPolicy: Retain
""")


def with_value(path: str, value: Any) -> dict[str, Any]:
    spec: dict[str, Any] = copy.deepcopy(WHOLE)
    place: Any = spec
    *steps, last = (int(step) if step.isdigit() else step for step in path.split("."))
    for step in steps:
        place = place[step] if isinstance(step, int) else place.setdefault(step, {})
    place[last] = value
    return spec


def test_the_whole_spec_is_written_as_it_was_read():
    spec = TenantSpec.model_validate(WHOLE)
    expected = copy.deepcopy(WHOLE)
    # One form for one value.
    for detector in expected["detectors"].values():
        detector["enabled"] = True
    expected["detectors"]["inactivity"]["after"] = expected["detectors"]["backAndForth"]["within"] = "1m"
    expected["nudges"] |= {"confidenceThreshold": 0.6, "holdoutPercent": 0.0}
    expected["baselines"][0]["success"] |= {"path": ""}
    for step in expected["baselines"][0]["steps"]:
        step.setdefault("path", "")
        step.setdefault("selector", "")
    assert spec.dump() == expected


def test_defaults_are_the_published_ones():
    spec = TenantSpec.model_validate(LEAST)
    whole = TenantSpec.model_validate(WHOLE)
    names = ("detectors", "nudges", "theme", "privacy", "snippet", "targets", "runtime", "suspend", "plan")
    for name in (*names, "deletion_policy"):
        assert getattr(spec, name) == getattr(whole, name), name
    assert (spec.escalation.after_nudges, spec.tone.voice, spec.tone.language) == (3, "friendly", "en")
    assert (spec.llm.provider, str(spec.llm.monthly_budget), spec.llm.on_failure) == ("rules", "50.00", "none")
    assert spec.identity.enforce is True
    assert spec.detectors.off_baseline.after == timedelta(minutes=3)


BAD: list[tuple[str, Any]] = [
    ("displayName", ""),
    ("displayName", "x" * 201),
    ("displayName", 7),
    ("displayName", None),
    ("displayName", "a\0b"),
    ("displayName", "\ud800"),
    ("plan", "Standard"),
    ("plan", ""),
    ("plan", "x" * 64),
    ("origins", []),
    ("origins", None),
    ("origins", "https://a.test"),
    ("origins", ["https://a.test"] * 51),
    ("tone", None),
    ("tone.voice", "rude"),
    ("tone.language", "english language"),
    ("tone.language", ""),
    ("tone.instructions", "x" * 4001),
    ("baselines.0.name", "First Project"),
    ("baselines.0.success.event", "Submit"),
    ("baselines.0.success.event", ""),
    ("baselines.0.success.selector", "x" * 1001),
    ("baselines.0.steps.0.name", ""),
    ("baselines.0.steps.0.event", "page view"),
    ("baselines.0.steps.0.path", "x" * 1001),
    ("baselines.0.steps.1.within", "2 minutes"),
    ("baselines.0.steps.1.within", "25h"),
    ("baselines.0.steps.1.within", "0s"),
    ("baselines.0.steps.1.within", -5),
    ("detectors.inactivity.after", "500ms"),
    ("detectors.inactivity.after", "25h"),
    ("detectors.inactivity.after", ""),
    ("detectors.inactivity.enabled", "perhaps"),
    ("detectors.rageClick.count", 1),
    ("detectors.rageClick.count", 51),
    ("detectors.rageClick.count", 2.5),
    ("detectors.rageClick.within", "6m"),
    ("detectors.deadClick.count", 0),
    ("detectors.deadClick.within", "10ms"),
    ("detectors.backAndForth.times", 1),
    ("detectors.repeatedError.count", "many"),
    ("detectors.offBaseline.after", None),
    ("detectors.unknown", {}),
    ("nudges.confidenceThreshold", 1.01),
    ("nudges.confidenceThreshold", -0.1),
    ("nudges.confidenceThreshold", float("nan")),
    ("nudges.maxPerStuckPoint", -1),
    ("nudges.maxPerStuckPoint", 101),
    ("nudges.cooldown", "91d"),
    ("nudges.cooldown", "2161h"),
    ("nudges.cooldown", "0s"),
    ("nudges.attentionBudget.nudges", -1),
    ("nudges.attentionBudget.per", "0s"),
    ("nudges.holdoutPercent", 51),
    ("nudges.expiresAfter", "soon"),
    ("escalation.afterNudges", -1),
    ("escalation.afterNudges", 101),
    ("escalation.webhooks.0.name", "Support Desk"),
    ("escalation.webhooks.0.format", "xml"),
    ("escalation.webhooks.0.urlSecretRef", None),
    ("escalation.webhooks.0.urlSecretRef.name", "Not_A_Name"),
    ("escalation.webhooks.0.urlSecretRef.key", "a/b"),
    ("escalation.webhooks.0.urlSecretRef.key", "."),
    ("escalation.webhooks.0.urlSecretRef.key", ".."),
    ("escalation.webhooks.0.urlSecretRef.key", "..data"),
    ("escalation.webhooks.0.urlSecretRef.key", "k" * 254),
    ("escalation.webhooks.0.urlSecretRef.namespace", "other"),
    ("escalation.email.to", ["nobody"]),
    ("escalation.email.to", ["a@b"] * 21),
    ("escalation.email.to", ["a@b, c@d"]),
    ("llm.provider", "magic"),
    ("llm.baseURL", "ftp://x"),
    ("llm.baseURL", "x"),
    ("llm.monthlyBudget", "-1"),
    ("llm.monthlyBudget", "1.005"),
    ("llm.monthlyBudget", "much"),
    ("llm.monthlyBudget", "NaN"),
    ("llm.monthlyBudget", "1e9"),
    ("llm.onFailure", "retry"),
    ("llm.apiKeySecretRef", {"name": "x"}),
    ("snippet.enabled", "yes"),
    ("snippet.samplePercent", -1),
    ("snippet.samplePercent", 101),
    ("privacy.retentionDays", 0),
    ("privacy.retentionDays", 3651),
    ("privacy.queryParameters", [""]),
    ("privacy.captureText", "perhaps"),
    ("identity.enforce", "maybe"),
    ("identity.signingSecretRefs", [{"name": "a", "key": "b"}] * 6),
    ("runtime.ingest.replicas", -1),
    ("runtime.agent.maxReplicas", 0),
    ("runtime.realtime.maxReplicas", 51),
    ("suspend", "later"),
    ("deletionPolicy", "Keep"),
    ("unknownField", 1),
    # What the API server would not take for another type, either.
    ("suspend", "false"),
    ("identity.enforce", 1),
    ("detectors.inactivity.enabled", "yes"),
    ("detectors.rageClick.count", "4"),
    ("detectors.inactivity.after", 60),
    ("nudges.cooldown", 300),
    ("nudges.confidenceThreshold", "0.6"),
    ("nudges.holdoutPercent", True),
    ("targets.sharePercent", 101),
    ("targets.sharePercent", -1),
    ("targets.sharePercent", "20"),
    ("theme.accent", "red"),
    ("theme.accent", "#fff"),
    ("theme.accent", "#4f46e5\n"),
    ("theme.background", "#12345g"),
    ("theme.text", "url(x)"),
    ("theme.scheme", "sepia"),
    ("theme.radius", 25),
    ("theme.radius", -1),
    ("theme.radius", "12"),
    ("theme.position", "right"),
    ("llm.monthlyBudget", 50),
    ("privacy.retentionDays", "90"),
    ("privacy.retentionDays", 90.0),
    ("privacy.retentionDays", True),
    ("runtime.ingest.replicas", "1"),
]


@pytest.mark.parametrize(("path", "value"), BAD, ids=[f"{path}-{number}" for number, (path, _) in enumerate(BAD)])
def test_every_bad_value_has_its_place_and_reason(path, value):
    with pytest.raises(ValidationError) as refused:
        TenantSpec.model_validate(with_value(path, value))
    errors = refused.value.errors()
    wanted = path.split(".")
    for error in errors:
        found = [str(step) for step in error["loc"]]
        # NUL and surrogates are looked for in the whole, before the parts.
        assert found[: len(wanted)] == wanted or not found, error
        assert error["msg"]


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "app.acme.test",
        "https://",
        "https://a.test/",
        "https://a.test/x",
        "https://a.test?x",
        "https://A.test",
        "ftp://a.test",
        "https://a.test:",
        "https://a.test:0x1",
        "https://a.test:99999",
        "https://user@a.test",
        "null",
        "https://*.a.test",
        "https://a.test b",
        "https://\u00fc.test",
        "HTTPS://a.test",
        "https://a.test#",
        " https://a.test",
        "https://a.test\n",
        "file://a",
        "javascript:alert(1)",
    ],
)
def test_what_is_no_origin_is_refused(origin):
    with pytest.raises(ValidationError) as refused:
        TenantSpec.model_validate(LEAST | {"origins": ["https://fine.test", origin]})
    assert refused.value.errors()[0]["loc"] == ("origins", 1)


@pytest.mark.parametrize(
    "origin",
    [
        "*",
        "https://app.acme.test",
        "http://localhost:3000",
        "http://127.0.0.1:8080",
        "http://[::1]:8080",
        "https://x--y.test",
    ],
)
def test_origins_as_browsers_send_them(origin):
    assert TenantSpec.model_validate(LEAST | {"origins": [origin]}).origins == [origin]


def test_rules_between_fields():
    for spec, place, word in (
        (with_value("nudges.maxPerStuckPoint", 2), "escalation", "maxPerStuckPoint"),
        (LEAST | {"nudges": {"maxPerStuckPoint": 2}}, "escalation", "maxPerStuckPoint"),
        (with_value("runtime.ingest.replicas", 2), "runtime", "maxReplicas"),
        (with_value("baselines", WHOLE["baselines"] * 2), "baselines", "first-project"),
        (with_value("baselines.0.steps", [WHOLE["baselines"][0]["steps"][0]] * 2), "baselines", "open-projects"),
        (with_value("escalation.webhooks", WHOLE["escalation"]["webhooks"] * 2), "escalation", "support"),
    ):
        with pytest.raises(ValidationError) as refused:
            TenantSpec.model_validate(spec)
        (error,) = refused.value.errors()
        assert error["loc"][0] == place
        assert word in error["msg"]


def test_one_meaning_has_one_tag():
    spec = TenantSpec.model_validate(WHOLE)
    tag = spec.etag()
    assert tag.startswith('"')
    assert tag.endswith('"')
    turned = json.loads(json.dumps(dict(reversed(WHOLE.items()))))
    turned["nudges"] = dict(reversed(turned["nudges"].items())) | {"cooldown": "300s", "confidenceThreshold": 0.60}
    turned["llm"] |= {"monthlyBudget": "50"}
    turned["detectors"]["inactivity"] = {"after": "1m", "enabled": True}
    assert TenantSpec.model_validate(turned).etag() == tag
    assert TenantSpec.model_validate(spec.dump()).etag() == tag
    assert (
        TenantSpec.model_validate(LEAST).etag()
        == TenantSpec.model_validate(TenantSpec.model_validate(LEAST).dump()).etag()
    )
    tags = {tag}
    for path, value in (
        ("displayName", "Acm\u00e9"), ("suspend", True), ("nudges.cooldown", "301s"), ("llm.monthlyBudget", "50.01"),
        ("baselines.0.steps.1.within", "3m"), ("origins", ["https://b.test"]), ("detectors.deadClick.enabled", False),
    ):  # fmt: skip
        tags.add(TenantSpec.model_validate(with_value(path, value)).etag())
    assert len(tags) == 8


def test_the_tag_is_the_same_in_another_process():
    code = (
        "import sys, json; from handrail_contracts.tenant_spec import TenantSpec;"
        "print(TenantSpec.model_validate(json.load(sys.stdin)).etag())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code], input=json.dumps(WHOLE), capture_output=True, text=True, check=True,
        env={"PYTHONHASHSEED": "5", "LANG": "C", "TZ": "Asia/Kolkata"},
    )  # fmt: skip
    assert ran.stdout.strip() == TenantSpec.model_validate(WHOLE).etag()


def test_the_effective_config_comes_back():
    spec = TenantSpec.model_validate(WHOLE)
    told = record.decode_config(record.encode(record.effective(spec, local=True)))
    assert TenantSpec.model_validate(told.spec) == spec
    assert f'"{told.revision}"' == spec.etag()


def test_the_record_comes_back():
    sent = record.TenantRecord(
        name="acme", keys=[record.KeyRecord("k", "secret", "d", "2026-01-01T00:00:00Z")], origins=["*"],
        publish=record.PublishCredentials("j", "s"), identity_secrets=[record.IdentitySecret("x")],
        spec=TenantSpec.model_validate(WHOLE).dump(), etag="e",
    )  # fmt: skip
    assert record.decode_record(record.encode(sent)) == sent
    newer = json.loads(record.encode(sent)) | {"something": "new"}
    assert record.decode_record(json.dumps(newer).encode()) == sent


def test_the_snippet_learns_what_is_public_and_no_more():
    spec = TenantSpec.model_validate(with_value("privacy.queryParameters", ["tab"]) | {"theme": {"accent": "#0A7c66"}})
    whole_theme = WHOLE["theme"] | {"accent": "#0A7c66"}
    told = snippet_config.from_spec(spec).model_dump_json()
    assert json.loads(told)["capture"] == {"text": False, "query_parameters": ["tab"]}
    assert json.loads(told)["theme"] == whole_theme
    assert (json.loads(told)["enabled"], json.loads(told)["sample_rate"]) == (True, 1)
    fewer = TenantSpec.model_validate(with_value("snippet", {"enabled": False, "samplePercent": 12.5}))
    off = snippet_config.from_spec(fewer)
    assert (off.enabled, off.sample_rate) == (False, 0.125)
    for private in ("acme-llm", "help@acme.test", "workspace", "monthly", "slack"):
        assert private not in told


@pytest.mark.parametrize(
    "changed",
    [{"apiVersion": "handrail.dev/v2"}, {"kind": "Tenant"}, {"metadata": {}}, {"metadata": {"name": "Acme!"}},
     {"spec": None}, {"metadata": {"name": "a" * 41}}, {"extra": 1}],
)  # fmt: skip
def test_the_document_around_the_spec(changed):
    document = {
        "apiVersion": "handrail.dev/v1alpha1",
        "kind": "OnboardingTenant",
        "metadata": {"name": "acme"},
        "spec": WHOLE,
    }
    assert OnboardingTenant.model_validate(document).metadata.name == "acme"
    with pytest.raises(ValidationError):
        OnboardingTenant.model_validate(document | changed)


EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "tenants").glob("*.yaml"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_shipped_examples_are_valid(path):
    documents = [it for it in yaml.safe_load_all(path.read_text()) if it and it["kind"] == "OnboardingTenant"]
    assert documents
    for document in documents:
        spec = OnboardingTenant.model_validate(document).spec
        assert spec.baselines
