"""How many pods, of what, and whether they fit."""

from typing import Any

import pytest
from tests.operator.manifests import places
from tests.operator.manifests.places import by_name, place

from handrail_operator.installation import Installation, decode
from handrail_operator.manifests import tenant
from handrail_operator.manifests.place import Manifest, Place


def runtime(**roles: tuple[int, int]) -> dict[str, Any]:
    return {role: {"replicas": least, "maxReplicas": most} for role, (least, most) in roles.items()}


def sized(plan: str = "standard", *, suspend: bool = False, given: Installation | None = None, **roles: Any) -> Place:
    return place(places.spec(runtime=runtime(**roles), suspend=suspend, plan=plan), plan=plan, given=given)


def seen(of: Place) -> dict[str, str]:
    """Deployment -> its replicas, or the autoscaler's bounds."""
    found = by_name(tenant.workloads(of))
    scaled = {name: one["spec"] for (kind, name), one in found.items() if kind == "HorizontalPodAutoscaler"}
    fixed = {name: one["spec"].get("replicas") for (kind, name), one in found.items() if kind == "Deployment"}
    assert scaled.keys() == {name for name, number in fixed.items() if number is None}
    return {name: str(number) for name, number in fixed.items() if number is not None} | {
        name: f"{one['minReplicas']}..{one['maxReplicas']}" for name, one in scaled.items()
    }


def command(of: Place, component: str = "runtime") -> list[str]:
    made: Manifest = by_name(tenant.workloads(of))["Deployment", component]
    found: list[str] = made["spec"]["template"]["spec"]["containers"][0]["command"]
    return found


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        ({}, {"ingest": "1", "agent": "1", "realtime": "1"}),
        ({"agent": (2, 2), "realtime": (1, 3)}, {"ingest": "1", "agent": "2", "realtime": "1..3"}),
        ({"agent": (0, 1)}, {"ingest": "1", "agent": "0", "realtime": "1"}),
        ({"agent": (0, 5)}, {"ingest": "1", "agent": "0", "realtime": "1"}),
    ],
)
def test_a_deployment_for_each_role(roles, expected):
    assert seen(sized(**roles)) == expected
    assert tenant.over_plan(sized(**roles)) == ""


@pytest.mark.parametrize(
    ("roles", "expected", "running"),
    [
        ({}, "1", "ingest,agent,realtime"),
        ({"ingest": (2, 3), "agent": (1, 1)}, "2..3", "ingest,agent,realtime"),
        ({"agent": (0, 5)}, "1", "ingest,realtime"),
        ({"realtime": (0, 1), "agent": (2, 2)}, "2", "ingest,agent"),
        ({"ingest": (0, 1), "agent": (0, 1), "realtime": (0, 1)}, "0", "ingest,agent,realtime"),
    ],
)
def test_one_process_for_all_that_run(roles, expected, running):
    of = sized("small", **roles)
    assert seen(of) == {"runtime": expected}
    assert command(of) == ["python", "-m", "handrail_runtime", "run", "--roles", running]
    assert (("Service", "realtime") in by_name(tenant.workloads(of))) == ("realtime" in running)


@pytest.mark.parametrize("plan", ["small", "standard"])
def test_suspended_nothing_runs_and_nothing_scales_it_up_again(plan):
    asleep = seen(sized(plan, suspend=True, ingest=(2, 5), realtime=(1, 4)))
    assert set(asleep.values()) == {"0"}
    # What is not a number of pods stays, so that waking up finds it.
    kept = by_name(tenant.workloads(sized(plan, suspend=True)))
    assert kept.keys() == by_name(tenant.workloads(sized(plan))).keys()


def test_resuming_rolls_nothing():
    def templates(of: Place) -> list[Any]:
        return [one["spec"]["template"] for one in tenant.workloads(of) if one["kind"] == "Deployment"]

    assert templates(sized(suspend=True, ingest=(2, 5))) == templates(sized(ingest=(2, 5)))


def test_a_plan_bounds_what_the_spec_asks_for_and_says_so():
    of = sized(ingest=(1, 2), agent=(10, 50), realtime=(1, 50))
    # 12 pods: 8 at rest, one more of each during an update, one of a migration.
    assert seen(of) == {"ingest": "1..2", "agent": "3", "realtime": "1..3"}
    told = tenant.over_plan(of)
    assert "up to 102 pods" in told
    assert "plan standard has room for 8" in told


def of_plan(**fields: Any) -> Installation:
    plan = {"limits": {}, "eventsBytes": 1048576, "signalsBytes": 1048576, "databaseConnections": 4} | fields
    return decode(places.INSTALLATION | {"plans": {"standard": plan}})


@pytest.mark.parametrize("most", [0, 1, 6, 7, 8])
def test_the_smallest_plan_has_room_for_each_role_its_update_and_a_migration(most):
    of = sized(given=of_plan(maxPods=most))
    assert seen(of) == {"ingest": "1", "agent": "1", "realtime": "1"}
    hard = by_name(tenant.foundation(of))["ResourceQuota", "handrail"]["spec"]["hard"]
    assert hard["pods"] == str(max(7, most))


def test_a_plan_that_says_nothing_of_a_component_means_the_usual():
    given = of_plan(resources={"agent": {"cpu": "2", "memory": "1Gi"}}, maxPods=10)
    made = by_name(tenant.everything(sized(given=given)))
    containers = {
        name: one["spec"]["template"]["spec"]["containers"][0]["resources"]
        for (kind, name), one in made.items()
        if kind == "Deployment"
    }
    assert containers["agent"] == {"requests": {"cpu": "2", "memory": "1Gi"}, "limits": {"memory": "1Gi"}}
    assert containers["ingest"] == {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "256Mi"}}
    hard = made["ResourceQuota", "handrail"]["spec"]["hard"]
    assert (hard["requests.cpu"], hard["limits.memory"]) == ("20000m", "10240Mi")


@pytest.mark.parametrize(
    ("image", "version", "label"),
    [
        ("registry.test:5000/handrail/runtime:1.2.3", "1.2.3", "1.2.3"),
        ("registry.test:5000/handrail/runtime", "latest", "latest"),
        ("runtime:1.2.3@sha256:" + "ab" * 32, "1.2.3", "1.2.3"),
        (places.DIGEST, "sha256:" + "ab" * 32, "sha256-" + "ab" * 28),
        ("runtime:_x" + "y" * 100, "_x" + "y" * 100, "x" + "y" * 61),
    ],
)
def test_the_version_follows_from_the_image(image, version, label):
    of = place(given=places.installation({"image": image}))
    assert (of.version, of.version_label) == (version, label)


def test_the_version_may_be_said():
    assert place(given=places.installation({"version": "1.2.3+build.7"})).version_label == "1.2.3-build.7"
