"""When something goes wrong, and how a call is read; without any server."""

import random

from tests.cluster.api_calls import Call, read
from tests.cluster.api_faults import ALL, OF_WATCHES, ON_WRITES, Chance, Fault, Plan, Rule

CALLS = [
    *(Call(verb, "deployments", "a", f"d{n}", "") for verb in ("get", "apply", "delete") for n in range(200)),
    *(Call("watch", "secrets", "", "", "") for _ in range(300)),
]


def test_a_call_is_read_from_its_http():
    apply = {"Content-Type": "application/apply-patch+yaml"}
    merge = {"Content-Type": "application/merge-patch+json"}
    group = "/apis/handrail.dev/v1alpha1/onboardingtenants"
    for method, path, query, headers, expected in (
        ("GET", "/api/v1/pods", "watch=true", {}, ("watch", "pods", "", "")),
        ("GET", "/api/v1/pods", "limit=500&watch=0", {}, ("list", "pods", "", "")),
        ("GET", "/api/v1/namespaces", "", {}, ("list", "namespaces", "", "")),
        ("GET", "/api/v1/namespaces/a", "", {}, ("get", "namespaces", "", "a")),
        ("PUT", "/api/v1/namespaces/a/finalize", "", {}, ("update", "namespaces/finalize", "", "a")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/d", "", apply, ("apply", "deployments", "a", "d")),
        ("PATCH", f"{group}/acme/status", "", merge, ("patch", "onboardingtenants/status", "", "acme")),
        ("POST", "/api/v1/namespaces/a/secrets", "", {}, ("create", "secrets", "a", "")),
        ("DELETE", "/api/v1/namespaces/a/secrets/s", "", {}, ("delete", "secrets", "a", "s")),
        ("DELETE", "/api/v1/namespaces/a/secrets", "", {}, ("deletecollection", "secrets", "a", "")),
        ("GET", "/readyz", "", {}, ("raw", "/readyz", "", "")),
        ("GET", "/apis/apps/v1", "", {}, ("raw", "/apis/apps/v1", "", "")),
    ):
        call = read(method, path, query, headers, b"")
        assert (call.verb, call.kind, call.namespace, call.name) == expected
    assert read("POST", "/api/v1/pods", "", {}, b"x").digest != read("POST", "/api/v1/pods", "", {}, b"y").digest


def test_chance_is_the_same_for_the_same_seed_in_any_order():
    def drawn(order: list[Call], seed: int) -> dict[str, list[Fault | None]]:
        chance = Chance(0.2, seed)
        found: dict[str, list[Fault | None]] = {}
        for call in order:
            found.setdefault(call.place, []).append(chance.draw(call))
        return found

    shuffled = random.Random(1).sample(CALLS, len(CALLS))
    assert drawn(CALLS, 5) == drawn(shuffled, 5)
    assert drawn(CALLS, 5) != drawn(CALLS, 6)


def test_chance_meets_its_share_and_every_fault_that_fits():
    chance = Chance(0.2, 3)
    fates = [(call, chance.draw(call)) for call in CALLS]
    met = [(call, fault) for call, fault in fates if fault]
    assert 0.15 < len(met) / len(fates) < 0.25
    assert {fault for _, fault in met} == set(ALL)
    assert not [call for call, fault in met if fault in OF_WATCHES and call.verb != "watch"]
    assert not [call for call, fault in met if fault in ON_WRITES and not call.writes]


def test_a_rule_skips_then_meets_then_is_done():
    plan = Plan([Rule(Fault.ERROR, lambda call: call.verb == "get", skip=1, times=2)])
    get, other = Call("get", "pods", "a", "p", ""), Call("list", "pods", "a", "", "")
    assert [plan.draw(call) for call in (get, other, get, get, get)] == [None, None, Fault.ERROR, Fault.ERROR, None]
