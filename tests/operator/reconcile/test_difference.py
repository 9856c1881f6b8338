"""When an object of ours is as it was wanted, and what strangers added to it."""

import copy
from typing import Any

import pytest

from handrail_contracts import names
from handrail_operator.errors import NameTaken
from handrail_operator.manifests.tenant import sealed
from handrail_operator.reconcile.difference import as_wanted, is_seen, removals, seen
from handrail_operator.reconcile.steps import applied, is_ours, refuse_strangers, superfluous

Object = dict[str, Any]
LABELS = {names.LABEL_TENANT: "acme", names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
WANTED = sealed(
    {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "ingest", "namespace": "handrail-acme", "labels": LABELS},
        "spec": {
            "selector": {"matchLabels": {"app": "ingest"}},
            "template": {
                "spec": {
                    "containers": [
                        {
                            "name": "ingest",
                            "image": "runtime:1",
                            "env": [{"name": "A", "value": "1"}],
                            "resources": {"requests": {"cpu": "1000m"}},
                        }
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {}}],
                }
            },
        },
    }
)
OURS = {
    "manager": names.FIELD_MANAGER,
    "operation": "Apply",
    "fieldsV1": {
        "f:spec": {
            "f:template": {
                "f:spec": {"f:containers": {'k:{"name":"ingest"}': {".": {}, "f:name": {}, "f:image": {}, "f:env": {}}}}
            }
        }
    },
}


def standing() -> Object:
    """As the API server keeps it: with defaults, a status, quantities in its own words."""
    live = copy.deepcopy(WANTED)
    live["metadata"] |= {"uid": "u", "resourceVersion": "7", "managedFields": [OURS]}
    live["spec"] |= {"replicas": 3, "progressDeadlineSeconds": 600}
    container = live["spec"]["template"]["spec"]["containers"][0]
    container |= {"imagePullPolicy": "IfNotPresent", "resources": {"requests": {"cpu": "1"}}}
    live["status"] = {"replicas": 3}
    return live


def by(manager: str, fields: Object, subresource: str = "") -> Object:
    return {"manager": manager, "operation": "Update", "subresource": subresource, "fieldsV1": {"f:spec": fields}}


def test_defaults_and_status_are_no_difference():
    assert as_wanted(WANTED, standing())


def test_missing():
    assert not as_wanted(WANTED, None)


def test_a_new_manifest():
    changed = copy.deepcopy(WANTED)
    changed["metadata"]["labels"]["more"] = "x"
    assert not as_wanted(sealed(changed), standing())


SECRET = sealed(
    {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "keys", "namespace": "handrail-acme", "labels": LABELS},
        "data": {"key": "aHVudGVyMg=="},
    }
)


def test_what_is_remembered_of_a_secret_tells_whose_it_is_and_what_was_wanted():
    notes = SECRET["metadata"]["annotations"] | {"kubectl.kubernetes.io/last-applied-configuration": "aHVudGVyMg=="}
    remembered = seen({**SECRET, "metadata": {**SECRET["metadata"], "resourceVersion": "7", "annotations": notes}})
    assert as_wanted(SECRET, remembered)
    assert is_ours(remembered, "acme")
    assert not as_wanted(sealed({**SECRET, "data": {"key": "b3RoZXI="}}), remembered)
    assert is_seen(remembered)
    assert not is_seen(SECRET)
    assert seen(remembered) == remembered
    assert "aHVudGVyMg==" not in str(remembered)


def image(live: Object) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["image"] = "evil:1"


def value(live: Object) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "2"


def another_container(live: Object) -> None:
    live["spec"]["template"]["spec"]["containers"].append({"name": "side", "image": "x"})


def another_variable(live: Object) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["env"].append({"name": "B", "value": "1"})


def wider_selector(live: Object) -> None:
    live["spec"]["selector"]["matchLabels"]["more"] = "x"


def no_label(live: Object) -> None:
    del live["metadata"]["labels"][names.LABEL_TENANT]


