"""The watches before a real API server: told everything once before anything is done, everything afterwards, and found
out where they no longer tell."""

import asyncio
import contextlib
import json
import secrets
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.cluster import proxy as proxies
from tests.cluster.api_faults import Fault, Rule
from tests.cluster.audit import Audit
from tests.cluster.control_plane import ControlPlane, kubectl
from tests.cluster.lone_operators import lone_workshop
from tests.cluster.operators import Operator
from tests.contracts.test_tenant_spec import LEAST

from handrail_contracts import names
from handrail_operator.kube import kinds
from handrail_operator.kube.access import Access
from handrail_operator.kube.client import Cluster
from handrail_operator.manifests.objects import sealed
from handrail_operator.reconcile import difference, steps
from handrail_operator.reconcile.objects import Objects
from handrail_operator.watching import gate, sweep, watches
from handrail_operator.watching.cache import Children, Tenants
from handrail_operator.watching.canary import Canary
from handrail_operator.watching.echoes import Echoes
from handrail_operator.watching.secret_versions import SecretVersions
from handrail_operator.watching.secrets import SecretWatches
from handrail_operator.watching.told import Told
from handrail_operator.watching.watched import KINDS

pytestmark = pytest.mark.cluster

Object = dict[str, Any]
WITHIN = 60.0
"""Seconds that anything may take here."""


async def until(holds: Callable[[], bool], what: str = "it") -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not happen"
        await asyncio.sleep(0.02)


def apply(plane: ControlPlane, *manifests: Object) -> None:
    whole = {"apiVersion": "v1", "kind": "List", "items": list(manifests)}
    kubectl(plane, "apply", "-f", "-", text=msgspec.json.encode(whole).decode())


def tenant(name: str) -> Object:
    return {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": LEAST}


def namespace(name: str, of: str) -> Object:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": {names.LABEL_TENANT: of}}}


def quota(name: str, of: str | None, space: str) -> Object:
    labels = {names.LABEL_TENANT: of} if of else {}
    meta = {"name": name, "namespace": space, "labels": labels}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {"pods": "5"}}}


@pytest.fixture
def name(plane: ControlPlane) -> Iterator[str]:
    """Of a tenant and of a namespace that carries its label; both stand."""
    made = f"watch-{secrets.token_hex(3)}"
    apply(plane, tenant(made), namespace(made, made))
    yield made
    kubectl(plane, "delete", "otn", made, "--wait=false", "--ignore-not-found")
    kubectl(plane, "delete", "namespace", made, "--wait=false", "--ignore-not-found")


class Heard:
    """Stands for the queue and the watches of Secrets."""

    def __init__(self) -> None:
        self.touched: list[str] = []
        self.urgent: list[bool] = []
        self.spaces: dict[str, set[str]] = {}
        self.told = Told(Tenants(), Children(), self.touch, self._spaces)

    def touch(self, name: str, *, urgent: bool = False, asked: bool = False) -> None:
        self.touched.append(name)
        self.urgent.append(urgent or asked)

    def _spaces(self, name: str, spaces: set[str]) -> None:
        self.spaces[name] = spaces

    def kept(self, name: str) -> set[tuple[str, str]]:
        return {(plural, child) for plural, _, child in self.told.children.of(name)}


@asynccontextmanager
async def watching(kubeconfig: Path, heard: Heard) -> AsyncIterator[None]:
    async with connected(kubeconfig) as cluster:
        running = watches.run(heard.told.hear, Access(kubeconfig), cluster, started=lambda: None)
        task = asyncio.create_task(running)
        try:
            yield
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait({task})
    await turns()


async def turns() -> None:
    """What was let go of closes in the loop's next turns."""
    for _ in range(20):
        await asyncio.sleep(0)


@asynccontextmanager
async def connected(kubeconfig: Path) -> AsyncIterator[Cluster]:
    async with Cluster.connect(kubeconfig=kubeconfig) as cluster:
        yield cluster
    await turns()


async def open_gate(cluster: Cluster, heard: Heard) -> None:
    async with asyncio.timeout(WITHIN):
        await gate.opened(cluster, KINDS, heard.told.tenants, heard.told.children)


