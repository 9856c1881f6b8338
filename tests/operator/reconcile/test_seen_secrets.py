"""When a tenant's Secrets need not be read again."""

import pytest

from handrail_contracts import names
from handrail_operator.manifests.tenant import sealed
from handrail_operator.reconcile import steps
from handrail_operator.reconcile.difference import is_seen
from handrail_operator.reconcile.seen_secrets import LONG, SeenSecrets

LABELS = {names.LABEL_TENANT: "acme", names.LABEL_MANAGED_BY: names.FIELD_MANAGER}


def wanted(name=names.KEYS_SECRET, value="aHVudGVyMg=="):
    meta = {"name": name, "namespace": "handrail-acme", "labels": LABELS}
    return sealed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": {"key": value}})


def stands(secret, version="1", **more):
    return {**secret, **more, "metadata": {**secret["metadata"], "uid": "u", "resourceVersion": version}}


def standing(*secrets):
    return {steps.key(one): one for one in secrets}


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def seen(clock):
    return SeenSecrets(clock)


KEYS, AGENT = wanted(), wanted(names.role_secret("agent"))
TOLD = {KEYS["metadata"]["name"]: "1", AGENT["metadata"]["name"]: "2"}
ALL = standing(stands(KEYS, "1"), stands(AGENT, "2"))


def test_while_the_versions_are_the_same(seen):
    assert seen.unchanged("acme", TOLD) is None
    seen.remember("acme", [KEYS, AGENT], ALL)
    found = seen.unchanged("acme", TOLD)
    assert standing(*found).keys() == ALL.keys()
    assert all(map(is_seen, found))
    assert steps.applied([KEYS, AGENT], standing(*found)) == []
    assert steps.applied([wanted(value="b3RoZXI=")], standing(*found)) != []
    assert "aHVudGVyMg==" not in str(found)


@pytest.mark.parametrize(
    "told",
    [None, {}, {**TOLD, KEYS["metadata"]["name"]: "3"}, {**TOLD, "more": "3"}, {KEYS["metadata"]["name"]: "1"}],
    ids=["not known", "none", "another version", "one more", "one less"],
)
def test_not_once_something_happened_or_is_not_known(seen, told):
    seen.remember("acme", [KEYS, AGENT], ALL)
    assert seen.unchanged("acme", told) is None


@pytest.mark.parametrize(
    "found",
    [
        standing(stands(KEYS)),
        standing(stands(KEYS), stands(AGENT, "2", data={"key": "ZHJpZnQ="})),
        standing(stands(KEYS), stands(wanted(names.role_secret("agent"), "b2xk"), "2")),
    ],
    ids=["missing", "another content", "what was wanted before"],
)
def test_not_where_one_is_not_as_wanted(seen, found):
    seen.remember("acme", [KEYS, AGENT], ALL)
    seen.remember("acme", [KEYS, AGENT], found)
    assert (
        seen.unchanged("acme", {name: one["metadata"]["resourceVersion"] for (_, name), one in found.items()}) is None
    )


def test_not_where_one_stands_that_may_be_wanted_again(seen):
    """It is compared with nothing, so nobody knows what it holds."""
    seen.remember("acme", [KEYS], ALL)
    assert seen.unchanged("acme", TOLD) is None


def test_those_of_others_are_known_by_their_version(seen):
    theirs = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "llm", "resourceVersion": "9"}}
    seen.remember("acme", [KEYS, AGENT], {**ALL, **standing(theirs)})
    assert seen.unchanged("acme", TOLD) is None
    assert seen.unchanged("acme", {**TOLD, "llm": "9"}) is not None


def test_for_an_hour_however_often_it_is_believed(seen, clock):
    seen.remember("acme", [KEYS, AGENT], ALL)
    for _ in range(4):
        clock.now += LONG / 4
        found = seen.unchanged("acme", TOLD)
        if found is not None:
            seen.remember("acme", [KEYS, AGENT], standing(*found))
    clock.now += LONG / 4
    assert seen.unchanged("acme", TOLD) is None
    seen.remember("acme", [KEYS, AGENT], ALL)
    assert seen.unchanged("acme", TOLD) is not None


def test_not_of_a_tenant_that_is_gone(seen):
    seen.remember("acme", [KEYS, AGENT], ALL)
    seen.forget("acme")
    assert seen.unchanged("acme", TOLD) is None
