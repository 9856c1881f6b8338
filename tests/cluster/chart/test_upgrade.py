"""From the release before to this tree and back, with a tenant and its users: nothing lost, open pages go on."""

import asyncio
import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.cluster.chart.books import balanced, moved_on, traffic
from tests.cluster.chart.installation import NAMESPACE, PATIENCE, TAG, Site
from tests.cluster.chart.release import ROOT, NoHistory, Release, last_release
from tests.cluster.chart.release import TAG as BEFORE
from tests.cluster.pod_manifests import until
from tests.cluster.pods.forward import forwarded

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
CHUNKS = ("onboarding-agent-sdk.js", "delivery.mjs", "live.mjs", "ui.mjs", "health.mjs")


@pytest.fixture
def before(empty: Site, tmp_path: Path) -> Release:
    try:
        found = last_release(tmp_path / "before")
    except NoHistory as error:
        pytest.skip(str(error))
    empty.pods.images |= found.images()
    return found


async def test_from_the_release_before_and_back_under_traffic(empty: Site, before: Release):
    await asyncio.to_thread(replace(empty, chart=before.chart).install, images={"tag": BEFORE})
    empty.kubectl("apply", "-f", str(before.folder / "examples" / "tenants" / "acme.yaml"))
    await runs(empty, BEFORE)
    spec, key = empty.get("otn", "acme")["spec"], secret(empty, "publishable")
    async with forwarded(empty.reader, NAMESPACE, "handrail-gateway", 8080) as gateway:
        page = await chunks(gateway, before.version)
        assert not await serves_this_tree(gateway)
        async with traffic(gateway, key) as ledger:
            await moved_on(ledger, PATIENCE)
            await asyncio.to_thread(empty.upgrade)
            await runs(empty, TAG)
            await moved_on(ledger, PATIENCE)
            assert await serves_this_tree(gateway)
            assert await chunks(gateway, before.version) == page, "a page from before the upgrade"
            assert without_defaults(empty.get("otn", "acme")["spec"], spec) == spec
            await asyncio.to_thread(empty.rollback, "1")
            await runs(empty, BEFORE)
            await moved_on(ledger, PATIENCE)
            assert not await serves_this_tree(gateway)
            assert await chunks(gateway, before.version) == page
        await balanced(gateway, secret(empty, "secret"), ledger, PATIENCE)
    assert empty.get("otn", "acme")["spec"] == spec
    assert secret(empty, "publishable") == key


async def runs(site: Site, tag: str) -> None:
    """All of the tenant's pods are of that version, and it is ready."""

    def settled() -> bool:
        status = site.get("otn", "acme").get("status", {})
        said = {one["type"]: one["status"] for one in status.get("conditions", [])}
        return (status.get("version"), said.get("Ready"), said.get("Progressing")) == (tag, "True", "False")

    await asyncio.to_thread(until, settled, f"{tag} runs", PATIENCE)


def secret(site: Site, kind: str) -> str:
    found = site.get("secret", "handrail-keys", "-n", "handrail-acme")
    return base64.b64decode(found["data"][kind]).decode()


async def chunks(gateway: str, version: str) -> dict[str, bytes]:
    """What a page of that version loads, first and later."""
    async with httpx2.AsyncClient(base_url=gateway, trust_env=False) as http:
        answers = {name: await http.get(f"/sdk/{version}/{name}") for name in CHUNKS}
    assert {name: answer.status_code for name, answer in answers.items()} == dict.fromkeys(CHUNKS, 200)
    return {name: answer.content for name, answer in answers.items()}


async def serves_this_tree(gateway: str) -> bool:
    """Whether gateways are of this tree: its own build of the snippet is no release."""
    version = json.loads((ROOT / "sdk-js" / "package.json").read_bytes())["version"]
    async with httpx2.AsyncClient(base_url=gateway, trust_env=False) as http:
        return (await http.get(f"/sdk/{version}/ui.mjs")).status_code == 200


def without_defaults(found: Any, given: Any) -> Any:
    """What a newer definition adds by its defaults is left out."""
    if not isinstance(found, dict) or not isinstance(given, dict):
        return found
    return {name: without_defaults(found[name], value) for name, value in given.items() if name in found}
