"""The definition before a real API server: what the models take is stored as they read it, what they refuse is
refused, with words for a person."""

import json
import ssl
import subprocess
import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.contracts.test_tenant_spec import BAD, LEAST, WHOLE, with_value

from handrail_contracts import crd, names
from handrail_contracts.refusals import refusals
from handrail_contracts.tenant_spec import TenantSpec

pytestmark = pytest.mark.cluster

PATH = f"/apis/{names.API_VERSION}/{crd.PLURAL}"


@pytest.fixture(scope="module")
def server(plane: ControlPlane) -> Iterator[httpx2.Client]:
    context = ssl.create_default_context(cafile=str(plane.certificate))
    headers = {"Authorization": f"Bearer {plane.token()}"}
    with httpx2.Client(base_url=plane.url, verify=context, headers=headers, trust_env=False, timeout=30) as client:
        yield client


def asked(server: httpx2.Client, spec: Any, name: str = "acme") -> httpx2.Response:
    """As `kubectl apply --dry-run=server` asks: unknown fields are an error."""
    document = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}
    return server.post(PATH, params={"dryRun": "All", "fieldValidation": "Strict"}, json=document)


def explained(plane: ControlPlane, field: str) -> str:
    """What kubectl says of a field; the server publishes its description a moment after it serves the resource."""
    deadline = time.monotonic() + 30
    while True:
        try:
            return kubectl(plane, "explain", field)
        except subprocess.CalledProcessError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)