async def on_thread(work: Callable[..., Any], *arguments: Any) -> None:
    await asyncio.to_thread(work, *arguments)


async def test_when_the_gate_opens_everything_that_stood_is_known(plane, name):
    await on_thread(apply, plane, *(quota(f"q{number}", name, name) for number in range(30)))
    await on_thread(apply, plane, quota("strange", None, name))
    heard = Heard()
    async with connected(plane.kubeconfig()) as cluster, watching(plane.kubeconfig(), heard):
        await open_gate(cluster, heard)
        assert name in heard.told.tenants
        assert {child for plural, child in heard.kept(name) if plural == "resourcequotas"} == {
            f"q{number}" for number in range(30)
        }
        assert heard.spaces[name] == {name}
        listed = await sweep.listed(cluster, kinds.QUOTA)
        assert sweep.ghosts(listed, heard.told.children.seen(kinds.QUOTA)) == {}


async def test_the_gate_stays_shut_as_long_as_one_kind_is_not_told(plane, name, tmp_path):
    with proxies.running(plane, tmp_path) as proxy:
        await on_thread(apply, plane, quota("q", name, name))
        silent = proxy.rule(
            Rule(Fault.UNAVAILABLE, lambda call: (call.verb, call.kind) == ("list", "resourcequotas"), times=None)
        )
        heard = Heard()
        async with connected(plane.kubeconfig()) as cluster, watching(proxy.kubeconfig(), heard):
            opened = asyncio.create_task(open_gate(cluster, heard))
            await until(lambda: name in heard.told.tenants and silent.met >= 2)
            assert not opened.done()
            proxy.flawless()
            await opened
            assert ("resourcequotas", "q") in heard.kept(name)


async def test_what_happens_afterwards_is_told_and_gives_a_turn(plane, name):
    heard = Heard()
    async with connected(plane.kubeconfig()) as cluster, watching(plane.kubeconfig(), heard):
        await open_gate(cluster, heard)
        for change in (
            lambda: apply(plane, quota("q", name, name)),
            lambda: kubectl(plane, "label", "quota", "q", "-n", name, "x=y"),
            lambda: kubectl(plane, "delete", "quota", "q", "-n", name),
            lambda: kubectl(plane, "annotate", "otn", name, "x=y"),
        ):
            heard.touched.clear()
            await on_thread(change)
            await until(lambda: name in heard.touched)
        assert ("resourcequotas", "q") not in heard.kept(name)
        await on_thread(apply, plane, quota("q", name, name))
        await until(lambda: ("resourcequotas", "q") in heard.kept(name))
        # Without its label it is nobody's any more.
        await on_thread(kubectl, plane, "label", "quota", "q", "-n", name, f"{names.LABEL_TENANT}-")
        await until(lambda: ("resourcequotas", "q") not in heard.kept(name))
        await on_thread(kubectl, plane, "delete", "otn", name)
        await until(lambda: name not in heard.told.tenants)
        assert heard.spaces[name] == set()


async def test_a_watch_goes_on_after_it_was_closed_or_its_version_was_gone(plane, name, tmp_path):
    with proxies.running(plane, tmp_path) as proxy:
        heard = Heard()
        for fault in (Fault.WATCH_CLOSED, Fault.WATCH_GONE):
            proxy.rule(Rule(fault, lambda call: (call.verb, call.kind) == ("watch", "resourcequotas")))
        async with connected(plane.kubeconfig()) as cluster, watching(proxy.kubeconfig(), heard):
            await open_gate(cluster, heard)
            for number in range(4):
                await on_thread(apply, plane, quota(f"q{number}", name, name))
                await until(lambda wanted=number: ("resourcequotas", f"q{wanted}") in heard.kept(name))  # type: ignore[misc]
                await asyncio.sleep(0.7)


