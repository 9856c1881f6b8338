"""Tenants that are as they should be cost nothing: no write but the Lease's, however often they are looked at."""

import time
from collections import Counter
from datetime import UTC, datetime

import pytest
from tests.cluster.audit import Write, changes, table
from tests.cluster.kube_api import condition, eventually
from tests.cluster.operators import Operator
from tests.cluster.stage import Stage

pytestmark = pytest.mark.cluster

LOOKS = "handrail_operator_reconcile_seconds_count"
CALLS = "handrail_operator_api_calls_total"


def looks(operator: Operator) -> float:
    """So far."""
    lines = operator.metrics().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{LOOKS} "))


def reads(operator: Operator, verb: str) -> float:
    """Calls that told what is in Secrets, so far."""
    lines = operator.metrics().splitlines()
    named = [line for line in lines if line.startswith(CALLS) and 'kind="secrets"' in line and f'verb="{verb}"' in line]
    return sum(float(line.split()[1]) for line in named)


def flows(stage: Stage, name: str) -> bool:
    return bool(condition(stage.get(name), "DataPath").get("status") == "True")


def told(writes: list[Write]) -> Counter[tuple[str, str, str]]:
    """What stands in a failed test's report."""
    return table(writes)


def test_nothing_is_written_over_resyncs_and_a_restart(stage: Stage):
    tenants = [stage.tenant() for _ in range(3)]
    with stage.taking():
        with stage.operator(None, resync="1") as first:
            stage.await_probed(*tenants)
            for name in tenants:
                eventually(lambda name=name: flows(stage, name), f"the data path of {name} is whole")  # type: ignore[misc]
            eventually(lambda: not changes(stage.audit.writes(since=_seconds_ago(2))), "the last word is written")
            since, begun, listed, read = datetime.now(UTC), looks(first), reads(first, "list"), reads(first, "get")
            eventually(lambda: looks(first) >= begun + 4 * len(tenants), "four resyncs")
            assert reads(first, "get") >= read + 4 * len(tenants), "each look reads the keyring, so calls are counted"
            # Secrets to which nothing happened are not read again.
            assert reads(first, "list") == listed
            first.stop()
        with stage.operator(None, resync="1") as second:
            second.await_ready()
            eventually(lambda: looks(second) >= 4 * len(tenants), "all of them were looked at again")
            writes = stage.audit.writes(since=since)
    assert told(changes(writes)) == {}
    assert {write.kind for write in writes} == {"leases"}, "the audit log tells of the Lease, so it tells all"


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_hundred_tenants_are_quiet_for_five_minutes(stage: Stage):
    """With real settings."""
    tenants = [stage.tenant() for _ in range(100)]
    real = {"first_retry": "5", "longest_retry": "600", "requests_per_second": "100", "requests_burst": "200"}
    with stage.taking():
        with stage.operator(None, **real) as first:
            stage.await_probed(*tenants, within=1200)
            for name in tenants:
                eventually(lambda name=name: flows(stage, name), f"the data path of {name} is whole")  # type: ignore[misc]
            eventually(lambda: not changes(stage.audit.writes(since=_seconds_ago(5))), "the last word is written")
            since = datetime.now(UTC)
            time.sleep(300)
            assert looks(first) >= len(tenants)
            first.stop()
        with stage.operator(None, **real) as second:
            second.await_ready()
            eventually(lambda: looks(second) >= len(tenants), "all of them were looked at again", 300)
            time.sleep(10)
            writes = stage.audit.writes(since=since)
    assert told(changes(writes)) == {}
    assert {write.kind for write in writes} == {"leases"}


def _seconds_ago(seconds: float) -> datetime:
    return datetime.fromtimestamp(time.time() - seconds, UTC)