def test_it_is_structural_and_served(plane):
    found = json.loads(kubectl(plane, "get", "crd", f"{crd.PLURAL}.{names.GROUP}", "-o", "json"))
    conditions = {one["type"]: one["status"] for one in found["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert "otn" in kubectl(plane, "api-resources", "--categories", crd.CATEGORY)
    assert "US dollars a month" in explained(plane, "otn.spec.llm.monthlyBudget")


@pytest.mark.parametrize("spec", [LEAST, WHOLE], ids=["least", "whole"])
def test_a_spec_is_stored_as_the_models_read_it(server, spec):
    answer = asked(server, spec)
    assert answer.status_code == 201, answer.text
    stored = answer.json()["spec"]
    assert TenantSpec.model_validate(stored).etag() == TenantSpec.model_validate(spec).etag()


# The server takes some that the models refuse: a null where there is a default counts as left out, 90.0 is 90 in JSON,
# and it looks for neither NUL nor half characters. The operator says of such a tenant what is wrong with it.
_LENIENT = [
    ("tone", None),
    ("detectors.offBaseline.after", None),
    ("privacy.retentionDays", 90.0),
    ("displayName", "a\0b"),
    ("displayName", "\ud800"),
]


def _reaches_the_models_rule(path: str, value: Any) -> bool:
    nan = value != value
    return not nan and not any(path == one and repr(value) == repr(other) for one, other in _LENIENT)


SENDABLE = [(path, value) for path, value in BAD if _reaches_the_models_rule(path, value)]


@pytest.mark.parametrize(("path", "value"), SENDABLE, ids=[f"{path}-{n}" for n, (path, _) in enumerate(SENDABLE)])
def test_what_the_models_refuse_is_refused_with_its_place(server, path, value):
    answer = asked(server, with_value(path, value))
    assert answer.status_code in (400, 422), answer.text
    field = path.split(".")[-1] if not path.split(".")[-1].isdigit() else path.split(".")[-2]
    assert field in answer.json()["message"]


def test_rules_between_fields_say_what_to_do(server):
    for spec, words in (
        (with_value("nudges.maxPerStuckPoint", 2), "escalation would never be reached"),
        (with_value("runtime.ingest.replicas", 2), "maxReplicas must not be below replicas"),
        (with_value("nudges.cooldown", "2161h"), "must be from 1s to 2160h"),
        (with_value("baselines", WHOLE["baselines"] * 2), "Duplicate value"),
    ):
        answer = asked(server, spec)
        assert answer.status_code == 422, answer.text
        assert words in answer.json()["message"]


FORMS = {
    "plan": ("Gold!", "a name like first-project is wanted"),
    "origins": (["app.acme.test"], "an origin like https://app.example.com is wanted"),
    "tone.language": ("english language", "a language tag like en or de-AT is wanted"),
    "theme.accent": ("blue", "a colour like #4f46e5 is wanted"),
    "escalation.email.to": (["help"], "an address like help@example.com is wanted"),
    "llm.apiKeySecretRef": ({"name": "Acme", "key": "k"}, "the name of a Secret like acme-llm is wanted"),
    "llm.baseURL": ("llm.test", "an address like https://llm.example.com/v1 is wanted"),
    "llm.monthlyBudget": ("50 $", 'an amount from "0" to "1000000" is wanted'),
    "nudges.cooldown": ("5 minutes", "a duration like 90s, 5m or 24h is wanted"),
    "nudges.expiresAfter": ("999999999h", "must be from 1s to 2160h"),
    "nudges.attentionBudget.per": ("99999999m99999999m", "must be from 1s to 2160h"),
    "detectors.rageClick.within": ("999999999s" * 6, "must be from 100ms to 5m"),
}


@pytest.mark.parametrize(("path", "value", "words"), [(path, *rest) for path, rest in FORMS.items()], ids=FORMS)
def test_a_wrong_form_is_told_once_in_words_and_by_the_models_alike(server, path, value, words):
    wrong = with_value(path, value)

    answer = asked(server, wrong)

    assert answer.status_code == 422, answer.text
    (cause,) = answer.json()["details"]["causes"]
    assert f": {words}" in cause["message"]
    assert "evaluating rule" not in cause["message"]
    with pytest.raises(ValidationError) as refused:
        TenantSpec.model_validate(wrong)
    assert [reason.startswith(words) for _, reason in refusals(refused.value, TenantSpec)] == [True]


def test_durations_of_unusual_forms_are_taken_by_both(server):
    for text in ("0" * 8 + "5m", "2160h", "129600m", "1.5h", "0.000000001h1s"):
        spec = with_value("nudges.cooldown", text)
        assert asked(server, spec).status_code == 201, text
        TenantSpec.model_validate(spec)


@pytest.mark.parametrize("name", ["a" * 41, "a.b"])
def test_a_name_must_make_a_namespace(server, name):
    answer = asked(server, LEAST, name)
    assert answer.status_code == 422
    assert "at most 40 characters" in answer.json()["message"]


# --- random specs ----------------------------------------------------------------------------------------------

words = st.from_regex(r"[a-z]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=60)
refs = st.fixed_dictionaries({"name": words, "key": words})
events = st.from_regex(r"[a-z][a-z0-9_]{0,20}", fullmatch=True)
place = {"path": texts, "selector": texts}
durations = st.builds(lambda n, unit: f"{n}{unit}", st.integers(1, 59), st.sampled_from(["s", "m"])) | st.sampled_from(
    ["1h30m", "90s", "1.5h", "24h"]
)
short = st.sampled_from(["100ms", "1s", "1.5s", "5m", "4m59s"])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


def detector(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return some(enabled=st.booleans(), **fields)


counts = st.integers(2, 50)
step: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": words, "event": events}, optional={**place, "within": durations}
)
baseline: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": words, "success": st.fixed_dictionaries({"event": events}, optional=place)},
    optional={"steps": st.lists(step, max_size=4, unique_by=lambda one: one["name"])},
)
webhook: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": words, "urlSecretRef": refs},
    optional={"format": st.sampled_from(["slack", "json"]), "signingSecretRef": refs},
)
replicas = st.tuples(st.integers(0, 50), st.integers(1, 50)).map(
    lambda two: {"replicas": min(two), "maxReplicas": max(two)}
)
specs = st.fixed_dictionaries(
    {
        "displayName": texts.filter(bool),
        "origins": st.lists(words.map(lambda word: f"https://{word}.test"), min_size=1, max_size=5, unique=True),
    },
    optional={
        "plan": words,
        "tone": some(
            voice=st.sampled_from(["friendly", "formal", "playful", "concise"]),
            language=st.sampled_from(["en", "de-AT", "zh-Hant"]),
            instructions=texts,
        ),
        "baselines": st.lists(baseline, max_size=3, unique_by=lambda one: one["name"]),
        "detectors": some(
            inactivity=detector(after=durations),
            rageClick=detector(count=counts, within=short),
            deadClick=detector(count=counts, within=short),
            backAndForth=detector(times=counts, within=durations),
            repeatedError=detector(count=counts, within=durations),
            offBaseline=detector(after=durations),
        ),
        "nudges": some(
            confidenceThreshold=st.floats(0, 1) | st.integers(0, 1),
            maxPerStuckPoint=st.integers(3, 100),
            cooldown=durations,
            attentionBudget=some(nudges=st.integers(0, 1000), per=durations),
            holdoutPercent=st.floats(0, 50),
            expiresAfter=durations,
        ),
        "escalation": some(
            afterNudges=st.integers(0, 3),
            webhooks=st.lists(webhook, max_size=3, unique_by=lambda one: one["name"]),
            email=some(to=st.lists(words.map(lambda word: f"{word}@mail.test"), max_size=3, unique=True)),
        ),
        "llm": some(
            provider=st.sampled_from(["rules", "openai"]),
            model=texts,
            baseURL=st.sampled_from(["", "https://llm.test/v1"]),
            apiKeySecretRef=refs,
            monthlyBudget=st.from_regex(r"[0-9]{1,6}(\.[0-9]{1,2})?", fullmatch=True),
            onFailure=st.sampled_from(["none", "rules"]),
        ),
        "privacy": some(
            captureText=st.booleans(),
            queryParameters=st.lists(words, max_size=4, unique=True),
            retentionDays=st.integers(1, 3650),
        ),
        "identity": some(
            enforce=st.booleans(),
            signingSecretRefs=st.lists(refs, max_size=5, unique_by=lambda one: (one["name"], one["key"])),
        ),
        "runtime": some(ingest=replicas, agent=replicas, realtime=replicas),
        "suspend": st.booleans(),
        "deletionPolicy": st.sampled_from(["Retain", "Delete"]),
    },
)


@given(spec=specs)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_nothing_valid_is_pruned_or_refused(server, spec):
    read = TenantSpec.model_validate(spec)
    answer = asked(server, spec)
    assert answer.status_code == 201, answer.text
    assert TenantSpec.model_validate(answer.json()["spec"]).dump() == read.dump()
