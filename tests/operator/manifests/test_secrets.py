"""Which secrets stand where, and who reads which."""

import base64
from typing import Any

import msgspec
import pytest
from tests.operator.manifests import places
from tests.operator.manifests.places import SECRETS, by_name, place

from handrail_contracts import names
from handrail_contracts.tenant_spec import SecretRef
from handrail_operator.manifests import tenant
from handrail_operator.manifests.place import Manifest, Place
from handrail_operator.provision.keyring import LiveKey

SMTP = "smtp+starttls://mailer:s3cret-of-mail@mail.test:587"


def texts(manifest: Manifest) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


def secrets(of: Place) -> dict[str, dict[str, str]]:
    found = by_name(tenant.foundation(of))
    return {name: texts(one) for (kind, name), one in found.items() if kind == "Secret"}


def pod(of: Place, component: str) -> dict[str, Any]:
    template = by_name(tenant.workloads(of))["Deployment", component]["spec"]["template"]
    found: dict[str, Any] = template["spec"]
    return found


def folder(of: Place, component: str) -> dict[str, dict[str, str]]:
    """Secret -> (path in the folder -> key)."""
    sources = next(one for one in pod(of, component)["volumes"] if one["name"] == "secrets")["projected"]["sources"]
    return {one["secret"]["name"]: {item["path"]: item["key"] for item in one["secret"]["items"]} for one in sources}


INGEST = {"database-url", "redis-url", "nats-ingest.creds"}
AGENT = {"database-url", "redis-url", "nats-agent.creds"}
REALTIME = {"database-url", "redis-url", "nats-realtime.creds", "principal-keys.json"}


def test_each_role_gets_what_it_needs():
    found = secrets(place())
    assert {name: set(data) for name, data in found.items() if name != "handrail-keys"} == {
        "handrail-ingest": INGEST,
        "handrail-agent": AGENT,
        "handrail-realtime": REALTIME,
        "handrail-migrate": {"owner-database-url"},
        "handrail-identity": {"current"},
    }
    files = place().provisioned.runtime_files
    for role in names.ROLES:
        assert found[names.role_secret(role)].items() <= files.items()
        assert set(folder(place(), role)[names.role_secret(role)]) == set(found[names.role_secret(role)])


def test_one_process_of_all_roles_gets_all_of_it():
    found = secrets(place(plan="small"))
    assert set(found) == {"handrail-runtime", "handrail-migrate", "handrail-keys", "handrail-identity"}
    assert set(found["handrail-runtime"]) == INGEST | AGENT | REALTIME


def test_a_role_that_does_not_run_leaves_its_credentials_out():
    wanted = places.spec(plan="small", runtime={"realtime": {"replicas": 0, "maxReplicas": 1}})
    assert set(secrets(place(wanted, plan="small"))["handrail-runtime"]) == INGEST | AGENT


def test_the_owners_password_is_the_migrations_alone():
    for plan in ("small", "standard"):
        found = secrets(place(plan=plan))
        holders = {name for name, data in found.items() if any(SECRETS.owner_password in one for one in data.values())}
        assert holders == {"handrail-migrate"}


def test_every_secret_is_the_platforms():
    for one in tenant.foundation(place()):
        if one["kind"] == "Secret":
            assert one["metadata"]["labels"][names.LABEL_USE] == names.USE_PLATFORM


def test_each_live_key_and_the_newest():
    newer = LiveKey.new("secret", "2026-02-01T00:00:00Z")
    keyring = msgspec.structs.replace(SECRETS, keys=[*SECRETS.keys, newer])
    publishable, older = SECRETS.keys
    assert secrets(place(secrets=keyring))["handrail-keys"] == {
        "publishable": publishable.key,
        "secret": newer.key,
        publishable.key_id: publishable.key,
        older.key_id: older.key,
        newer.key_id: newer.key,
    }
    without = msgspec.structs.replace(SECRETS, keys=[newer])
    assert secrets(place(secrets=without))["handrail-keys"] == {"secret": newer.key, newer.key_id: newer.key}


def test_the_platforms_identity_secret_where_the_spec_names_none():
    assert secrets(place())["handrail-identity"] == {"current": SECRETS.identity_secret}
    own = places.spec(identity={"signingSecretRefs": [{"name": "acme-identity", "key": "current"}]})
    assert "handrail-identity" not in secrets(place(own))


# --- what the spec refers to -----------------------------------------------------------------------------------

REFERS = {
    "llm": {"apiKeySecretRef": {"name": "acme-llm", "key": "api-key"}},
    "identity": {"signingSecretRefs": [{"name": "acme-identity", "key": "current"}]},
    "escalation": {
        "webhooks": [
            {
                "name": "support",
                "urlSecretRef": {"name": "acme-hooks", "key": "url"},
                "signingSecretRef": {"name": "acme-hooks", "key": "signing"},
            },
            {"name": "sales", "urlSecretRef": {"name": "acme-hooks", "key": "url"}},
        ],
        "email": {"to": ["help@acme.test"]},
    },
}
ALL = [
    SecretRef(name=name, key=key)
    for name, key in (
        ("acme-llm", "api-key"),
        ("acme-identity", "current"),
        ("acme-hooks", "url"),
        ("acme-hooks", "signing"),
    )
]


