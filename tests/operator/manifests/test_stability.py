"""The same values, the same text; and what changes which pods."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.operator.manifests import places
from tests.operator.manifests.places import ACCESS, DIGEST, SECRETS, by_name, installation, place

from handrail_contracts import names
from handrail_contracts.tenant_spec import SecretRef
from handrail_operator.manifests import tenant
from handrail_operator.manifests.objects import sealed
from handrail_operator.manifests.place import Place
from handrail_operator.provision import jwk, nats_jwt

ROOT = Path(__file__).parents[3]
RICH: dict[str, Any] = {
    "runtime": {"realtime": {"replicas": 2, "maxReplicas": 3}},
    "llm": {"apiKeySecretRef": {"name": "acme-llm", "key": "api-key"}},
    "escalation": {"webhooks": [{"name": "a", "urlSecretRef": {"name": "hooks", "key": "url"}}]},
}
USABLE = [SecretRef(name="acme-llm", key="api-key"), SecretRef(name="hooks", key="url")]


def templates(of: Place) -> dict[str, str]:
    """Component -> the text of its pods' template."""
    found = by_name(tenant.workloads(of))
    return {
        name: json.dumps(one["spec"]["template"], sort_keys=True)
        for (kind, name), one in found.items()
        if kind == "Deployment"
    }


def rolled(before: Place, after: Place) -> set[str]:
    one, other = templates(before), templates(after)
    assert one.keys() == other.keys()
    return {name for name in one if one[name] != other[name]}


def text(of: Place) -> str:
    return json.dumps([tenant.namespace(of.name, of.uid), *tenant.everything(of)])


@pytest.mark.parametrize("plan", ["small", "standard"])
def test_two_builds_give_the_same_bytes(plan):
    one = place(places.spec(**RICH), plan=plan, usable=USABLE)
    other = place(places.spec(**RICH), plan=plan, usable=reversed(USABLE))
    assert text(one) == text(other)


BUILD = """
import hashlib, json, sys
from dataclasses import replace
import msgspec
from tests.operator.manifests import places
from tests.operator.manifests.test_stability import RICH, USABLE, text
from handrail_operator.provision.keyring import PlatformSecrets, TenantSecrets
keyring, platform = json.load(sys.stdin)
access = replace(places.ACCESS, secrets=msgspec.convert(platform, PlatformSecrets))
secrets = msgspec.convert(keyring, TenantSecrets)
of = places.place(places.spec(**RICH), usable=USABLE, secrets=secrets, access=access)
print(hashlib.sha256(text(of).encode()).hexdigest())
"""


