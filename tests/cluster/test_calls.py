"""Keyrings in Secrets, and calls about keys, from NATS to the API server."""

import asyncio
import json
import secrets
from base64 import b64decode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
from tests.cluster.control_plane import ControlPlane

from handrail_contracts import names, operator_calls, subjects
from handrail_contracts.operator_calls import KeyCreate, KeyRevoke, OperatorReply, decode_reply
from handrail_operator.calls.answers import Answers
from handrail_operator.calls.keys import MAX_KEYS
from handrail_operator.calls.listening import Listener
from handrail_operator.errors import KeyringMissing, KeyringUnusable
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.plans import DEFAULT
from handrail_operator.provision import keyring
from handrail_operator.provision.keyring import LiveKey, TenantSecrets
from handrail_operator.reconcile.keyrings import Keyrings

pytestmark = pytest.mark.cluster

AT = "2026-01-01T00:00:00.000Z"
NAMESPACE = "default"


@pytest.fixture
async def cluster(plane: ControlPlane) -> AsyncIterator[Cluster]:
    async with Cluster.connect(kubeconfig=plane.kubeconfig(), requests_per_second=1000, burst=1000) as connected:
        yield connected


@pytest.fixture
async def tenant(cluster: Cluster) -> AsyncIterator[str]:
    """The name of one that stands in the cluster, without a keyring."""
    name = f"calls-{secrets.token_hex(4)}"
    spec = {"displayName": name, "origins": ["https://a.test"]}
    await cluster.create(
        {"apiVersion": names.API_VERSION, "kind": names.KIND, "metadata": {"name": name}, "spec": spec}
    )
    yield name
    await cluster.delete(kinds.TENANT, None, name)
    await cluster.delete(kinds.SECRET, NAMESPACE, names.keyring_secret(name))


class Records:
    """The gateways' record, as far as these tests go: which keys it would hold now."""

    def __init__(self, keyrings: Keyrings) -> None:
        self.keyrings = keyrings
        self.keys: list[str] = []
        self.touched: list[str] = []
        self.fails = False

    async def publish(self, name: str) -> None:
        if self.fails:
            raise ConnectionError("nats is away")
        found = await self.keyrings.load(name)
        self.keys = [key.key_id for key in found.keys] if found else []


@pytest.fixture
def keyrings(cluster: Cluster) -> Keyrings:
    return Keyrings(cluster, NAMESPACE)


@pytest.fixture
def records(keyrings: Keyrings) -> Records:
    return Records(keyrings)


@pytest.fixture
def answers(cluster: Cluster, keyrings: Keyrings, records: Records) -> Answers:
    return Answers(cluster, keyrings, DEFAULT, touch=records.touched.append, publish=records.publish)


def code(reply: OperatorReply) -> str:
    assert reply.problem is not None
    assert reply.problem.detail
    return reply.problem.code


def value(reply: OperatorReply) -> dict[str, Any]:
    assert reply.problem is None, reply.problem
    return reply.value or {}


# --- keyrings ---------------------------------------------------------------------------------------------------


async def test_a_keyring_is_kept_and_never_overwritten(keyrings, cluster, tenant):
    assert await keyrings.load(tenant) is None
    first, second = TenantSecrets.new(AT), TenantSecrets.new(AT)
    assert await keyrings.create(tenant, first) == first
    assert await keyrings.create(tenant, second) == first
    assert await keyrings.load(tenant) == first
    secret = await cluster.get(kinds.SECRET, NAMESPACE, names.keyring_secret(tenant))
    assert secret["metadata"]["labels"] == {
        "handrail.dev/tenant": tenant,
        "handrail.dev/use": "platform",
        "app.kubernetes.io/managed-by": "handrail-operator",
    }
    assert keyring.decode_tenant(b64decode(secret["data"]["keyring.json"])) == first
    await keyrings.delete(tenant)
    await keyrings.delete(tenant)
    assert await keyrings.load(tenant) is None
    with pytest.raises(KeyringMissing):
        await keyrings.change(tenant, lambda found: found)


async def test_changes_at_once_are_all_made(keyrings, tenant):
    await keyrings.create(tenant, TenantSecrets.new(AT))
    new = [LiveKey.new("secret", AT) for _ in range(8)]

    def adding(key):
        return lambda found: msgspec.structs.replace(found, keys=[*found.keys, key])

    await asyncio.gather(*(keyrings.change(tenant, adding(key)) for key in new))
    found = await keyrings.load(tenant)
    assert {key.key_id for key in found.keys[2:]} == {key.key_id for key in new}
    assert len(found.keys) == 10


