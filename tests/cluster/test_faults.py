"""The API server fails at random, and every tenant comes to the same end as without."""

import pytest
from tests.cluster import kube_api
from tests.cluster.api_faults import ALL, HANGS, OF_WATCHES, Fault
from tests.cluster.end_state import differences
from tests.cluster.stage import Stage

from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster

QUICK = tuple(fault for fault in ALL if fault not in (*HANGS, Fault.WATCH_STALLED))
"""Those whose end is known at once: the others are waited for by half a minute and more."""


def without_faults(stage: Stage, **spec: object) -> object:
    """The end state of a tenant that nothing happened to."""
    name = stage.tenant(**spec)
    with stage.operator():
        stage.await_settled(name)
        return stage.looker.of(name)


def suspended_without_faults(stage: Stage) -> object:
    """As before, suspended after it ran."""
    name = stage.tenant()
    with stage.operator():
        stage.await_settled(name)
        stage.api.apply(kube_api.tenant(name, suspend=True))
        stage.await_settled(name)
        return stage.looker.of(name)


@pytest.mark.parametrize(("rate", "seed"), [(0.2, 1)])
def test_every_tenant_comes_to_its_end(stage: Stage, rate: float, seed: int):
    expected = without_faults(stage)
    tenants = [stage.tenant() for _ in range(4)]
    with stage.proxy() as proxy:
        proxy.at_random(rate, seed, *QUICK)
        with stage.deployment(proxy, resync="5"):
            stage.await_settled(*tenants, within=150)
            met = {entry.fault for entry in proxy.faults()}
            proxy.flawless()
            stage.await_settled(*tenants)
        assert len(met) >= 6, met
    for name in tenants:
        assert differences(stage.looker.of(name), expected) == []


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(5))
def test_with_hangs_and_stalled_watches(stage: Stage, seed: int):
    """Creation, a change and the end, all behind the proxy. Renewals of the Lease hang too, and an operator that cannot
    renew it ends."""
    suspended = suspended_without_faults(stage)
    kept = [stage.tenant() for _ in range(5)]
    with stage.proxy() as proxy:
        proxy.at_random(0.1, seed, *ALL)
        with stage.deployment(proxy, resync="20", canary_every="10"):
            stage.await_settled(*kept, within=600)
            for name in kept:
                stage.api.apply(kube_api.tenant(name, suspend=True))
            stage.await_settled(*kept, within=600)
            assert {entry.fault for entry in proxy.faults()} & {*HANGS, *OF_WATCHES}
            proxy.flawless()
        with stage.operator():
            stage.await_settled(*kept)
        for name in kept:
            assert differences(stage.looker.of(name), suspended) == []
        proxy.at_random(0.1, seed + 100, *ALL)
        with stage.deployment(proxy, resync="20", canary_every="10"):
            for name in kept:
                stage.api.delete(kinds.TENANT, None, name)
            stage.await_gone(*kept, within=600)