def test_another_process_gives_the_same_bytes():
    given = json.dumps([msgspec.to_builtins(SECRETS), msgspec.to_builtins(ACCESS.secrets)])
    environment = os.environ | {"PYTHONHASHSEED": "12345", "PYTHONPATH": str(ROOT)}
    found = subprocess.run(
        [sys.executable, "-c", BUILD],
        input=given,
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    here = text(place(places.spec(**RICH), usable=USABLE))
    assert found.stdout.strip() == hashlib.sha256(here.encode()).hexdigest()


def test_a_seal_is_of_all_but_itself():
    (made, *_) = tenant.workloads(place())
    assert sealed(made) == made
    assert made["metadata"]["annotations"].keys() == {names.ANNOTATION_APPLIED, names.ANNOTATION_MIGRATED}
    other = made | {"spec": made["spec"] | {"revisionHistoryLimit": 7}}
    assert (
        sealed(other)["metadata"]["annotations"][names.ANNOTATION_APPLIED]
        != made["metadata"]["annotations"][names.ANNOTATION_APPLIED]
    )


@pytest.mark.parametrize("plan", ["small", "standard"])
def test_what_the_runtime_is_told_by_its_config_changes_nothing_here(plan):
    changed = places.spec(
        displayName="Acme & Sons",
        origins=["https://other.acme.test"],
        tone={"voice": "formal", "language": "de", "instructions": "Sie"},
        baselines=[{"name": "first", "success": {"event": "submit"}}],
        detectors={"inactivity": {"after": "90s"}},
        nudges={"cooldown": "10m", "holdoutPercent": 10},
        escalation={"afterNudges": 2, "email": {"to": ["help@acme.test"]}},
        llm={"provider": "openai", "model": "m", "baseURL": "https://llm.test/v1", "monthlyBudget": "7.00"},
        privacy={"retentionDays": 30},
        identity={"enforce": False},
        deletionPolicy="Delete",
    )
    assert text(place(changed, plan=plan)) == text(place(plan=plan))


EVERY = set(names.ROLES)


@pytest.mark.parametrize(
    ("runtime", "migrates"),
    [
        ({"image": DIGEST}, True),
        ({"nodeSelector": {"pool": "tenants"}}, False),
        ({"tolerations": [{"key": "tenants", "operator": "Exists"}]}, False),
        ({"pullSecrets": ["registry"]}, False),
        ({"priorityClass": "tenants"}, False),
    ],
    ids=["image", "nodes", "tolerations", "pull-secrets", "priority"],
)
def test_what_pods_are_made_of_rolls_them_and_an_image_migrates_first(runtime, migrates):
    before, after = place(), place(given=installation(runtime))
    assert rolled(before, after) == EVERY
    assert (tenant.migration_key(before) != tenant.migration_key(after)) == migrates
    # A Job cannot be changed: another pod, another Job.
    assert tenant.migration(before)["metadata"]["name"] != tenant.migration(after)["metadata"]["name"]


def test_a_database_made_anew_is_migrated_and_rolls_nothing():
    before, after = place(), place(database_id="16999")
    assert rolled(before, after) == set()
    assert tenant.migration_key(before) != tenant.migration_key(after)
    for one in tenant.workloads(after):
        if one["kind"] == "Deployment":
            assert one["metadata"]["annotations"][names.ANNOTATION_MIGRATED] == tenant.migration_key(after)


def keyring(**changed: Any) -> Any:
    return msgspec.structs.replace(SECRETS, **changed)


def seed(role: str) -> dict[str, str]:
    return SECRETS.role_seeds | {role: nats_jwt.new_seed("user")}


ROTATIONS: list[tuple[str, Callable[[], Any], set[str], bool]] = [
    ("ingest", lambda: keyring(role_seeds=seed("ingest")), {"ingest"}, False),
    ("agent", lambda: keyring(role_seeds=seed("agent")), {"agent"}, False),
    ("realtime", lambda: keyring(role_seeds=seed("realtime")), {"realtime"}, False),
    ("app", lambda: keyring(app_password="new"), EVERY, False),
    ("redis", lambda: keyring(redis_password="new"), EVERY, False),
    ("owner", lambda: keyring(owner_password="new"), set(), True),
    ("keys", lambda: keyring(keys=SECRETS.keys[:1]), set(), False),
    ("identity", lambda: keyring(identity_secret="new"), set(), False),
    ("publisher", lambda: keyring(publisher_seed=nats_jwt.new_seed("user")), set(), False),
]


@pytest.mark.parametrize(
    ("secrets", "expected", "migrates"), [one[1:] for one in ROTATIONS], ids=[o[0] for o in ROTATIONS]
)
def test_a_rotation_rolls_those_who_hold_it(secrets, expected, migrates):
    before, after = place(), place(secrets=secrets())
    assert rolled(before, after) == expected
    assert (tenant.migration_key(before) != tenant.migration_key(after)) == migrates


def test_the_gateways_public_keys_are_read_anew_and_roll_nothing():
    keys = [*ACCESS.secrets.principal_keys, jwk.new_ed25519()]
    access = replace(ACCESS, secrets=msgspec.structs.replace(ACCESS.secrets, principal_keys=keys))
    assert rolled(place(), place(access=access)) == set()
    assert by_name(tenant.foundation(place())) != by_name(tenant.foundation(place(access=access)))


def test_a_mail_server_rolls_the_agent_alone():
    one, other, none = (
        place(places.spec(**places.MAILED), smtp_url=url)
        for url in ("smtp://a:b@mail.test", "smtp://a:c@mail.test", "")
    )
    assert rolled(none, one) == {"agent"}
    assert rolled(one, other) == {"agent"}


def test_the_first_address_to_write_to_rolls_the_agent_alone_and_the_next_nothing():
    two = {"escalation": {"email": {"to": ["help@acme.test", "two@acme.test"]}}}
    without, one, more = (
        place(places.spec(**fields), smtp_url="smtp://a:b@mail.test") for fields in ({}, places.MAILED, two)
    )
    assert rolled(without, one) == {"agent"}
    assert rolled(one, more) == set()


def test_a_reference_that_comes_to_be_usable_rolls_the_agent_alone():
    wanted = places.spec(**RICH)
    assert rolled(place(wanted), place(wanted, usable=USABLE)) == {"agent"}
