"""Sends a harmless message the way of the events, and sees that the runtime took it."""

import asyncio

from nats.errors import NoRespondersError
from nats.js.errors import APIError, NoStreamResponseError, NotFoundError

from handrail_contracts import names, subjects
from handrail_operator.errors import ServerRefused, TenantError
from handrail_operator.provision import nats_claims, nats_connection
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access

WITHIN = 10.0
"""Seconds from the probe's being on disk until ingest should have taken it."""


class NotTaken(TenantError):
    """Events are kept, and nobody works them off."""

    reason = "NotTaken"


class StreamMissing(TenantError):
    """There is no place for events."""

    reason = "StreamMissing"


async def probe(access: Access, secrets: TenantSecrets, within: float = WITHIN) -> None:
    """Raises NotTaken, StreamMissing, ServerRefused, or NATS's errors."""
    async with nats_connection.connected(
        access.nats_url, secrets.account_seed, nats_claims.prober(), "probe", issued_after=secrets.revoked_until
    ) as client:
        js = client.jetstream()
        try:
            sent = await js.publish(subjects.EVENTS_PROBE, b"", timeout=5)
        except (NoStreamResponseError, NoRespondersError) as error:
            raise StreamMissing(f"the stream {names.EVENTS_STREAM} does not take events: it is missing") from error
        except APIError as error:
            raise ServerRefused(
                f"the stream {names.EVENTS_STREAM} does not take events: {error.description}"
            ) from error
        deadline = asyncio.get_running_loop().time() + within
        pause = 0.02
        while True:
            try:
                await js.get_msg(names.EVENTS_STREAM, sent.seq, direct=True)
            except NotFoundError:
                return
            if asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(pause)
            pause = min(0.5, pause * 1.5)
        # Nobody shall find it later, where ingest has been away for long.
        await js.delete_msg(names.EVENTS_STREAM, sent.seq)
    raise NotTaken(f"a probe is on disk, and ingest did not take it within {within:g} s")
