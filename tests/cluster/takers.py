"""Stands in for the ingest of tenants whose pods nobody runs: what is published to them is taken, so that a probe of
the data path comes through as it does where a tenant is well."""

import asyncio
import contextlib
import threading
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager

import httpx2
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError
from tests.cluster import kube_api
from tests.cluster.control_plane import ControlPlane
from tests.cluster.kube_api import KubeApi
from tests.cluster.operators import PLATFORM

from handrail_contracts import names, subjects
from handrail_operator.kube import kinds
from handrail_operator.provision import keyring, nats_claims, nats_connection
from handrail_operator.provision.platform import Access

_STORED_WITHIN = (0.05, 2.0)
"""Seconds: nearly always, and on a machine with much to do."""
_LISTENS_WITHIN = 30.0


@contextmanager
def taking(plane: ControlPlane, access: Access, look_every: float = 0.5) -> Iterator[None]:
    """For all tenants there are and those to come; `look_every`: seconds between looks for new ones."""
    ending = threading.Event()
    with kube_api.opened(plane) as api:
        thread = threading.Thread(target=lambda: asyncio.run(_take(api, access, ending, look_every)), daemon=True)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join(30)


async def _take(api: KubeApi, access: Access, ending: threading.Event, look_every: float) -> None:
    taken: dict[str, Client] = {}
    while not ending.is_set():
        with contextlib.suppress(httpx2.HTTPError):
            listed = await asyncio.to_thread(api.list, kinds.SECRET, PLATFORM, names.LABEL_TENANT)
            seeds = {keyring.decode_tenant(b64decode(one["data"][names.KEYRING_KEY])).account_seed for one in listed}
            away = [seed for seed in seeds if seed not in taken or not taken[seed].is_connected]
            for lost in filter(None, (taken.pop(seed, None) for seed in away)):
                await _close(lost)
            come = await asyncio.gather(*(_listen(access, seed) for seed in away))
            taken |= {seed: client for seed, client in zip(away, come, strict=True) if client is not None}
        await asyncio.sleep(look_every)
    for client in taken.values():
        await _close(client)


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

    async def purge() -> None:
        with contextlib.suppress(NatsError, TimeoutError):
            await client.jetstream().purge_stream(names.EVENTS_STREAM)

    async def take(_: Msg) -> None:
        # It is told of the message as soon as the stream is, which has yet to store it.
        for pause in _STORED_WITHIN:
            await asyncio.sleep(pause)
            await purge()

    await client.subscribe(subjects.EVENTS_ALL, cb=take)
    # What came before; where there is no stream yet, nothing did.
    await purge()
    return client