@pytest.mark.parametrize("damage", ["label", "text", "json", "key"])
async def test_a_secret_that_is_no_keyring_is_let_alone(keyrings, cluster, tenant, damage):
    await keyrings.create(tenant, TenantSecrets.new(AT))
    name = names.keyring_secret(tenant)
    patch: dict[str, dict[str, Any]] = {
        "label": {"op": "replace", "path": "/metadata/labels/handrail.dev~1tenant", "value": "another"},
        "text": {"op": "replace", "path": "/data/keyring.json", "value": "AAAA"},
        "json": {"op": "replace", "path": "/data/keyring.json", "value": "e30="},
        "key": {"op": "move", "from": "/data/keyring.json", "path": "/data/other"},
    }
    damaged = await cluster.json_patch(kinds.SECRET, NAMESPACE, name, [patch[damage]])
    for doing in (
        keyrings.load(tenant),
        keyrings.create(tenant, TenantSecrets.new(AT)),
        keyrings.change(tenant, lambda found: found),
    ):
        with pytest.raises(KeyringUnusable) as error:
            await doing
        assert name in str(error.value)
    assert await cluster.get(kinds.SECRET, NAMESPACE, name) == damaged


# --- keys -------------------------------------------------------------------------------------------------------


async def test_a_new_key_is_in_the_record_before_it_is_shown(answers, keyrings, records, tenant):
    assert code(await answers.create_key(tenant, KeyCreate("secret"))) == "unavailable"
    await keyrings.create(tenant, TenantSecrets.new(AT))
    made = value(await answers.create_key(tenant, KeyCreate("secret")))
    assert made["key"].startswith("sk_" + made["key_id"])
    assert made["key_id"] in records.keys
    assert records.touched == [tenant]
    found = await keyrings.load(tenant)
    assert found.newest("secret") == LiveKey(made["key_id"], "secret", made["key"], made["created_at"])

    assert value(await answers.revoke_key(tenant, KeyRevoke(made["key_id"]))) == {"key_id": made["key_id"]}
    assert made["key_id"] not in records.keys
    assert code(await answers.revoke_key(tenant, KeyRevoke(made["key_id"]))) == "not_found"
    assert code(await answers.create_key("nobody", KeyCreate("secret"))) == "not_found"
    assert code(await answers.revoke_key("nobody", KeyRevoke("x"))) == "not_found"


async def test_a_revoked_key_is_not_called_dead_before_the_gateways_know(answers, keyrings, records, tenant):
    await keyrings.create(tenant, TenantSecrets.new(AT))
    records.fails = True
    made = value(await answers.create_key(tenant, KeyCreate("publishable")))  # Lost, if it were not shown.
    assert code(await answers.revoke_key(tenant, KeyRevoke(made["key_id"]))) == "unavailable"
    assert records.touched == [tenant] * 2
    records.fails = False
    records.keys = [made["key_id"]]
    # Asked again, it is brought to an end.
    assert code(await answers.revoke_key(tenant, KeyRevoke(made["key_id"]))) == "not_found"
    assert made["key_id"] not in records.keys


async def test_keys_are_bounded(answers, keyrings, tenant):
    start = TenantSecrets.new(AT)
    full = msgspec.structs.replace(start, keys=[LiveKey.new("secret", AT) for _ in range(MAX_KEYS)])
    await keyrings.create(tenant, full)
    reply = await answers.create_key(tenant, KeyCreate("secret"))
    assert (code(reply), reply.problem.detail) == ("invalid", "There are 100 live keys. Revoke one that is not used.")
    assert await keyrings.load(tenant) == full


# --- over NATS --------------------------------------------------------------------------------------------------


@asynccontextmanager
async def listening(platform: Any, answers: Answers, faults: list[Any], **more: Any) -> AsyncIterator[Listener]:
    listener = Listener(answers, failed=lambda *fault: faults.append(fault), **more)
    await listener.listen(platform.account)
    try:
        yield listener
    finally:
        await listener.stop()


async def asked(platform: Any, verb: str, tenant: str, data: Any) -> OperatorReply:
    payload = data if isinstance(data, bytes) else msgspec.json.encode(data)
    message = await platform.account.request(subjects.operator(verb, tenant), payload, timeout=30)
    return decode_reply(message.data)


async def test_calls_are_answered_over_nats(platform, answers, keyrings, records, tenant, capfd):
    await keyrings.create(tenant, TenantSecrets.new(AT))
    faults: list[Any] = []
    async with listening(platform, answers, faults):
        made = value(await asked(platform, operator_calls.VERB_KEY_CREATE, tenant, {"kind": "secret"}))
        edit = {"mode": "merge", "body": {"tone": {"voice": "formal"}}}
        changed = value(await asked(platform, operator_calls.VERB_CONFIG, tenant, edit))
        assert changed["spec"]["tone"]["voice"] == "formal"
        back = value(await asked(platform, operator_calls.VERB_HAND_BACK, tenant, {"fields": [["tone"]]}))
        assert back == {"fields": [["tone", "voice"]]}
        revoke = {"key_id": made["key_id"]}
        assert value(await asked(platform, operator_calls.VERB_KEY_REVOKE, tenant, revoke)) == revoke
        # All at once: none is lost, none is done twice.
        replies = await asyncio.gather(
            *(asked(platform, operator_calls.VERB_KEY_CREATE, tenant, {"kind": "secret"}) for _ in range(20))
        )
        found = await keyrings.load(tenant)
        assert {value(reply)["key_id"] for reply in replies} == {key.key_id for key in found.keys[2:]}
        assert value(await asked(platform, operator_calls.VERB_DELETE, tenant, {"data": True})) == {}
    assert faults == []
    assert await answers._cluster.get(kinds.TENANT, None, tenant) is None
    told = capfd.readouterr()
    assert [key.key for key in found.keys if key.key in told.out + told.err] == []
    assert made["key"] not in told.out + told.err


