"""Stands in for the ingest of tenants whose pods nobody runs: what is published to them is taken, so that a probe of
the data path comes through as it does where a tenant is well."""

import asyncio
import contextlib
import json
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from tests.cluster.control_plane import ControlPlane
from tests.cluster.operators import PLATFORM

from handrail_contracts import names, subjects
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError
from handrail_operator.provision import keyring, nats_claims, nats_connection
from handrail_operator.provision.platform import Access

_STORED_WITHIN = (0.05, 2.0)
"""Seconds: nearly always, and on a machine with much to do."""
_LISTENS_WITHIN = 30.0
_LOOKS_EVERY = 0.2


@contextmanager
def taking(plane: ControlPlane, access: Access) -> Iterator[None]:
    """For all tenants there are and those to come."""
    ending = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(_take(plane, access, ending)), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join(30)


async def _take(plane: ControlPlane, access: Access, ending: threading.Event) -> None:
    taken: dict[str, Client | None] = {}
    async with Cluster.connect(kubeconfig=plane.kubeconfig()) as cluster:
        watching = asyncio.create_task(_watch(cluster, taken))
        while not ending.is_set():
            away = [seed for seed, client in taken.items() if client is None or not client.is_connected]
            for lost in filter(None, map(taken.get, away)):
                await _close(lost)
            come = await asyncio.gather(*(_listen(access, seed) for seed in away))
            taken.update(zip(away, come, strict=True))
            await asyncio.sleep(_LOOKS_EVERY)
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching
    for client in filter(None, taken.values()):
        await _close(client)


async def _watch(cluster: Cluster, taken: dict[str, Client | None]) -> None:
    """Notes the accounts that there are, by their keyrings."""
    while True:
        # Each time from nowhere: then it begins with what there is.
        watch = cluster.watch(kinds.SECRET, PLATFORM, labels=names.LABEL_TENANT, resource_version="")
        with contextlib.suppress(ApiError):
            async for event, secret in watch:
                if event == "BOOKMARK":
                    continue
                seed = keyring.decode_tenant(b64decode(secret["data"][names.KEYRING_KEY])).account_seed
                if event != "DELETED":
                    taken.setdefault(seed, None)
                elif (gone := taken.pop(seed, None)) is not None:
                    await _close(gone)
        await asyncio.sleep(_LOOKS_EVERY)


async def _close(client: Client) -> None:
    with contextlib.suppress(NatsError, OSError, TimeoutError):
        await client.close()


async def _listen(access: Access, seed: str) -> Client | None:
    """None: not now, for its account may not be there yet."""
    try:
        async with asyncio.timeout(_LISTENS_WITHIN):
            client = await nats_connection.connect(access.nats_url, seed, nats_claims.administrator(), "taker")
    except (NatsError, OSError, TimeoutError):
        return None

    async def purge() -> int:
        try:
            answer = await client.request(f"$JS.API.STREAM.PURGE.{names.EVENTS_STREAM}")
        except (NatsError, TimeoutError):
            return 0
        return int(json.loads(answer.data).get("purged", 0))

    async def take(_: Msg) -> None:
        # It is told of the message as soon as the stream is, which has yet to store it.
        for pause in _STORED_WITHIN:
            await asyncio.sleep(pause)
            if await purge():
                return

    await client.subscribe(subjects.EVENTS_ALL, cb=take)
    # What came before; where there is no stream yet, nothing did.
    await purge()
    return client
