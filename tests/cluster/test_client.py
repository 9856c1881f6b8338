"""The client before a real API server: what each call does, what its errors say, what it bears."""

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from tests.cluster import proxy as proxies
from tests.cluster.api_calls import Call
from tests.cluster.api_faults import Fault, Rule
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.proxy import Proxy
from tests.contracts.test_tenant_spec import LEAST

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.access import AccessMissing
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import (
    AlreadyExists,
    ApiError,
    Conflict,
    Conflicts,
    Forbidden,
    Gone,
    Invalid,
    NotFound,
    Unauthorized,
    Unreachable,
)

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
WITHIN = 30.0
"""Seconds that anything may take here."""


@pytest.fixture
def space(plane: ControlPlane) -> Iterator[str]:
    """A namespace of its own."""
    name = f"client-{secrets.token_hex(4)}"
    kubectl(plane, "create", "namespace", name)
    yield name
    kubectl(plane, "delete", "namespace", name, "--wait=false", "--ignore-not-found")


@pytest_asyncio.fixture
async def api(plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with Cluster.connect(kubeconfig=plane.kubeconfig()) as made:
        yield made


@pytest.fixture
def faulty(plane: ControlPlane, tmp_path: Path) -> Iterator[Proxy]:
    with proxies.running(plane, tmp_path) as made:
        yield made


def quota(space: str, name: str = "q", pods: str = "5") -> Object:
    place = {"name": name, "namespace": space}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": place, "spec": {"hard": {"pods": pods}}}


def secret(space: str, **rest: Any) -> Object:
    return {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": space}, **rest}


def of(verb: str, kind: str) -> Callable[[Call], bool]:
    return lambda call: (call.verb, call.kind) == (verb, kind)


async def test_an_object_from_its_beginning_to_its_end(api, space):
    assert await api.get(kinds.QUOTA, space, "q") is None
    made = await api.create(quota(space))
    assert made["spec"] == {"hard": {"pods": "5"}}
    found = await api.get(kinds.QUOTA, space, "q")
    assert found is not None
    assert found["metadata"]["uid"] == made["metadata"]["uid"]
    with pytest.raises(AlreadyExists):
        await api.create(quota(space))
    await api.delete(kinds.QUOTA, space, "q", uid=made["metadata"]["uid"])
    assert await api.get(kinds.QUOTA, space, "q") is None
    await api.delete(kinds.QUOTA, space, "q")


async def test_an_apply_takes_away_what_is_no_longer_named(api, space):
    first = quota(space)
    first["spec"]["hard"]["secrets"] = "3"
    await api.apply(first)
    applied = await api.apply(quota(space))
    assert applied["spec"] == {"hard": {"pods": "5"}}
    managed = [one for one in applied["metadata"]["managedFields"] if "subresource" not in one]
    assert [(one["manager"], one["operation"]) for one in managed] == [(names.FIELD_MANAGER, "Apply")]


async def test_an_apply_without_force_names_the_fields_and_who_holds_them(api, space):
    await api.apply(quota(space), manager="somebody")
    with pytest.raises(Conflicts) as raised:
        await api.apply(quota(space, pods="6"), force=False)
    assert raised.value.fields == [(".spec.hard.pods", "somebody")]
    assert (await api.apply(quota(space, pods="6")))["spec"]["hard"]["pods"] == "6"


async def test_a_field_that_there_is_not_is_refused_at_once_with_its_name(api, space):
    for wrong in ({"hard": {"pods": "5"}, "soft": 1}, {"hard": {"pods": "five"}}):
        with pytest.raises(Invalid) as raised:
            await api.apply({**quota(space), "spec": wrong})
        assert "soft" in raised.value.message or "quantities" in raised.value.message
    with pytest.raises(Invalid, match="soft"):
        await api.create({**quota(space), "spec": {"soft": 1}})


async def test_an_apply_of_that_very_object_does_not_touch_its_successor(api, space):
    first = await api.create(quota(space))
    await api.delete(kinds.QUOTA, space, "q")
    await api.create(quota(space))
    wanted = quota(space, pods="9")
    wanted["metadata"]["uid"] = first["metadata"]["uid"]
    with pytest.raises(Conflict):
        await api.apply(wanted)
    assert ((await api.get(kinds.QUOTA, space, "q")) or {})["spec"] == {"hard": {"pods": "5"}}


async def test_the_end_of_that_very_object_leaves_its_successor(api, space):
    first = await api.create(quota(space))
    await api.delete(kinds.QUOTA, space, "q")
    second = await api.create(quota(space))
    await api.delete(kinds.QUOTA, space, "q", uid=first["metadata"]["uid"])
    found = await api.get(kinds.QUOTA, space, "q")
    assert found is not None
    assert found["metadata"]["uid"] == second["metadata"]["uid"]


async def test_what_is_going_already_is_done(api, plane):
    name = f"going-{secrets.token_hex(4)}"
    kubectl(plane, "create", "namespace", name)
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "finalizers": ["example.com/held"]}}
    kubectl(plane, "apply", "-n", name, "-f", "-", text=str(held).replace("'", '"'))
    await api.delete(kinds.NAMESPACE, None, name)
    await api.delete(kinds.NAMESPACE, None, name)
    kubectl(plane, "patch", "configmap", "a", "-n", name, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')


async def test_a_patch_whose_test_does_not_hold_is_a_conflict_and_a_broken_rule_is_not(api, space):
    await api.create(quota(space))
    label = [{"op": "add", "path": "/metadata/labels", "value": {"a": "b"}}]
    stale = {"op": "test", "path": "/metadata/resourceVersion", "value": "1"}
    with pytest.raises(Conflict):
        await api.json_patch(kinds.QUOTA, space, "q", [stale, *label])
    assert (await api.json_patch(kinds.QUOTA, space, "q", label))["metadata"]["labels"] == {"a": "b"}
    holds = {"op": "test", "path": "/metadata/labels/a", "value": "b"}
    with pytest.raises(Invalid, match="valid label"):
        await api.json_patch(
            kinds.QUOTA, space, "q", [holds, {"op": "add", "path": "/metadata/labels/a", "value": "not one!"}]
        )
    with pytest.raises(NotFound):
        await api.json_patch(kinds.QUOTA, space, "other", label)


async def test_a_status_loses_the_conditions_that_are_no_longer_named(api):
    name = f"t-{secrets.token_hex(4)}"
    head = {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}}
    made = await api.create({**head, "spec": LEAST})
    uid = made["metadata"]["uid"]

    def conditions(*types: str) -> Object:
        at = "2026-01-01T00:00:00Z"
        one = {"status": "True", "reason": "Fine", "message": "", "lastTransitionTime": at, "observedGeneration": 1}
        return {"conditions": [{"type": kind, **one} for kind in types]}

    await api.apply_status(kinds.TENANT, name, conditions("Ready", "Degraded"), uid=uid)
    found = await api.apply_status(kinds.TENANT, name, conditions("Ready"), uid=uid)
    assert [one["type"] for one in found["status"]["conditions"]] == ["Ready"]
    assert found["metadata"]["generation"] == made["metadata"]["generation"]
    with pytest.raises(Conflict):
        await api.apply_status(kinds.TENANT, name, conditions("Ready"), uid="00000000-0000-0000-0000-000000000000")
    with pytest.raises(NotFound):
        await api.apply_status(kinds.TENANT, "nobody", conditions("Ready"))
    await api.delete(kinds.TENANT, None, name, uid=uid)


