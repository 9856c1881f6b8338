"""Another plan may mean other Deployments. Those before serve until the new ones do."""

import asyncio
import time

import pytest
from tests.chaos import histories
from tests.cluster.kube_api import condition, eventually
from tests.cluster.living_tenant import living
from tests.cluster.stage import PATIENT, Stage

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.kinds import Kind

pytestmark = [pytest.mark.cluster, pytest.mark.timeout(600)]
SLICE = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices")
SHAPES = {"small": {names.ALL_ROLES}, "standard": set(names.ROLES)}


def serving(stage: Stage, space: str) -> set[str]:
    """Deployments with a pod that is available."""
    found = stage.api.list(kinds.DEPLOYMENT, space)
    return {one["metadata"]["name"] for one in found if one.get("status", {}).get("availableReplicas")}


def doors(stage: Stage, space: str) -> list[str]:
    """Addresses that the gateway finds."""
    slices = stage.api.list(SLICE, space, f"kubernetes.io/service-name={names.REALTIME_SERVICE}")
    ready = [end for one in slices for end in one.get("endpoints") or [] if end["conditions"].get("ready")]
    return [address for end in ready for address in end["addresses"]]


def room(stage: Stage, space: str) -> str:
    """Pods that the quota allows."""
    (quota,) = stage.api.list(kinds.QUOTA, space)
    return str(quota["spec"]["hard"]["pods"])


def test_the_pods_before_serve_until_the_new_ones_do(stage: Stage):
    name = stage.tenant(plan="small")
    space = names.namespace(name)
    with stage.operator(None, resync="3600"):
        stage.await_settled(name)
        for plan, shape in (("standard", SHAPES["standard"]), ("small", SHAPES["small"])):
            stage.api.merge(kinds.TENANT, None, name, {"spec": {"plan": plan}})
            deadline = time.monotonic() + PATIENT
            while {one["metadata"]["name"] for one in stage.api.list(kinds.DEPLOYMENT, space)} != shape:
                assert time.monotonic() < deadline, stage.get(name)
                served = serving(stage, space)
                assert any(served >= one for one in SHAPES.values()), f"on the way to {plan} only {served} serve"
                assert doors(stage, space), f"on the way to {plan} nobody finds realtime"
                ready = condition(stage.get(name), "Ready")
                assert ready["status"] == "True", ready
            assert doors(stage, space)
            stage.await_settled(name)
            component = names.ALL_ROLES if plan == "small" else "realtime"
            service = stage.api.get(kinds.SERVICE, space, names.REALTIME_SERVICE) or {}
            assert service["spec"]["selector"][names.LABEL_COMPONENT] == component
        eventually(lambda: room(stage, space) == "12", "room for both only as long as both stand")


async def test_a_change_of_plan_under_traffic_loses_nothing(cluster):
    with cluster.operator() as operator:
        operator.await_ready()
        async with living(cluster, plan="small") as tenant:
            async with tenant.traffic() as ledger:
                await tenant.moved_on(ledger)
                await tenant.apply(plan="standard")
                deadline = time.monotonic() + PATIENT
                while {one["metadata"]["name"] for one in await tenant.get("deployments")} != SHAPES["standard"]:
                    assert time.monotonic() < deadline, await tenant.tenant()
                    assert (await tenant.conditions())["Ready"] == ("True", "Running")
                    await asyncio.sleep(0.1)
                await tenant.ready()
                await tenant.moved_on(ledger, batches=histories.BATCHES)
            await tenant.balanced(ledger)
