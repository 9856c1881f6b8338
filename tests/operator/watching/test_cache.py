"""What the watches told is kept whole where it counts, and only the newest of it."""

import copy
import json
import tracemalloc

from tests.operator.watching.objects import child, tenant

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.watching.cache import Children, Tenants


def test_a_tenant_comes_back_as_it_was_told():
    told = tenant(managedFields=[{"manager": "kubectl", "fieldsV1": {"f:spec": {}}}])
    tenants = Tenants()
    assert tenants.put(told)
    assert tenants.get("acme") == told
    assert "acme" in tenants
    assert tenants.names() == ["acme"]
    assert tenants.get("globex") is None


def test_whoever_asks_may_do_with_it_what_he_likes():
    tenants = Tenants()
    tenants.put(tenant())
    (tenants.get("acme") or {})["spec"]["plan"] = "other"
    assert tenants.get("acme") == tenant()


def word(*managers: str) -> list[dict[str, str]]:
    """Who wrote the status."""
    return [{"manager": manager, "subresource": "status"} for manager in managers]


def test_our_own_word_on_the_status_is_kept_and_wakes_nobody():
    tenants = Tenants()
    tenants.put(tenant())
    status = {"conditions": [{"type": "Ready", "status": "True"}]}
    told = tenant(version=2, managedFields=word(names.FIELD_MANAGER)) | {"status": status}
    assert not tenants.put(told)
    assert tenants.get("acme") == told
    assert tenants.readiness() == {"True": 1, "False": 0, "Unknown": 0}


def test_news_of_what_is_asked_for_wakes():
    changes: list[dict[str, object]] = [
        {"generation": 2},
        {"annotations": {"handrail.dev/rotate": "2"}},
        {"labels": {"team": "x"}},
        {"finalizers": ["theirs"]},
        {"deletionTimestamp": "2026-01-01T00:00:00Z"},
        {"uid": "u2"},
    ]
    for change in changes:
        tenants = Tenants()
        tenants.put(tenant(finalizers=[names.FINALIZER]))
        again = tenant(version=2, finalizers=[names.FINALIZER])
        assert tenants.put(again | {"metadata": again["metadata"] | change}), change


def test_a_status_that_others_wrote_into_or_emptied_wakes():
    for managers, status in (((), {}), (("kubectl-edit",), {"namespace": "x"}), ((names.FIELD_MANAGER, "kubectl"), {})):
        tenants = Tenants()
        tenants.put(tenant(managedFields=word(names.FIELD_MANAGER)) | {"status": {"namespace": "handrail-acme"}})
        assert tenants.put(tenant(version=2, managedFields=word(*managers)) | {"status": status}), managers


def test_the_finalizer_that_we_put_there_is_no_news():
    tenants = Tenants()
    tenants.put(tenant())
    assert not tenants.put(tenant(version=2, finalizers=[names.FINALIZER]))


