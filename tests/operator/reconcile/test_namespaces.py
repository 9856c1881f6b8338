"""In which namespace a tenant lives."""

import re
from typing import Any

import pytest

from handrail_contracts import names
from handrail_operator.errors import NamespaceTaken
from handrail_operator.manifests.objects import owner
from handrail_operator.reconcile import namespaces

UID = "5f0c"


def space(name: str, *, uid: str = "", **labels: str) -> dict[str, Any]:
    metadata: dict[str, Any] = {"name": name, "labels": labels}
    return {"metadata": metadata | ({"ownerReferences": [owner("acme", uid)]} if uid else {})}


def test_its_own_by_the_tenants_uid_and_by_no_label():
    assert namespaces.is_own(space("handrail-acme", uid=UID), UID)
    assert not namespaces.is_own(space("handrail-acme", uid="another"), UID)
    labels = {names.LABEL_TENANT: "acme", names.LABEL_MANAGED_BY: names.FIELD_MANAGER}
    assert not namespaces.is_own(space("stranger", **labels), UID)


def test_a_home_is_its_own_or_labelled_for_it_and_never_anothers_own():
    label = {names.LABEL_TENANT: "acme"}
    assert namespaces.is_home(space("handrail-acme", uid=UID), "acme", UID)
    assert namespaces.is_home(space("theirs", **label), "acme", UID)
    assert not namespaces.is_home(space("handrail-acme"), "acme", UID)
    of_another = space("handrail-globex", **label)
    of_another["metadata"]["ownerReferences"] = [owner("globex", "77")]
    assert not namespaces.is_home(of_another, "acme", UID)


@pytest.mark.parametrize("name", ["kube-system", "kube-public", "default", "handrail"])
def test_the_clusters_and_the_platforms_own_are_refused(name):
    with pytest.raises(NamespaceTaken, match=name):
        namespaces.refuse_reserved(name, "handrail")


def test_it_inhabits_what_its_own_objects_stand_in_and_never_the_clusters_own():
    def child(namespace: str, uid: str) -> dict[str, Any]:
        return {"metadata": {"name": "x", "namespace": namespace, "ownerReferences": [owner("acme", uid)]}}

    children = [
        child("theirs", UID),
        child("old", "another"),
        *(child(one, UID) for one in ("kube-system", "handrail")),
    ]
    assert namespaces.inhabited(children, UID, "handrail") == {"theirs"}
    assert namespaces.inhabited([space("handrail-acme")], UID, "handrail") == set()


def test_one_is_taken_once_it_was_brought_to_what_it_should_be():
    found = space("theirs", **{names.LABEL_TENANT: "acme"})
    assert not namespaces.is_taken(found, UID)
    assert namespaces.is_taken(space("handrail-acme", uid=UID), UID)
    assert namespaces.is_taken(namespaces.wanted("acme", UID, found, {}), UID)


def test_no_advice_touches_a_namespace():
    assert not re.search("label it|put it back|remove|delete", str(namespaces.moved("acme", "theirs")), re.IGNORECASE)


def test_one_that_was_there_before_is_fine():
    namespaces.refuse_reserved("acme-prod", "handrail")


def test_it_stays_where_it_lives():
    home, other = space("handrail-acme"), space("other")
    assert namespaces.choose("acme", [other, home], "") is home
    assert namespaces.choose("acme", [other, home], "other") is other
    assert namespaces.choose("acme", [], "") is None
    with pytest.raises(NamespaceTaken, match="a, b"):
        namespaces.choose("acme", [space("a"), space("b")], "")
