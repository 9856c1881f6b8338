"""A tenant's life in a cluster whose pods really run: made, helped by, upgraded, suspended, rotated, ended."""

import asyncio
import json
import time
from collections.abc import Iterator

import httpx2
import pytest
from tests.chaos import histories
from tests.cluster.living_tenant import LivingTenant, living
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.operators import Operator
from tests.cluster.pods.images import RUNTIME_NEXT

from handrail_contracts import names

# Each wait has its own limit and says what it waited for; this one is beyond what they come to together.
pytestmark = [pytest.mark.cluster, pytest.mark.timeout(900)]
SERVES = 10
"""Seconds: longer than a Lease of QUICK lasts, and some rounds of batches."""
# A busy machine may stand still for some seconds; an operator that loses its lead ends, and nobody starts it again.
QUICK = {"first_retry": "1", "retry_period": "0.5", "renew_deadline": "7", "lease_duration": "8"}


@pytest.fixture
def operator(cluster: LocalCluster) -> Iterator[Operator]:
    with cluster.operator(**QUICK) as running:
        running.await_ready()
        yield running


async def test_from_apply_to_a_nudge_on_the_socket(cluster, operator):
    async with living(cluster) as tenant:
        async with tenant.traffic() as ledger:
            await tenant.moved_on(ledger, batches=2 * histories.BATCHES)
        await tenant.balanced(ledger)
        deployments = {one["metadata"]["name"] for one in await tenant.get("deployments")}
        assert deployments == set(names.ROLES)
        await tenant.until(lambda found: found["DataPath"] == ("True", "Flowing"))
        status = (await tenant.tenant())["status"]
        assert status["namespace"] == tenant.namespace
        assert status["revision"]


async def test_an_upgrade_under_traffic_loses_nothing(cluster, tmp_path):
    next_version = tmp_path / "installation.yaml"
    next_version.write_text(json.dumps({"runtime": {"image": RUNTIME_NEXT}}))
    upgraded_operator = QUICK | {"installation": str(next_version)}
    with cluster.operator(**QUICK) as first:
        first.await_ready()
        async with living(cluster, plan="small") as tenant:
            before = {one["metadata"]["uid"] for one in await tenant.pods()}
            async with tenant.traffic() as ledger:
                await tenant.moved_on(ledger)
                first.stop()
                with cluster.operator(**upgraded_operator) as second:
                    second.await_ready()

                    async def upgraded() -> bool:
                        pods = await tenant.pods()
                        return bool(pods) and before.isdisjoint(one["metadata"]["uid"] for one in pods)

                    await until(upgraded, "every pod is of the next version")
                    await tenant.ready()
                    await tenant.moved_on(ledger)
            with cluster.operator(**upgraded_operator) as third:
                third.await_ready()
                await tenant.balanced(ledger)
                assert (await tenant.tenant())["status"]["version"] == "test2"
                jobs = {one["spec"]["template"]["spec"]["containers"][0]["image"] for one in await tenant.get("jobs")}
                assert RUNTIME_NEXT in jobs, "tables first"
                await tenant.delete()
                await tenant.gone()


async def test_suspended_it_takes_events_and_resumed_it_works_them_off(cluster, operator):
    async with living(cluster, plan="small") as tenant:
        async with tenant.traffic() as ledger:
            await tenant.moved_on(ledger)
            await tenant.apply(suspend=True)
            await tenant.ready("Suspended")

            async def no_pods() -> bool:
                return all(one["status"]["phase"] == "Succeeded" for one in await tenant.get("pods") or [])

            await until(no_pods, "every pod has ended")
            taken = len(ledger.accepted)
            await tenant.moved_on(ledger)
            assert len(ledger.accepted) > taken, "202 while nobody runs"
            found = await tenant.conditions()
            assert found["Ingest"] == ("False", "Suspended")
            await tenant.apply()
            await tenant.ready()
            await tenant.moved_on(ledger)
        await tenant.balanced(ledger)


async def test_credentials_rotate_under_traffic(cluster, operator):
    async with living(cluster, plan="small") as tenant:
        assert [one["metadata"]["name"] for one in await tenant.get("deployments")] == [names.ALL_ROLES]
        before = await tenant.keyring()
        async with tenant.traffic() as ledger:
            await tenant.moved_on(ledger)
            asked = ("annotate", "otn", tenant.name, f"{names.ANNOTATION_ROTATE}=now")
            await asyncio.to_thread(cluster.kubectl, *asked)

            async def rotated() -> bool:
                found = await tenant.keyring()
                return found.generation == before.generation + 1 and not found.previous

            await until(rotated, "new credentials count, and those before no longer")
            await tenant.moved_on(ledger)
        await tenant.balanced(ledger)
        assert (await tenant.keyring()).keys == before.keys, "API keys are the customer's"


async def test_retained_data_and_keys_are_found_again(cluster, operator):
    tenant = LivingTenant(cluster, plan="small")
    await tenant.apply(deletionPolicy="Retain")
    await tenant.ready()
    key = await tenant.key()
    async with tenant.traffic() as ledger:
        await tenant.moved_on(ledger, batches=histories.BATCHES)
    await tenant.delete()
    await tenant.gone()
    assert (await tenant.keyring()).newest("publishable")
    async with httpx2.AsyncClient(base_url=cluster.gateway_url, trust_env=False) as http:

        async def unknown() -> bool:
            return (await http.get("/sdk/v1/config", params={"key": key})).status_code == 401

        await until(unknown, "the gateway has forgotten the key")
    await tenant.apply(deletionPolicy="Retain")
    await tenant.ready()
    assert await tenant.key() == key
    await tenant.balanced(ledger)
    # And now for good.
    await tenant.apply(deletionPolicy="Delete")
    await tenant.delete()
    await tenant.gone()
    assert cluster.get("secret", names.keyring_secret(tenant.name), "-n", "handrail") is None


async def test_without_an_operator_tenants_serve(cluster):
    with cluster.operator(**QUICK) as operator:
        operator.await_ready()
        tenant = LivingTenant(cluster, plan="small")
        await tenant.apply()
        await tenant.ready()
    began = time.monotonic()
    async with tenant.traffic() as ledger:
        while time.monotonic() - began < SERVES:
            await tenant.moved_on(ledger, batches=1)
    await tenant.balanced(ledger)
    await tenant.delete()
    with cluster.operator(**QUICK) as operator:
        operator.await_ready()
        await tenant.gone()


async def until(holds, what: str, seconds: float = 90.0) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        await asyncio.sleep(0.2)
