"""All parts of a gateway, built from its settings and started together."""

import asyncio
import json

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from handrail_contracts import names
from handrail_gateway.bus import PlatformBus
from handrail_gateway.connections import MOST, Connections
from handrail_gateway.directory import Directory
from handrail_gateway.door import Door
from handrail_gateway.identify import Identify
from handrail_gateway.identity import UserTokens
from handrail_gateway.instances import Instances, Resolve, system
from handrail_gateway.intake import Intake
from handrail_gateway.link import Links
from handrail_gateway.metrics import Metrics
from handrail_gateway.principals import Principals
from handrail_gateway.publisher import Publisher
from handrail_gateway.relay import MOST_RELAYED, Relay
from handrail_gateway.sdk_files import SdkFiles
from handrail_gateway.settings import MissingSecret, Settings
from handrail_gateway.sockets import Sockets

log = structlog.get_logger()


class Gateway:
    """The parts by name. Building reads the secret files; only `start` connects to anything."""

    def __init__(self, settings: Settings, resolve: Resolve = system) -> None:
        """`resolve`: how names in the tenants' records are looked up. Raises MissingSecret."""
        settings.secret(names.GATEWAY_CREDS_FILE)
        self.settings = settings
        self.metrics = metrics = Metrics()
        self.directory = directory = Directory()
        tokens = _tokens(settings)
        principals = _principals(settings)
        self.connections = Connections(_most_connections(settings), settings.trusted_proxies, metrics)
        self.bus = PlatformBus(
            directory,
            url=settings.nats_url,
            credentials=settings.secrets / names.GATEWAY_CREDS_FILE,
            relist_every=settings.relist_every,
            key_use_every=settings.key_use_every,
            operator_timeout=settings.operator_timeout,
            on_state=metrics.platform_connected.set,
        )
        self.door = Door(
            directory,
            self.bus,
            metrics,
            trusted=settings.trusted_proxies,
            work_requests=settings.work_requests,
            work_bytes=settings.work_bytes,
            relayed=MOST_RELAYED,
        )
        publisher = Publisher(
            directory,
            metrics,
            url=settings.nats_url,
            publish_timeout=settings.publish_timeout,
            connect_timeout=settings.connect_timeout,
            queue_bytes=settings.queue_bytes,
            idle_after=settings.idle_after,
            ended=self.door.end,
        )
        self.intake = Intake(self.door, publisher, tokens, self.bus, metrics)
        self.identify = Identify(self.door, self.intake, tokens)
        self._instances = Instances(resolve)
        self.links = Links(directory, principals, metrics, self._instances)
        self.sockets = Sockets(directory, self.door, tokens, self.links, self.bus, metrics)
        self.relay = Relay(principals, self.bus, self._instances, timeout=settings.relay_timeout)
        self.sdk_files = SdkFiles(settings.sdk_folder, unreleased=settings.local)
        self._publisher = publisher
        metrics.tenants.set_function(lambda: float(len(directory)))
        metrics.keys.set_function(lambda: float(directory.key_count))
        metrics.key_use.set_function(lambda: float(self.bus.waiting()))
        metrics.queue_bound.set(settings.queue_bytes)

    async def start(self) -> None:
        """Does not wait for NATS: until the tenants are known, `ready` is False."""
        self.sdk_files.load()
        self.bus.start()
        self._publisher.start()

    async def stop(self) -> None:
        await asyncio.gather(self.links.stop(), self._publisher.stop(), self.relay.stop(), return_exceptions=True)
        await self._instances.stop()
        await self.bus.stop()

    @property
    def ready(self) -> bool:
        """Whether all tenants were read once. NATS away later is answered request by request."""
        return self.directory.complete


def _most_connections(settings: Settings) -> int | None:
    if settings.connections_per_address is None and settings.local:
        return None
    return settings.connections_per_address or MOST


def _key_set(settings: Settings, name: str) -> KeySet:
    try:
        return KeySet.import_key_set(json.loads(settings.secret(name)))
    except (JoseError, ValueError, KeyError, TypeError) as error:
        raise MissingSecret(f"the secret file {name} holds no JWK set") from error


def _tokens(settings: Settings) -> UserTokens:
    try:
        return UserTokens(_key_set(settings, names.USER_TOKEN_KEYS_FILE))
    except ValueError as error:
        raise MissingSecret(f"the secret file {names.USER_TOKEN_KEYS_FILE}: {error}") from error


def _principals(settings: Settings) -> Principals:
    try:
        return Principals(_key_set(settings, names.PRINCIPAL_SIGNING_KEYS_FILE))
    except ValueError as error:
        raise MissingSecret(f"the secret file {names.PRINCIPAL_SIGNING_KEYS_FILE}: {error}") from error