def test_what_controllers_write_is_news_where_a_look_would_find_something_else():
    spec = {"replicas": 1}
    told = [
        (child(spec=spec), True),
        (child(spec=spec, status={"observedGeneration": 1}), False),
        (child(spec=spec, status={"observedGeneration": 1, "conditions": [{"type": "Progressing"}]}), False),
        (child(spec=spec, status={"updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}), True),
        (child(spec={"replicas": 2}, status={"updatedReplicas": 1, "availableReplicas": 1, "replicas": 1}), True),
    ]
    children = Children()
    for number, (thing, news) in enumerate(told, 1):
        thing["metadata"]["resourceVersion"] = str(number)
        thing["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": str(number)}
        assert bool(children.put(kinds.DEPLOYMENT, thing)) == news, thing
        assert children.seen(kinds.DEPLOYMENT)["deployments", "handrail-acme", "web"] == ("c1", number)
    assert children.put(kinds.QUOTA, child(kind=kinds.QUOTA))
    assert not children.put(kinds.QUOTA, child(kind=kinds.QUOTA, version=2, status={"used": {"pods": "3"}}))
    assert children.put(kinds.QUOTA, child(kind=kinds.QUOTA, version=3, spec={"hard": {"pods": "3"}}))


def test_an_older_word_is_not_heard():
    tenants = Tenants()
    tenants.put(tenant(uid="u2", version=9))
    assert not tenants.put(tenant(uid="u1", version=8, generation=5))
    assert not tenants.drop(tenant(uid="u1", version=10))
    assert tenants.get("acme") == tenant(uid="u2", version=9)
    assert tenants.drop(tenant(uid="u2"))
    assert tenants.readiness() == {"True": 0, "False": 0, "Unknown": 0}


def test_children_are_found_by_their_tenant():
    children = Children()
    web = child(spec={"replicas": 2}, status={"readyReplicas": 1})
    space = child("handrail-acme", kind=kinds.NAMESPACE, uid="n1")
    assert children.put(kinds.DEPLOYMENT, web) == ["acme"]
    assert children.put(kinds.NAMESPACE, space) == ["acme"]
    children.put(kinds.SERVICE, child("web", "globex", kind=kinds.SERVICE, space="handrail-globex", uid="s1"))
    whole = copy.deepcopy(web)
    whole["metadata"]["managedFields"] = []
    assert children.of("acme") == {("deployments", "handrail-acme", "web"): whole}
    assert [one["metadata"]["name"] for one in children.namespaces("acme")] == ["handrail-acme"]
    assert children.spaces("acme") == {"handrail-acme"}
    assert list(children.of("globex")) == [("services", "handrail-globex", "web")]
    assert children.of("nobody") == {}


def test_what_a_list_names_is_told_what_it_is():
    thing = child()
    del thing["apiVersion"], thing["kind"]
    children = Children()
    children.put(kinds.DEPLOYMENT, thing)
    (found,) = children.of("acme").values()
    assert (found["apiVersion"], found["kind"]) == ("apps/v1", "Deployment")


def test_who_wrote_the_status_is_not_kept_and_who_wrote_the_rest_is():
    thing = child()
    thing["metadata"]["managedFields"] = [
        {"manager": "handrail-operator", "fieldsV1": {"f:spec": {}}},
        {"manager": "kube-controller-manager", "subresource": "status", "fieldsV1": {"f:status": {}}},
    ]
    children = Children()
    children.put(kinds.DEPLOYMENT, thing)
    (found,) = children.of("acme").values()
    assert found["metadata"]["managedFields"] == thing["metadata"]["managedFields"][:1]


def test_a_child_that_changes_hands_is_news_to_both():
    children = Children()
    children.put(kinds.DEPLOYMENT, child())
    assert children.put(kinds.DEPLOYMENT, child(of="globex", version=2)) == ["acme", "globex"]
    assert children.of("acme") == {}
    assert len(children.of("globex")) == 1


def test_the_end_of_an_object_does_not_end_the_one_that_came_after_it():
    children = Children()
    children.put(kinds.DEPLOYMENT, child(uid="c2", version=9))
    assert children.drop(kinds.DEPLOYMENT, child(uid="c1", version=8)) == []
    assert children.put(kinds.DEPLOYMENT, child(uid="c1", version=8)) == []
    assert children.drop(kinds.DEPLOYMENT, child(uid="c2", version=10)) == ["acme"]
    assert children.of("acme") == {}
    assert children.seen(kinds.DEPLOYMENT) == {}


def test_a_child_rests_in_less_than_a_kilobyte():
    rules = [{"from": [{"podSelector": {"matchLabels": {"app": f"role-{n}"}}}]} for n in range(12)]
    owned = [{"manager": "handrail-operator", "fieldsV1": {"f:spec": {f"f:{n}": {} for n in range(60)}}}]
    of_one = [child(f"child-{n}", uid="", spec={"rules": rules}) for n in range(25)]
    for thing in of_one:
        thing["metadata"]["managedFields"] = owned
    size = len(json.dumps(of_one))
    children = Children()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(100):
        for thing in of_one:
            meta = thing["metadata"] | {
                "namespace": f"handrail-t{number}",
                "labels": {"handrail.dev/tenant": f"t{number}"},
            }
            children.put(kinds.NETWORK_POLICY, {**thing, "metadata": meta | {"uid": f"{number}-{meta['name']}"}})
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 25 * 1500
    assert after - before < 100 * 25 * 1000