@pytest.mark.parametrize(
    ("verb", "data", "wanted"),
    [
        ("config", b"", "bad_request"),
        ("config", b"{", "bad_request"),
        ("config", b"\xff", "bad_request"),
        ("config", b'{"mode": "merge", "body": []}', "bad_request"),
        ("config", b'{"mode": "other", "body": {}}', "bad_request"),
        ("config", b'{"mode": "merge", "body": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}", "bad_request"),
        ("config", b'{"mode": "merge", "body": ' + b'{"tone":' * 300 + b"1" + b"}" * 300 + b"}", "invalid"),
        ("config", json.dumps({"mode": "replace", "body": dict.fromkeys(map(str, range(10_000)))}).encode(), "invalid"),
        ("config", b'{"mode": "merge", "body": {"displayName": "a\\u0000b"}}', "invalid"),
        ("hand-back", b'{"fields": [["nowhere"]]}', "invalid"),
        ("hand-back", b'{"fields": ["tone"]}', "bad_request"),
        ("key-create", b'{"kind": "master"}', "bad_request"),
        ("key-revoke", b"{}", "bad_request"),
        ("dance", b"{}", "not_found"),
    ],
)
async def test_bad_calls_are_told_apart(platform, answers, tenant, verb, data, wanted):
    faults: list[Any] = []
    async with listening(platform, answers, faults):
        assert code(await asked(platform, verb, tenant, data)) == wanted
    assert faults == []


async def test_one_of_two_listeners_takes_a_call(platform, answers, keyrings, tenant):
    await keyrings.create(tenant, TenantSecrets.new(AT))
    async with listening(platform, answers, []), listening(platform, answers, []):
        for _ in range(5):
            value(await asked(platform, operator_calls.VERB_KEY_CREATE, tenant, {"kind": "secret"}))
    assert len((await keyrings.load(tenant)).keys) == 7


async def test_an_api_server_that_is_away_is_said_so(platform, answers, tenant, tmp_path):
    kubeconfig = tmp_path / "kubeconfig"
    where = {"name": "x", "cluster": {"server": "http://127.0.0.1:9"}}
    context = {"name": "x", "context": {"cluster": "x", "user": "x"}}
    document = {
        "apiVersion": "v1", "kind": "Config", "clusters": [where], "contexts": [context], "current-context": "x",
        "users": [{"name": "x", "user": {"token": "t"}}],
    }  # fmt: skip
    kubeconfig.write_text(json.dumps(document))
    async with Cluster.connect(kubeconfig=kubeconfig, tries=1, timeout=2) as away:
        lost = Answers(away, Keyrings(away, NAMESPACE), DEFAULT, touch=[].append, publish=None)  # type: ignore[arg-type]
        faults: list[Any] = []
        async with listening(platform, lost, faults, deadline=5):
            edit = {"mode": "merge", "body": {}}
            calls: list[tuple[str, Any]] = [
                ("config", edit), ("hand-back", {"fields": [[]]}), ("key-create", {"kind": "secret"}),
                ("key-revoke", {"key_id": "x"}), ("delete", {}),
            ]  # fmt: skip
            for verb, data in calls:
                assert code(await asked(platform, verb, tenant, data)) == "unavailable"
        assert faults == []


class Slow:
    """A desk whose work has no end."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[None] = asyncio.Queue()
        self.ended = 0

    async def edit(self, *_: Any) -> OperatorReply:
        self.begun.put_nowait(None)
        try:
            await asyncio.Event().wait()
        finally:
            self.ended += 1
        raise AssertionError

    hand_back = create_key = revoke_key = delete = edit


async def test_work_is_given_up_and_ends_with_the_listener(platform):
    slow: Any = Slow()
    edit = msgspec.json.encode({"mode": "merge", "body": {}})
    async with listening(platform, slow, [], deadline=0.3):
        reply = await asked(platform, operator_calls.VERB_CONFIG, "acme", edit)
        assert code(reply) == "unavailable"
        assert "took too long" in str(reply.problem)
    assert (slow.begun.qsize(), slow.ended) == (1, 1)
    slow = Slow()
    async with listening(platform, slow, [], at_once=3):
        for _ in range(10):
            await platform.account.publish(subjects.operator(operator_calls.VERB_CONFIG, "acme"), edit)
        for _ in range(3):
            await asyncio.wait_for(slow.begun.get(), 10)
        for _ in range(3):
            await platform.account.flush()
        assert slow.begun.empty()
    assert slow.ended == 3