async def test_watching_writes_nothing(plane, name):
    await on_thread(apply, plane, quota("q", name, name))
    since = datetime.now(UTC)
    heard = Heard()
    async with connected(plane.kubeconfig()) as cluster, watching(plane.kubeconfig(), heard):
        await open_gate(cluster, heard)
        await on_thread(kubectl, plane, "annotate", "otn", name, "x=y")
        await until(lambda: heard.touched.count(name) >= 2)
    await on_thread(kubectl, plane, "annotate", "otn", name, "last=write")
    writes = Audit(plane.folder).writes(since=since)
    assert [write for write in writes if not write.agent.startswith("kubectl")] == []
    assert len(writes) >= 2
    found = msgspec.json.decode(await asyncio.to_thread(kubectl, plane, "get", "otn", name, "-o", "json"))
    assert "finalizers" not in found["metadata"]
    assert not [key for key in found["metadata"].get("annotations", {}) if "kopf" in key]


@asynccontextmanager
async def canary(kubeconfig: Path, heard: Heard, every: float) -> AsyncIterator[tuple[Canary, list[str]]]:
    blind: list[str] = []
    async with connected(kubeconfig) as cluster:
        made = Canary(cluster, heard.told, every, blind.append)
        task = asyncio.create_task(made.run())
        try:
            yield made, blind
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_the_canary_finds_a_watch_that_has_died_in_silence(plane, name, tmp_path):
    with proxies.running(plane, tmp_path) as proxy:
        proxy.rule(Rule(Fault.WATCH_STALLED, lambda call: call.verb == "watch", times=None))
        heard = Heard()
        async with connected(plane.kubeconfig()) as cluster, watching(proxy.kubeconfig(), heard):
            await open_gate(cluster, heard)
            async with canary(plane.kubeconfig(), heard, 0.5) as (bird, blind):
                await until(lambda: proxy.watches_stalled >= len(KINDS), "the stall")
                assert bird.alive
                await on_thread(kubectl, plane, "annotate", "otn", name, "x=y")
                await until(lambda: "onboardingtenants" in blind, "the canary's end")
                assert not bird.alive


async def test_the_canary_bears_what_changes_all_the_time(plane, name):
    heard = Heard()
    async with connected(plane.kubeconfig()) as cluster, watching(plane.kubeconfig(), heard):
        await open_gate(cluster, heard)
        async with canary(plane.kubeconfig(), heard, 0.2) as (bird, blind):
            for number in range(8):
                await on_thread(kubectl, plane, "annotate", "otn", name, f"x={number}", "--overwrite")
                await on_thread(apply, plane, quota(f"q{number}", name, name))
            assert bird.alive
            assert blind == []


async def test_what_ended_while_a_watch_had_to_begin_anew_is_found_out(plane, name):
    heard = Heard()
    ghost = quota("ghost", name, name)
    ghost["metadata"] |= {"uid": "gone", "resourceVersion": "1"}
    heard.told.hear(
        kinds.TENANT, None, {**tenant(name), "metadata": {"name": name, "uid": "u", "resourceVersion": "1"}}
    )
    heard.told.hear(kinds.QUOTA, None, ghost)
    assert ("resourcequotas", "ghost") in heard.kept(name)
    heard.touched.clear()
    async with canary(plane.kubeconfig(), heard, 1000) as (bird, _):
        bird.began_anew(kinds.QUOTA)
        await until(lambda: ("resourcequotas", "ghost") not in heard.kept(name))
    assert heard.touched == [name]


def secret(space: str, name: str, value: str, use: str | None = names.USE_TENANT) -> Object:
    meta: Object = {"name": name, "namespace": space, "labels": {names.LABEL_USE: use} if use else {}}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "stringData": {"key": value}}


@asynccontextmanager
async def secret_watches(
    kubeconfig: Path, heard: Heard, versions: SecretVersions | None = None
) -> AsyncIterator[SecretWatches]:
    async with connected(kubeconfig) as cluster:
        made = SecretWatches(cluster, heard.touch, Echoes(), versions or SecretVersions())
        task = asyncio.create_task(made.run())
        try:
            yield made
            assert not task.done()
        finally:
            task.cancel()
            await asyncio.wait({task})