async def test_lists_come_whole_however_small_the_pages_are(api, space):
    for number in range(5):
        manifest = quota(space, f"q{number}")
        manifest["metadata"]["labels"] = {"odd": str(number % 2)}
        await api.create(manifest)
    everything, at = await api.list_at(kinds.QUOTA, space, chunk=2)
    assert [one["metadata"]["name"] for one in everything] == [f"q{number}" for number in range(5)]
    assert {(one["apiVersion"], one["kind"]) for one in everything} == {("v1", "ResourceQuota")}
    assert int(at) >= max(int(one["metadata"]["resourceVersion"]) for one in everything)
    assert len(await api.list(kinds.QUOTA, space, labels="odd=1")) == 2
    bare, _ = await api.list_at(kinds.QUOTA, space, metadata_only=True)
    assert len(bare) == 5
    assert all("spec" not in one for one in bare)
    assert len(await api.list(kinds.QUOTA)) >= 5


async def test_a_watch_tells_what_happens_after_a_list(api, space):
    _, at = await api.list_at(kinds.QUOTA, space)
    seen: list[tuple[str, str]] = []

    async def look() -> None:
        async for event, thing in api.watch(kinds.QUOTA, space, resource_version=at):
            seen.append((event, thing["metadata"]["name"]))
            if event == "DELETED":
                return

    task = asyncio.create_task(look())
    await api.create(quota(space))
    await api.apply(quota(space, pods="7"))
    await api.delete(kinds.QUOTA, space, "q")
    await asyncio.wait_for(task, WITHIN)
    told = [event for event in seen if event[0] in ("ADDED", "DELETED")]
    assert told == [("ADDED", "q"), ("DELETED", "q")]
    assert ("MODIFIED", "q") in seen


