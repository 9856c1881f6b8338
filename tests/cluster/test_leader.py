"""One operator leads, whatever happens to it: real processes, the Lease, and the API server's own book of writes."""

import asyncio
import secrets
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cluster import proxy as proxies
from tests.cluster.api_faults import Fault, Rule
from tests.cluster.audit import Audit, Write, changes
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.lone_operators import lone_workshop
from tests.cluster.operators import PLATFORM, Workshop
from tests.contracts.test_tenant_spec import LEAST

from handrail_contracts import names
from handrail_operator.kube.client import Cluster
from handrail_operator.watching.leader import Election, Lead, Terms

pytestmark = pytest.mark.cluster

WITHIN = 60.0
"""Seconds that anything may take that is not about time."""
SHORT = {"lease_duration": "4", "renew_deadline": "2.5", "retry_period": "0.5"}


def until(holds: Callable[[], bool], within: float = WITHIN) -> float:
    """Seconds it took."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() < started + within, "it did not happen"
        time.sleep(0.05)
    return time.monotonic() - started


@pytest.fixture
def workshop(plane: ControlPlane, tmp_path: Path) -> Workshop:
    return lone_workshop(plane, tmp_path)


@pytest.fixture
def tenants(plane: ControlPlane) -> Iterator[Callable[[int], list[str]]]:
    """Makes so many of them; they are gone after the test."""
    made: list[str] = []

    def make(count: int) -> list[str]:
        new = [f"lead-{secrets.token_hex(3)}" for _ in range(count)]
        made.extend(new)
        items = [
            {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": LEAST}
            for name in new
        ]
        manifest = {"apiVersion": "v1", "kind": "List", "items": items}
        kubectl(plane, "create", "-f", "-", text=msgspec.json.encode(manifest).decode())
        return new

    yield make
    for name in made:
        for kind, thing in (("otn", name), ("namespace", f"handrail-{name}")):
            free = '{"metadata":{"finalizers":null}}'
            if kind == "otn":
                kubectl(plane, "patch", kind, thing, "--type=merge", "-p", free)
            kubectl(plane, "delete", kind, thing, "--wait=false", "--ignore-not-found")


def lease(plane: ControlPlane, name: str) -> dict[str, Any]:
    found = kubectl(plane, "get", "lease", name, "-n", PLATFORM, "-o", "json", "--ignore-not-found")
    spec: dict[str, Any] = msgspec.json.decode(found)["spec"] if found else {}
    return spec


def leads(plane: ControlPlane, name: str, who: str) -> bool:
    return str(lease(plane, name).get("holderIdentity", "")).startswith(f"{who}_")


def by(who: str) -> Callable[[Write], bool]:
    return lambda write: f"({who}" in write.agent


def written(plane: ControlPlane, who: str, since: datetime | None = None) -> list[Write]:
    """What one operator changed but the Lease, in order."""
    return changes(Audit(plane.folder).writes(since=since, by=by(who)))


def claimed(plane: ControlPlane, name: str) -> bool:
    return names.FINALIZER in kubectl(plane, "get", "otn", name, "-o", "jsonpath={.metadata.finalizers}")


@pytest.mark.slow
def test_a_killed_leader_is_followed_within_twenty_seconds_and_without_overlap(plane, workshop, tenants):
    name, one, two = f"lease-{secrets.token_hex(3)}", f"one-{secrets.token_hex(3)}", f"two-{secrets.token_hex(3)}"
    with workshop.operator(plane.kubeconfig(), identity=one, lease=name) as first:
        first.await_ready()
        until(lambda: leads(plane, name, one))
        with workshop.operator(plane.kubeconfig(), identity=two, lease=name) as second:
            second.await_ready()
            (before,) = tenants(1)
            until(lambda: claimed(plane, before))
            first.kill()
            started = time.monotonic()
            (after,) = tenants(1)
            until(lambda: claimed(plane, after))
            took = time.monotonic() - started
            held = lease(plane, name)
    assert took < 20
    assert held["leaseTransitions"] == 1
    assert held["leaseDurationSeconds"] == 15
    assert written(plane, one)[-1].at < written(plane, two)[0].at


@pytest.mark.slow
def test_a_leader_that_stood_still_writes_nothing_when_it_goes_on(plane, workshop, tenants):
    name, one, two = f"lease-{secrets.token_hex(3)}", f"one-{secrets.token_hex(3)}", f"two-{secrets.token_hex(3)}"
    # So slow that it always has calls that wait to be sent.
    slow = {**SHORT, "lease": name, "identity": one, "requests_per_second": "5", "requests_burst": "1"}
    slow["log_format"] = "console"
    with workshop.operator(plane.kubeconfig(), **slow) as first:
        first.await_ready()
        until(lambda: leads(plane, name, one))
        with workshop.operator(plane.kubeconfig(), **SHORT, lease=name, identity=two) as second:
            second.await_ready()
            tenants(12)
            until(lambda: len(written(plane, one)) >= 3)
            first.process.send_signal(signal.SIGSTOP)
            until(lambda: leads(plane, name, two))
            until(lambda: written(plane, two) != [])
            first.process.send_signal(signal.SIGCONT)
            assert first.process.wait(WITHIN) == 1
            last = first.said().splitlines()[-1]
            assert "Z [error    ] operator ends: the lead is lost" in last
            assert "not renewed within 2.5 s" in last or f"{two}_" in last
    assert written(plane, one)[-1].at < written(plane, two)[0].at


@pytest.mark.slow
def test_a_leader_that_is_stopped_in_good_order_hands_over_at_once(plane, workshop):
    name, one, two = f"lease-{secrets.token_hex(3)}", f"one-{secrets.token_hex(3)}", f"two-{secrets.token_hex(3)}"
    with workshop.operator(plane.kubeconfig(), identity=one, lease=name) as first:
        first.await_ready()
        until(lambda: leads(plane, name, one))
        with workshop.operator(plane.kubeconfig(), identity=two, lease=name) as second:
            second.await_ready()
            assert first.stop() == 0
            # The Lease is good for fifteen seconds; a look at it is due every two.
            assert until(lambda: leads(plane, name, two)) < 10
            assert second.stop() == 0
    assert lease(plane, name)["holderIdentity"] == ""


class Lost(list[float]):
    """When the lead was called lost."""

    why = ""

    def __call__(self, why: str) -> None:
        self.why = why
        self.append(time.monotonic())


@asynccontextmanager
async def election(kubeconfig: Path, lost: Lost, name: str) -> AsyncIterator[tuple[Election, Lead]]:
    lead = Lead(2.0, lost)
    async with Cluster.connect(kubeconfig=kubeconfig, tries=1, timeout=30) as cluster:
        made = Election(cluster, Terms("default", name, "me", duration=3.0, deadline=2.0, retry=0.3), lead)
        try:
            yield made, lead
        finally:
            lead.given_up()


async def soon(holds: Callable[[], bool]) -> None:
    """`holds` may take its time: what is watched goes on meanwhile."""
    deadline = time.monotonic() + WITHIN
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.02)


async def test_a_renewal_that_hangs_ends_the_lead_before_it_may_be_another_s(plane, tmp_path):
    name, lost = f"lease-{secrets.token_hex(3)}", Lost()
    with proxies.running(plane, tmp_path) as proxy:
        async with election(proxy.kubeconfig(), lost, name) as (one, lead):
            await one.win()
            proxy.rule(Rule(Fault.HANG_BEFORE, lambda call: call.kind == "leases", times=None))
            hangs_since = time.monotonic()
            keeping = asyncio.create_task(one.keep())
            await soon(lambda: bool(lost))
            keeping.cancel()
            await asyncio.wait({keeping})
            assert lost[0] - hangs_since < 3.0, "the others count from the last renewal"
            assert lost.why == "it was not renewed within 2 s"
            assert not lead.held


async def test_a_lease_that_somebody_else_took_ends_the_lead(plane):
    name, lost = f"lease-{secrets.token_hex(3)}", Lost()
    async with election(plane.kubeconfig(), lost, name) as (one, lead):
        await one.win()
        assert lead.held
        other = '{"spec":{"holderIdentity":"other"}}'
        await asyncio.to_thread(kubectl, plane, "patch", "lease", name, "-n", "default", "--type=merge", "-p", other)
        keeping = asyncio.create_task(one.keep())
        await soon(lambda: bool(lost))
        keeping.cancel()
        await asyncio.wait({keeping})
        assert lost.why == "other holds the Lease now"
        assert not lead.held


async def test_errors_in_between_are_borne(plane, tmp_path):
    name, lost = f"lease-{secrets.token_hex(3)}", Lost()
    with proxies.running(plane, tmp_path) as proxy:
        for fault in (Fault.ERROR, Fault.RESET_AFTER, Fault.CONFLICT):
            proxy.rule(Rule(fault, lambda call: call.kind == "leases" and call.writes, skip=1))
        async with election(proxy.kubeconfig(), lost, name) as (one, lead):
            await one.win()
            keeping = asyncio.create_task(one.keep())
            first = await asyncio.to_thread(lease_in_default, plane, name)
            await soon(lambda: lease_in_default(plane, name)["renewTime"] > first["renewTime"])
            keeping.cancel()
            await asyncio.wait({keeping})
            assert lead.held
            assert not lost


async def test_clocks_of_others_do_not_count(plane):
    """A Lease whose times lie far in the past or in the future is held as long as it is seen to be renewed."""
    name, lost = f"lease-{secrets.token_hex(3)}", Lost()
    spec = {"holderIdentity": "other", "leaseDurationSeconds": 2, "renewTime": "2001-01-01T00:00:00.000000Z"}
    place = {"name": name, "namespace": "default"}
    held = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": place, "spec": spec}
    await asyncio.to_thread(kubectl, plane, "create", "-f", "-", text=msgspec.json.encode(held).decode())
    async with election(plane.kubeconfig(), lost, name) as (one, _):
        started = time.monotonic()
        await one.win()
        assert time.monotonic() - started >= 2.0


def lease_in_default(plane: ControlPlane, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = msgspec.json.decode(kubectl(plane, "get", "lease", name, "-n", "default", "-o", "json"))[
        "spec"
    ]
    return spec