async def test_a_change_of_a_secret_for_the_tenant_gives_it_a_turn_and_others_do_not(plane, name):
    heard = Heard()
    touched = heard.touched
    async with secret_watches(plane.kubeconfig(), heard) as watches:
        watches.set(name, {name})
        await until(lambda: watches.count() == 1)
        await on_thread(apply, plane, secret(name, "other", "1", use=None))
        for manifest in (secret(name, "a", "1"), secret(name, "a", "2")):
            touched.clear()
            await on_thread(apply, plane, manifest)
            await until(lambda: touched == [name])
        touched.clear()
        await on_thread(kubectl, plane, "delete", "secret", "other", "a", "-n", name)
        await until(lambda: touched == [name])
        watches.set(name, set())
        await until(lambda: watches.count() == 0)
        touched.clear()
        await on_thread(apply, plane, secret(name, "b", "1"))
        await asyncio.sleep(0.3)
        assert touched == []


async def test_the_versions_of_secrets_are_those_that_the_api_server_has(plane, name):
    versions = SecretVersions()
    place = (name, name)
    await on_thread(apply, plane, secret(name, "before", "1"))

    def stored() -> dict[str, str]:
        listed = json.loads(kubectl(plane, "get", "secret", "-n", name, "-l", names.LABEL_USE, "-o", "json"))
        return {one["metadata"]["name"]: one["metadata"]["resourceVersion"] for one in listed["items"]}

    async with secret_watches(plane.kubeconfig(), Heard(), versions) as watches:
        watches.set(name, {name})
        await until(lambda: versions.of(place) == stored())
        await on_thread(apply, plane, secret(name, "a", "1"))
        await on_thread(apply, plane, secret(name, "a", "2"))
        await on_thread(kubectl, plane, "label", "secret", "before", "-n", name, f"{names.LABEL_USE}-")
        await until(lambda: (versions.of(place) or {}).keys() == {"a"} and versions.of(place) == stored())
        watches.set(name, set())
        await until(lambda: versions.of(place) is None)


async def test_no_secret_comes_into_memory_with_its_watch(plane, name):
    seen: list[Object] = []
    await on_thread(apply, plane, secret(name, "a", "hunter2"))
    async with connected(plane.kubeconfig()) as cluster:
        at = await cluster.now(kinds.SECRET, name, labels=names.LABEL_USE)

        async def look() -> None:
            events = cluster.watch(kinds.SECRET, name, labels=names.LABEL_USE, resource_version=at, metadata_only=True)
            async with contextlib.aclosing(events):
                async for _, thing in events:
                    seen.append(thing)
                    return

        task = asyncio.create_task(look())
        await on_thread(kubectl, plane, "annotate", "secret", "a", "-n", name, "x=y")
        await asyncio.wait_for(task, WITHIN)
    assert seen[0]["kind"] == "PartialObjectMetadata"
    assert "data" not in seen[0]