async def test_a_watch_whose_version_is_gone_says_so(faulty, space):
    faulty.rule(Rule(Fault.WATCH_GONE, of("watch", "resourcequotas")))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig()) as api:
        at = await api.now(kinds.QUOTA, space)
        with pytest.raises(Gone):
            async for _ in api.watch(kinds.QUOTA, space, resource_version=at):
                pass


async def test_a_watch_that_is_closed_ends_in_good_order(faulty, space):
    faulty.rule(Rule(Fault.WATCH_CLOSED, of("watch", "resourcequotas")))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig()) as api:
        at = await api.now(kinds.QUOTA, space)
        assert [event async for event in api.watch(kinds.QUOTA, space, resource_version=at)] == []


@pytest.mark.parametrize(
    "fault", [Fault.THROTTLED, Fault.ERROR, Fault.UNAVAILABLE, Fault.RESET_BEFORE, Fault.RESET_AFTER]
)
async def test_what_goes_wrong_on_the_way_is_tried_again(faulty, space, fault):
    told: list[tuple[str, int]] = []
    faulty.rule(Rule(fault, of("apply", "resourcequotas"), times=2))
    async with Cluster.connect(
        kubeconfig=faulty.kubeconfig(), observe=lambda verb, _, code, __: told.append((verb, code))
    ) as api:
        assert (await api.apply(quota(space)))["spec"] == {"hard": {"pods": "5"}}
    assert len(told) == 3
    assert told[-1] in (("apply", 200), ("apply", 201))


async def test_a_call_that_hangs_is_given_up_and_tried_again(faulty, space):
    faulty.rule(Rule(Fault.HANG_AFTER, of("apply", "resourcequotas")))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig(), timeout=1) as api:
        assert (await api.apply(quota(space)))["metadata"]["name"] == "q"


async def test_the_tries_have_an_end_and_the_error_says_what_happened(faulty, space):
    rule = faulty.rule(Rule(Fault.UNAVAILABLE, of("get", "resourcequotas"), times=None))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig(), tries=3) as api:
        with pytest.raises(Unreachable, match="unable to handle the request"):
            await api.get(kinds.QUOTA, space, "q")
    assert rule.met == 3


async def test_a_server_that_is_away_is_named(space, tmp_path, plane):
    path = tmp_path / "config"
    path.write_text(plane.kubeconfig().read_text().replace(plane.url, "https://127.0.0.1:1"))
    async with Cluster.connect(kubeconfig=path, tries=2) as api:
        with pytest.raises(Unreachable, match=r"127\.0\.0\.1"):
            await api.get(kinds.QUOTA, space, "q")


async def test_a_lost_answer_of_a_create_is_told_apart_by_who_made_the_object(faulty, space):
    faulty.rule(Rule(Fault.RESET_AFTER, of("create", "resourcequotas")))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig()) as api:
        wanted = quota(space)
        wanted["metadata"]["annotations"] = {"by": "me"}
        with pytest.raises(AlreadyExists):
            await api.create(wanted)
        found = await api.get(kinds.QUOTA, space, "q")
        assert found is not None
        assert found["metadata"]["annotations"] == {"by": "me"}


