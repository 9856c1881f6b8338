"""A role's NATS connection, with that role's own credentials."""

import structlog

from handrail_contracts import inboxes, names
from handrail_contracts.nats_client import Client
from handrail_runtime.settings import Settings

log = structlog.get_logger()


async def connect(settings: Settings, role: str, kind: type[Client] = Client) -> Client:
    """A connection of this `kind` that reconnects for ever. Raises MissingSecret, or NATS's own error on the first
    attempt."""
    credentials = settings.secret(names.creds_file(role))
    client = kind()

    async def lost() -> None:
        if not client.is_closed:  # closing it on purpose calls this as well
            log.warning("nats connection lost, reconnecting", role=role)

    async def back() -> None:
        log.info("nats connection is back", role=role)

    async def failed(error: Exception) -> None:
        log.debug("nats error", role=role, error=str(error))

    await client.connect(
        servers=[settings.nats_url],
        user_credentials=str(settings.secrets / names.creds_file(role)),
        inbox_prefix=inboxes.of_credentials(credentials),
        name=f"{settings.tenant}-{role}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=1,
        ping_interval=5,
        disconnected_cb=lost,
        reconnected_cb=back,
        error_cb=failed,
    )
    return client