async def test_what_goes_from_a_remembered_secret_goes_whoever_holds_it(plane, name):
    """Put back from a backup, say, it is nobody's or another's, and to apply what is wanted takes nothing away."""

    def wanted(**data: str) -> Object:
        meta = {"name": names.KEYS_SECRET, "namespace": name, "labels": {names.LABEL_TENANT: name}}
        return sealed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})

    both, one = wanted(first="MQ==", second="Mg=="), wanted(first="MQ==")
    async with connected(plane.kubeconfig()) as cluster:
        objects = Objects(cluster, Echoes(), Heard().touch)
        await objects.write([both], {})
        restored = {key: both["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
        await on_thread(kubectl, plane, "delete", "secret", names.KEYS_SECRET, "-n", name)
        await on_thread(apply, plane, {**both, "metadata": restored})
        live = await cluster.get(kinds.SECRET, name, names.KEYS_SECRET)
        assert live is not None
        assert difference.as_wanted(both, live)
        standing = {steps.key(live): difference.seen(live)}
        await objects.write([one], standing)
        assert standing[steps.key(one)]["data"] == {"first": "MQ=="}


async def test_a_watch_that_is_refused_is_not_believed_until_it_tells_again(plane, name, tmp_path):
    versions, place = SecretVersions(), (name, name)
    with proxies.running(plane, tmp_path) as proxy:
        proxy.rule(Rule(Fault.WATCH_CLOSED, lambda call: call.verb == "watch", times=None))
        await on_thread(apply, plane, secret(name, "a", "1"))
        async with secret_watches(proxy.kubeconfig(), Heard(), versions) as watches:
            watches.set(name, {name})
            await until(lambda: (versions.of(place) or {}).keys() == {"a"})
            proxy.plan.rules.insert(0, Rule(Fault.UNAVAILABLE, lambda call: call.verb == "watch", times=None))
            await until(lambda: versions.of(place) is None)
            await on_thread(kubectl, plane, "delete", "secret", "a", "-n", name)
            await on_thread(apply, plane, secret(name, "b", "1"))
            assert versions.of(place) is None
            proxy.flawless()
            await until(lambda: (versions.of(place) or {}).keys() == {"b"})


async def test_a_right_that_comes_later_and_watches_that_end_are_borne(plane, name, tmp_path):
    heard = Heard()
    touched = heard.touched
    with proxies.running(plane, tmp_path) as proxy:
        proxy.rule(Rule(Fault.UNAVAILABLE, lambda call: call.kind == "secrets", times=3))
        proxy.rule(Rule(Fault.WATCH_CLOSED, lambda call: (call.verb, call.kind) == ("watch", "secrets"), skip=3))
        proxy.rule(Rule(Fault.WATCH_GONE, lambda call: (call.verb, call.kind) == ("watch", "secrets"), skip=4))
        async with secret_watches(proxy.kubeconfig(), heard) as watches:
            watches.set(name, {name})
            await until(lambda: name in touched, "a look after the version was gone")
            touched.clear()
            await on_thread(apply, plane, secret(name, "late", "1"))
            await until(lambda: name in touched)


def metrics(operator: Operator) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/metrics", timeout=10) as answer:
        return str(answer.read().decode())


@pytest.mark.slow
def test_an_operator_whose_watch_has_died_ends(plane, name, tmp_path):
    with proxies.running(plane, tmp_path / "proxy") as proxy:
        proxy.rule(Rule(Fault.WATCH_STALLED, lambda call: call.verb == "watch", times=None))
        shop = lone_workshop(plane, tmp_path / "shop")
        with shop.operator(proxy.kubeconfig(), canary_every="1") as operator:
            operator.await_ready()
            assert operator.answers("/livez") == 200
            deadline = time.monotonic() + WITHIN
            while operator.process.poll() is None:
                assert time.monotonic() < deadline, operator.said()
                # Nothing of this is told, as soon as the watches stand still.
                kubectl(plane, "annotate", "otn", name, f"x={secrets.token_hex(3)}", "--overwrite")
            assert operator.process.returncode == 1
            assert "a watch tells nothing any more" in operator.said()


@pytest.mark.slow
def test_an_operator_waits_for_the_cluster_and_says_for_what(plane, tmp_path):
    with proxies.running(plane, tmp_path / "proxy") as proxy:
        away = proxy.rule(Rule(Fault.UNAVAILABLE, lambda call: call.verb == "list", times=None))
        shop = lone_workshop(plane, tmp_path / "shop")
        with shop.operator(proxy.kubeconfig()) as operator:
            deadline = time.monotonic() + WITHIN
            while away.met < 3:
                assert time.monotonic() < deadline, operator.said()
                time.sleep(0.05)
            assert (operator.answers("/livez"), operator.answers("/readyz")) == (200, 503)
            assert operator.said().count("waiting for the cluster") == 1
            assert "currently unable to handle the request" in operator.said()
            proxy.flawless()
            operator.await_ready()
            text = metrics(operator)
            for figure in (
                "queue_depth",
                "is_leader",
                'tenants{ready="Unknown"}',
                "api_calls_total{",
                "secret_watches",
            ):
                assert f"handrail_operator_{figure}" in text
            started = time.monotonic()
            assert operator.stop() == 0
            assert time.monotonic() - started < 15
