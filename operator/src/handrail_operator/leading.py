"""What only the operator that leads does: it looks at tenants, watches their Secrets, answers calls over NATS."""

import asyncio
from collections.abc import Callable

import structlog
from nats.errors import Error as NatsError

from handrail_contracts.nats_client import Client
from handrail_operator.calls.answers import Answers
from handrail_operator.calls.listening import Listener
from handrail_operator.errors import TenantError
from handrail_operator.installation import Installation
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError
from handrail_operator.metrics import Metrics
from handrail_operator.provision.platform import Access
from handrail_operator.provision.servers import Servers, open_servers
from handrail_operator.reconcile.reconciler import NotConverged, Reconciler
from handrail_operator.settings import Settings
from handrail_operator.watching.cache import Children, Tenants
from handrail_operator.watching.queue import Queue
from handrail_operator.watching.secrets import SecretWatches

log = structlog.get_logger()

_CALL_WITHIN = 8.0
"""Seconds: less than a gateway waits."""
_LISTEN_EVERY = 0.5
"""Seconds."""


class Office:
    """Made by every operator, so that the watches have somewhere to put what they hear; `work` runs in the leader."""

    def __init__(
        self,
        cluster: Cluster,
        settings: Settings,
        installation: Installation,
        access: Access,
        metrics: Metrics,
        tenants: Tenants,
        children: Children,
    ) -> None:
        self._cluster = cluster
        self._settings = settings
        self._installation = installation
        self._access = access
        self._tenants = tenants
        self._children = children
        self._reconciler: Reconciler | None = None
        self.servers: Servers | None = None
        self.queue = Queue(
            self._look,
            concurrency=settings.concurrency,
            resync=settings.resync,
            first_retry=settings.first_retry,
            longest_retry=settings.longest_retry,
            expected=(TenantError, ApiError, NotConverged),
            observe=metrics.looked,
        )
        self.secrets = SecretWatches(cluster, self.queue.touch, children.echoes, children.secrets)

    async def work(self) -> None:
        """Until cancelled; then it has ended what it began."""
        async with open_servers(self._access, on_change=self._server_changed) as servers:
            self.servers = servers
            self._reconciler = Reconciler(
                self._cluster,
                self._tenants,
                self._children,
                servers,
                self._settings,
                self._installation,
                touch=self.queue.touch,
            )
            answers = Answers(
                self._cluster,
                self._reconciler.keyrings,
                self._installation.plans,
                touch=lambda name: self.queue.touch(name, asked=True),
                publish=self._reconciler.publish,
            )
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self.queue.run(), name="queue")
                    group.create_task(self.secrets.run(), name="watches of Secrets")
                    group.create_task(_answer(answers, lambda: servers.account), name="calls")
            finally:
                self.servers = None

    async def _look(self, name: str) -> float | None:
        if self._reconciler is None:
            raise RuntimeError("nobody works before it leads")
        again = await self._reconciler.reconcile(name)
        if name not in self._tenants:
            self.queue.forget(name)
        return again

    def _server_changed(self, _component: str) -> None:
        for name in self._tenants.names():
            self.queue.touch(name, urgent=True)


async def _answer(answers: Answers, account: Callable[[], Client | None]) -> None:
    """Listens on the connection as it is now; a connection that was made again does not know who listened before."""
    listener = Listener(answers, failed=_call_failed, deadline=_CALL_WITHIN)
    listened: Client | None = None
    try:
        while True:
            client = account()
            if client is not None and client is not listened:
                try:
                    await listener.listen(client)
                    listened = client
                    log.info("answers calls over NATS")
                except (NatsError, OSError, TimeoutError) as error:
                    log.warning("cannot answer calls over NATS yet", why=str(error) or type(error).__name__)
            await asyncio.sleep(_LISTEN_EVERY)
    finally:
        await listener.stop()


def _call_failed(verb: str, tenant: str, error: Exception) -> None:
    log.error("a call failed", verb=verb, tenant=tenant, exc_info=error)