async def test_a_patch_without_a_test_is_not_sent_twice_after_a_lost_answer(faulty, space):
    rule = faulty.rule(Rule(Fault.RESET_BEFORE, of("patch", "resourcequotas"), times=None))
    async with Cluster.connect(kubeconfig=faulty.kubeconfig()) as api:
        await api.create(quota(space))
        with pytest.raises(Unreachable):
            await api.json_patch(kinds.QUOTA, space, "q", [{"op": "add", "path": "/metadata/labels", "value": {}}])
    assert rule.met == 1


async def test_calls_keep_to_their_rate(plane, space):
    async with Cluster.connect(kubeconfig=plane.kubeconfig(), requests_per_second=20, burst=5) as api:
        started = time.monotonic()
        await asyncio.gather(*(api.get(kinds.QUOTA, space, "q") for _ in range(15)))
    assert time.monotonic() - started >= 0.45


@pytest.mark.parametrize("content", [{"stringData": {"a": {"hunter2": "hunter2"}}}, {"data": {"a": "hunter2-$$$"}}])
@pytest.mark.parametrize("verb", ["apply", "create"])
async def test_no_error_tells_what_a_secret_holds(plane, space, content, verb):
    async with Cluster.connect(kubeconfig=plane.kubeconfig(), tries=1) as api:
        with pytest.raises(ApiError) as raised:
            await getattr(api, verb)(secret(space, **content))
    chain = [raised.value, raised.value.__cause__, raised.value.__context__]
    assert "hunter2" not in " ".join(f"{error!r} {error}" for error in chain)


async def test_rights_that_are_missing_are_named(plane, space, tmp_path):
    made = kubectl(plane, "create", "token", "default", "-n", space).strip()
    path = tmp_path / "config"
    path.write_text(plane.kubeconfig().read_text().replace(plane.token(), made))
    async with Cluster.connect(kubeconfig=path) as api:
        with pytest.raises(Forbidden, match="cannot get resource"):
            await api.get(kinds.SECRET, space, "s")


async def test_a_token_that_was_changed_in_its_file_is_read_anew(plane, space, tmp_path):
    path, token = tmp_path / "config", tmp_path / "token"
    token.write_text("no-longer-good")
    given = json.loads(plane.kubeconfig().read_text())
    given["users"][0]["user"] = {"tokenFile": str(token)}
    path.write_text(json.dumps(given))
    async with Cluster.connect(kubeconfig=path) as api:
        with pytest.raises(Unauthorized):
            await api.get(kinds.QUOTA, space, "q")
        token.write_text(plane.token())
        assert await api.get(kinds.QUOTA, space, "q") is None


async def test_a_kubeconfig_that_is_not_there_is_named(tmp_path):
    with pytest.raises(AccessMissing, match="nowhere"):
        async with Cluster.connect(kubeconfig=tmp_path / "nowhere"):
            pass


async def test_no_write_is_sent_where_it_must_not_be(plane, space):
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    async with Cluster.connect(kubeconfig=plane.kubeconfig(), before_write=stop) as api:
        assert await api.get(kinds.QUOTA, space, "q") is None
        for write in (api.create(quota(space)), api.apply(quota(space)), api.delete(kinds.QUOTA, space, "q")):
            with pytest.raises(Stopped):
                await write
    assert kubectl(plane, "get", "quota", "-n", space, "-o", "name") == ""


_THREE_WRITES = """
import asyncio, sys
from pathlib import Path
from handrail_operator.kube.client import Cluster

async def run():
    async with Cluster.connect(kubeconfig=Path(sys.argv[1]), fault_after=2) as api:
        for name in ("one", "two", "three"):
            place = {"name": name, "namespace": sys.argv[2]}
            await api.apply({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": place, "spec": {"hard": {}}})
            print(name, flush=True)

asyncio.run(run())
"""


async def test_a_process_that_is_to_fail_is_killed_after_the_answer_and_before_its_use(plane, space):
    command = [sys.executable, "-c", _THREE_WRITES, str(plane.kubeconfig()), space]
    ended = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, env=dict(os.environ), timeout=WITHIN * 2, check=False
    )
    assert (ended.returncode, ended.stdout.split()) == (-signal.SIGKILL, ["one"])
    there = kubectl(plane, "get", "quota", "-n", space, "-o", "name").split()
    assert there == ["resourcequota/one", "resourcequota/two"]