@pytest.mark.parametrize(("plan", "agent"), [("standard", "agent"), ("small", "runtime")])
def test_only_the_agent_reads_the_tenants_secrets_and_not_those_of_identity(plan, agent):
    of = place(places.spec(**REFERS), plan=plan, usable=ALL)
    own = names.role_secret(agent)
    found = folder(of, agent)
    assert {name: paths for name, paths in found.items() if name != own} == {
        "acme-hooks": {"refs/acme-hooks/signing": "signing", "refs/acme-hooks/url": "url"},
        "acme-llm": {"refs/acme-llm/api-key": "api-key"},
    }
    for other in {"ingest", "realtime"} if plan == "standard" else ():
        assert set(folder(of, other)) == {names.role_secret(other)}


def test_a_secret_that_goes_keeps_no_pod_from_starting_but_its_own_does():
    of = place(places.spec(**REFERS), usable=ALL)
    (volume,) = [one for one in pod(of, "agent")["volumes"] if one["name"] == "secrets"]
    optional = {one["secret"]["name"]: one["secret"].get("optional", False) for one in volume["projected"]["sources"]}
    assert optional == {"handrail-agent": False, "acme-hooks": True, "acme-llm": True}
    assert volume["projected"]["defaultMode"] == 0o440


def test_what_is_not_usable_is_not_projected():
    assert set(folder(place(places.spec(**REFERS), usable=ALL[:1]), "agent")) == {"handrail-agent", "acme-llm"}
    assert set(folder(place(places.spec(**REFERS)), "agent")) == {"handrail-agent"}
    assert set(folder(place(usable=ALL), "agent")) == {"handrail-agent"}


@pytest.mark.parametrize("name", ["handrail-migrate", "handrail-realtime", "handrail-keys", "handrail-runtime"])
def test_no_label_makes_the_operators_own_secrets_a_tenants(name):
    reference = {"name": name, "key": "owner-database-url"}
    of = place(places.spec(llm={"apiKeySecretRef": reference}), usable=[SecretRef(**reference)])
    assert set(folder(of, "agent")) == {"handrail-agent"}


# --- mail ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("plan", "agent"), [("standard", "agent"), ("small", "runtime")])
def test_the_mail_servers_password_stands_in_the_agents_secret_alone(plan, agent):
    of = place(places.spec(**places.MAILED), plan=plan, smtp_url=SMTP)
    variable = {
        "name": "HANDRAIL_SMTP_URL",
        "valueFrom": {"secretKeyRef": {"name": f"handrail-{agent}", "key": "smtp-url"}},
    }
    assert variable in pod(of, agent)["containers"][0]["env"]
    assert {name for name, data in secrets(of).items() if SMTP in data.values()} == {f"handrail-{agent}"}
    assert "smtp-url" not in folder(of, agent)[f"handrail-{agent}"]
    rest = [one for one in tenant.everything(of) if one["kind"] != "Secret"]
    assert "s3cret-of-mail" not in str(rest)
    assert "SMTP" not in str(tenant.everything(place(plan=plan)))


@pytest.mark.parametrize("plan", ["standard", "small"])
def test_a_tenant_that_writes_to_nobody_gets_no_mail_account(plan):
    of = place(plan=plan, smtp_url=SMTP)
    assert tenant.everything(of) == tenant.everything(place(plan=plan))


def test_no_secret_stands_anywhere_but_in_secrets():
    of = place(places.spec(**REFERS), usable=ALL, smtp_url=SMTP)
    text = str(
        [one for one in tenant.everything(of) if one["kind"] != "Secret"] + [tenant.namespace("acme", places.UID)]
    )
    values = [SECRETS.owner_password, SECRETS.app_password, SECRETS.redis_password, SECRETS.identity_secret]
    values += [*SECRETS.role_seeds.values(), SECRETS.account_seed, *(key.key for key in SECRETS.keys), SMTP]
    assert not [value for value in values if value in text]


def test_registry_logins_go_where_the_pods_are_and_another_login_rolls_none():
    given = places.installation({"pullSecrets": ["registry", "mirror"]})
    before = place(given=given, registries='{"auths": {"registry.test": {"auth": "YTpi"}}}')
    after = place(given=given, registries='{"auths": {"registry.test": {"auth": "YTpj"}}}')
    assert secrets(before)[names.REGISTRY_SECRET] == {".dockerconfigjson": before.registries}
    made = by_name(tenant.foundation(before))["Secret", names.REGISTRY_SECRET]
    assert made["type"] == "kubernetes.io/dockerconfigjson"
    assert names.is_platform_secret(names.REGISTRY_SECRET)
    wanted = [{"name": names.REGISTRY_SECRET}]
    migration = tenant.migration(before)["spec"]["template"]["spec"]
    assert [pod(before, "agent")["imagePullSecrets"], migration["imagePullSecrets"]] == [wanted, wanted]
    assert tenant.workloads(before) == tenant.workloads(after)
    assert tenant.migration(before) == tenant.migration(after)
    assert names.REGISTRY_SECRET not in secrets(place())
    assert "imagePullSecrets" not in pod(place(), "agent")
