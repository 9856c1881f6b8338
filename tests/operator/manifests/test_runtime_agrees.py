"""The runtime takes what its pods are given: environment, files, command line, probes, time to end."""

import base64
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from tests.operator.manifests import places
from tests.operator.manifests.places import by_name, place
from tests.operator.manifests.test_secrets import ALL, REFERS, SMTP

from handrail_contracts import names
from handrail_contracts.secret_refs import runtime_references
from handrail_operator.manifests import tenant
from handrail_operator.manifests.place import Manifest, Place
from handrail_runtime import running
from handrail_runtime.http import create_app
from handrail_runtime.settings import MissingSecret, Settings

NETWORK = {"outboundAllowed": ["10.20.0.0/16", "[fd12::5]:8000", "llm.corp.test"]}
TENANTS_OWN = {
    name: {key: f"{name}/{key}" for key in ("api-key", "url", "signing")} for name in ("acme-llm", "acme-hooks")
}


def of_plan(plan: str) -> Place:
    given = places.installation(network=NETWORK)
    return place(places.spec(**REFERS), plan=plan, usable=ALL, smtp_url=SMTP, given=given)


def pods(of: Place) -> dict[str, Any]:
    """Component -> the pod's spec."""
    found = [one["spec"]["template"] for one in tenant.everything(of) if one["kind"] in ("Deployment", "Job")]
    return {one["metadata"]["labels"][names.LABEL_COMPONENT]: one["spec"] for one in found}


def started(of: Place, component: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """As a kubelet would: files projected, variables resolved."""
    held = {name: _texts(one) for (kind, name), one in by_name(tenant.foundation(of)).items() if kind == "Secret"}
    pod = pods(of)[component]
    for source in next(one for one in pod["volumes"] if one["name"] == "secrets")["projected"]["sources"]:
        secret = source["secret"]
        for item in secret["items"]:
            path = folder / item["path"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text((held | TENANTS_OWN)[secret["name"]][item["key"]])
    seen = {"POD_IP": "127.0.0.1"}
    for one in pod["containers"][0]["env"]:
        reference = one.get("valueFrom", {}).get("secretKeyRef")
        value = held[reference["name"]][reference["key"]] if reference else one.get("value")
        if value is not None:
            seen[one["name"]] = value.replace("$(POD_IP)", seen["POD_IP"])
    for name, value in (seen | {"HANDRAIL_SECRETS": str(folder)}).items():
        monkeypatch.setenv(name, value)
    return Settings()


def _texts(manifest: Manifest) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


@pytest.mark.parametrize(
    ("plan", "component"),
    [("standard", "ingest"), ("standard", "agent"), ("standard", "realtime"), ("small", "runtime")],
)
def test_a_role_finds_what_it_reads(plan, component, tmp_path, monkeypatch):
    of = of_plan(plan)
    settings = started(of, component, tmp_path, monkeypatch)
    assert (settings.tenant, settings.host, settings.port) == ("acme", "127.0.0.1", names.RUNTIME_PORT)
    assert (settings.redis_prefix, settings.nats_url) == (of.provisioned.redis_prefix, of.nats_url)
    assert settings.log_format == "json"
    command = pods(of)[component]["containers"][0]["command"]
    assert command[:5] == ["python", "-m", "handrail_runtime", "run", "--roles"]
    roles = command[5].split(",")
    assert set(roles) <= running.ROLES.keys()
    files = [names.DATABASE_URL_FILE, names.REDIS_URL_FILE, *map(names.creds_file, roles)]
    for file in files + ([names.PRINCIPAL_KEYS_FILE] if "realtime" in roles else []):
        assert settings.secret(file) == of.provisioned.runtime_files[file].strip()
    agent = "agent" in roles
    assert settings.smtp_url == (SMTP if agent else "")
    assert settings.outbound_allowed == ("10.20.0.0/16,[fd12::5]:8000,llm.corp.test" if agent else "")
    for reference in runtime_references(of.spec):
        if agent:
            assert settings.secret_ref(reference) == f"{reference.name}/{reference.key}"
        else:
            with pytest.raises(MissingSecret):
                settings.secret_ref(reference)


def test_the_migration_finds_what_it_reads(tmp_path, monkeypatch):
    of = of_plan("standard")
    settings = started(of, names.MIGRATE, tmp_path, monkeypatch)
    assert settings.secret(names.OWNER_DATABASE_URL_FILE) == of.provisioned.owner_files[names.OWNER_DATABASE_URL_FILE]


def test_the_probes_are_answered_and_life_does_not_hang_on_servers():
    class Without:
        """A role whose servers are away."""

        optional = frozenset[str]()

        def ready(self) -> dict[str, bool]:
            return {"database": False}

        def router(self) -> None:
            return None

        async def run(self) -> None: ...

    (container,) = pods(of_plan("small"))["runtime"]["containers"]
    with TestClient(create_app([Without()])) as client:
        answers = {
            name: client.get(container[name]["httpGet"]["path"]).status_code
            for name in ("startupProbe", "livenessProbe", "readinessProbe")
        }
    assert answers == {"startupProbe": 200, "livenessProbe": 200, "readinessProbe": 503}


@pytest.mark.parametrize("plan", ["small", "standard"])
def test_a_pod_has_time_to_end_by_itself(plan):
    for component, pod in pods(of_plan(plan)).items():
        if component != names.MIGRATE:
            lifecycle = pod["containers"][0].get("lifecycle", {"preStop": {"sleep": {"seconds": 0}}})
            drained = lifecycle["preStop"]["sleep"]["seconds"]
            assert drained + running.END_WITHIN < pod["terminationGracePeriodSeconds"]
            assert (drained > 0) == (component in ("realtime", "runtime"))