def amount(live: Object) -> None:
    live["spec"]["template"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "2"


@pytest.mark.parametrize(
    "change", [image, value, another_container, another_variable, wider_selector, no_label, amount]
)
def test_drift(change):
    live = standing()
    change(live)
    assert not as_wanted(WANTED, live)


def test_a_strangers_field_where_we_have_none():
    live = standing()
    live["spec"]["template"]["spec"]["hostNetwork"] = True
    assert as_wanted(WANTED, live), "by itself it might be a default"
    live["metadata"]["managedFields"].append(by("kubectl-edit", {"f:template": {"f:spec": {"f:hostNetwork": {}}}}))
    assert not as_wanted(WANTED, live)
    assert removals(WANTED, live) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/spec/template/spec/hostNetwork"},
    ]


def test_an_autoscaler_is_no_stranger():
    live = standing()
    live["metadata"]["managedFields"].append(by("kube-controller-manager", {"f:replicas": {}}, "scale"))
    assert as_wanted(WANTED, live)
    assert removals(WANTED, live) == []


def test_how_many_pods_is_the_autoscalers_whoever_said_it_last():
    live = standing()
    live["metadata"]["managedFields"].append(by("kubectl-edit", {"f:replicas": {}}))
    assert as_wanted(WANTED, live)
    assert removals(WANTED, live) == []


def test_a_field_that_a_stranger_changed_is_written_and_not_removed():
    live = standing()
    image(live)
    containers: Object = {'k:{"name":"ingest"}': {"f:image": {}}}
    live["metadata"]["managedFields"] = [by("kubectl-set", {"f:template": {"f:spec": {"f:containers": containers}}})]
    assert not as_wanted(WANTED, live)
    assert removals(WANTED, live) == []


def test_several_additions_go_from_the_back():
    live = standing()
    names_of_new = [f"side{number}" for number in range(11)]
    for name in names_of_new:
        live["spec"]["template"]["spec"]["containers"].append({"name": name, "image": "x"})
    new: Object = {f'k:{{"name":"{name}"}}': {".": {}, "f:name": {}, "f:image": {}} for name in names_of_new}
    live["metadata"]["managedFields"].append(by("kubectl", {"f:template": {"f:spec": {"f:containers": new}}}))
    places = [int(one["path"].rsplit("/", 1)[1]) for one in removals(WANTED, live)[1:]]
    assert places == list(range(11, 0, -1))


def test_what_is_applied_and_what_goes():
    live = standing()
    old = {**copy.deepcopy(live), "metadata": {**live["metadata"], "name": "old"}}
    going = {**old, "metadata": {**old["metadata"], "name": "going", "deletionTimestamp": "now"}}
    theirs = {**old, "metadata": {"name": "theirs", "namespace": "handrail-acme", "labels": {}}}
    stand = {("deployments", one["metadata"]["name"]): one for one in (live, old, going, theirs)}
    assert applied([WANTED], stand) == []
    assert applied([WANTED], {}) == [WANTED]
    gone = superfluous("acme", [("deployments", "ingest")], stand)
    assert [one["metadata"]["name"] for one in gone] == ["old"]


def test_what_a_stranger_made_is_refused_by_name():
    theirs = {**WANTED, "metadata": {"name": "ingest", "namespace": "handrail-acme", "labels": {"app": "x"}}}
    with pytest.raises(NameTaken, match="In namespace handrail-acme Deployment ingest was not made by"):
        refuse_strangers("acme", [WANTED], {("deployments", "ingest"): theirs})
    refuse_strangers("acme", [WANTED], {("deployments", "ingest"): standing()})


def test_all_that_strangers_made_is_named_and_the_text_stays_short():
    many = [{**WANTED, "metadata": {"name": f"one-{n:02}", "namespace": "handrail-acme"}} for n in range(50)]
    with pytest.raises(NameTaken) as raised:
        refuse_strangers("acme", many, {("deployments", one["metadata"]["name"]): one for one in many})
    assert "Deployment one-00, Deployment one-01," in str(raised.value)
    assert "Deployment one-09, 40 more were not made by Handrail" in str(raised.value)


def test_ours_without_its_labels_is_known_by_its_owner():
    meta = {"name": "ingest", "ownerReferences": [{"kind": names.KIND, "name": "acme"}]}
    assert is_ours({"metadata": meta}, "acme")
    assert not is_ours({"metadata": meta}, "globex")
    assert not is_ours({"metadata": {"name": "ingest", "labels": {names.LABEL_TENANT: "acme"}}}, "acme")
