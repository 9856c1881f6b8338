"""Answers to one NATS user are heard by no other of its account; versions beside each other go on talking."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg

from handrail_contracts import inboxes, names, subjects
from handrail_operator.provision import nats_claims, nats_jwt
from handrail_operator.provision.tenant import inside
from handrail_runtime import messaging
from handrail_runtime.settings import Settings


def settings(servers: Any, tenant: Any, folder: Path, **files: str) -> Settings:
    for role in names.ROLES:
        (folder / names.creds_file(role)).write_text(files.get(role) or tenant.text(names.creds_file(role)))
    return Settings(tenant=tenant.name, nats_url=servers.nats_url, secrets=folder)


def earlier(tenant: Any, role: str) -> str:
    """Credentials as the version before made them: answers at the shared place alone."""
    claims = nats_claims.role(role)
    allowed = [one for one in claims["sub"]["allow"] if not one.startswith(f"{subjects.SHARED_INBOX}_")]
    assert f"{subjects.SHARED_INBOX}.>" in allowed
    claims["sub"] = {"allow": allowed}
    seed = tenant.keyring.role_seeds[role]
    token = nats_jwt.encode(tenant.keyring.account_seed, nats_jwt.public_key(seed), role, claims, issued_at=0)
    return nats_jwt.credentials(token, seed)


async def fetched(client: Client) -> list[bytes]:
    """As ingest takes events: asked for, delivered to its inbox."""
    bound = await client.jetstream().pull_subscribe_bind(names.INGEST_CONSUMER, names.EVENTS_STREAM)
    found = await bound.fetch(1, timeout=20)
    for one in found:
        await one.ack()
    return [one.data for one in found]


async def read(client: Client) -> bytes | None:
    bucket = await client.jetstream().key_value(names.CONFIG_BUCKET)
    watcher = await bucket.watch(names.EFFECTIVE_CONFIG)
    found: bytes | None = (await watcher.updates(timeout=20)).value
    await watcher.stop()
    return found


@pytest.mark.parametrize("spy", names.ROLES)
async def test_a_role_hears_nothing_that_is_delivered_to_others(servers, make_tenant, tmp_path, spy):
    tenant = await make_tenant(migrate=False)
    given = settings(servers, tenant, tmp_path)
    heard: list[str] = []

    async def hear(message: Msg) -> None:
        heard.append(message.subject)

    listener = await messaging.connect(given, spy)
    await listener.subscribe(f"{subjects.SHARED_INBOX}.>", cb=hear)
    await listener.flush()
    ingest = await messaging.connect(given, "ingest")
    async with inside(servers.access, tenant.keyring) as operator:
        await operator.jetstream().publish(subjects.EVENTS, b"raw")
        assert await fetched(ingest) == [b"raw"]
        assert await read(ingest)
        assert await read(operator)
    # What was delivered before this has arrived.
    await listener.flush()
    assert heard == []
    for client in (listener, ingest):
        await client.close()


@pytest.mark.parametrize("spy", names.ROLES)
def test_no_user_may_listen_at_anothers(spy: str):
    users = [nats_claims.role(one) for one in names.ROLES] + [nats_claims.publisher()]
    places = {inboxes.of_claims(one) for one in users}
    assert len(places) == len(users)
    allowed = nats_claims.role(spy)["sub"]["allow"]
    own = inboxes.of_claims(nats_claims.role(spy))
    assert own == subjects.inbox(spy)
    assert not [one for one in allowed for place in places - {own} if one.startswith(place)]


async def test_the_server_keeps_a_role_out_of_anothers(servers, make_tenant, tmp_path):
    tenant = await make_tenant(migrate=False)
    path = tmp_path / "user.creds"
    path.write_text(tenant.text(names.creds_file("agent")))
    errors: list[str] = []

    async def note(error: Exception) -> None:
        errors.append(str(error))

    client = Client()
    await client.connect(servers.nats_url, user_credentials=str(path), error_cb=note)
    for subject in (f"{subjects.inbox('ingest')}.>", f"{subjects.inbox('publisher')}.>", "*.>"):
        await client.subscribe(subject)
        refused = f'permissions violation for subscription to "{subject.lower()}"'
        async with asyncio.timeout(10):
            while not any(refused in one for one in errors):  # noqa: ASYNC110 - the list belongs to nats-py
                await asyncio.sleep(0.01)
    await client.close()


async def test_this_version_with_credentials_of_the_version_before(servers, make_tenant, tmp_path):
    tenant = await make_tenant(migrate=False)
    given = settings(servers, tenant, tmp_path, ingest=earlier(tenant, "ingest"))
    client = await messaging.connect(given, "ingest")
    assert client.new_inbox().startswith(f"{subjects.SHARED_INBOX}.")
    assert await read(client)
    await client.close()


async def test_the_version_before_with_credentials_of_this_one(servers, make_tenant, tmp_path):
    tenant = await make_tenant(migrate=False)
    path = tmp_path / "user.creds"
    path.write_text(tenant.text(names.creds_file("ingest")))
    client = Client()
    await client.connect(servers.nats_url, user_credentials=str(path))
    assert client.new_inbox().startswith(f"{subjects.SHARED_INBOX}.")
    assert await read(client)
    async with inside(servers.access, tenant.keyring) as operator:
        await operator.jetstream().publish(subjects.EVENTS, b"raw")
    assert await fetched(client) == [b"raw"]
    await client.close()


@pytest.mark.parametrize("text", ["", "no token", "eyJ.x.y", "eyJhbGciOiJ9.bm8.c2ln", "eyJhbGciOiJ9.e30.c2ln"])
def test_what_cannot_be_read_means_the_shared_place(text: str):
    assert inboxes.of_credentials(text) == subjects.SHARED_INBOX
