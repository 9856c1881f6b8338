"""An operator from its start to its end. Every operator watches, so that the one that takes over knows everything;
the one that leads works."""

import asyncio
import json
import os
import signal
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, NoReturn

import structlog

from handrail_operator.installation import Installation
from handrail_operator.kube.access import Access as ApiAccess
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.kinds import Kind
from handrail_operator.leading import Office
from handrail_operator.metrics import Metrics
from handrail_operator.patience import await_cluster
from handrail_operator.probes import served
from handrail_operator.provision.platform import Access
from handrail_operator.settings import Settings
from handrail_operator.watching import gate, watches
from handrail_operator.watching.cache import Children, Tenants
from handrail_operator.watching.canary import Canary
from handrail_operator.watching.leader import Election, Lead, Terms
from handrail_operator.watching.queue import IDLE
from handrail_operator.watching.told import Object, Told
from handrail_operator.watching.watched import KINDS

log = structlog.get_logger()

_LEAD_LOST = "operator ends: the lead is lost"
_END_WITHIN = 10.0
"""Seconds; then the process ends however it stands."""


class Operator:
    """`run` once."""

    def __init__(self, settings: Settings, installation: Installation, access: Access, kubeconfig: Path | None) -> None:
        self._settings = settings
        self._installation = installation
        self._access = access
        self._kubeconfig = kubeconfig
        self._metrics = Metrics()
        self._tenants = Tenants()
        self._children = Children()
        self._lead = Lead(settings.renew_deadline, _lead_lost(settings.log_format))
        self._office: Office | None = None
        self._canary: Canary | None = None
        self._known = False
        self._asked_to_end = asyncio.Event()
        self._blind = asyncio.Event()

    # --- what the probes ask ---------------------------------------------------------------------------------

    def living(self) -> bool:
        return not self._blind.is_set()

    def ready(self) -> bool:
        return self._known and self.living()

    def metrics(self) -> bytes:
        servers = self._office.servers if self._office is not None else None
        self._metrics.note(self._tenants.readiness(), servers.health() if servers is not None else {})
        return self._metrics.text()

    # --- its life --------------------------------------------------------------------------------------------

    async def run(self) -> int:
        """Until a signal comes or it cannot go on. Returns the exit code. Raises AccessMissing, PortTaken."""
        settings = self._settings
        self._take_signals()
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(served(self, settings.host, settings.port))
            log.info("operator starts", identity=settings.identity, port=port)
            cluster = await stack.enter_async_context(
                Cluster.connect(
                    requests_per_second=settings.requests_per_second,
                    burst=settings.requests_burst,
                    fault_after=settings.fault_after,
                    kubeconfig=self._kubeconfig,
                    agent=f"handrail-operator ({settings.identity})",
                    observe=self._metrics.called,
                    before_write=self._lead.check,
                )
            )
            # Renewals and checks must not wait behind a thousand tenants.
            apart = await stack.enter_async_context(
                Cluster.connect(
                    kubeconfig=self._kubeconfig,
                    tries=1,
                    timeout=max(1.0, settings.renew_deadline / 2),
                    agent=f"handrail-operator ({settings.identity}, lease)",
                    observe=self._metrics.called,
                )
            )
            return await self._live(cluster, apart)

    async def _live(self, cluster: Cluster, apart: Cluster) -> int:
        settings = self._settings
        terms = Terms(
            settings.namespace,
            settings.lease,
            settings.identity,
            settings.lease_duration,
            settings.renew_deadline,
            settings.retry_period,
        )
        election = Election(apart, terms, self._lead)
        self._office = office = Office(
            cluster, settings, self._installation, self._access, self._metrics, self._tenants, self._children
        )
        told = Told(self._tenants, self._children, office.queue.touch, office.secrets.set)
        self._canary = canary = Canary(apart, told, settings.canary_every, self._see_nothing)
        self._metrics.watch_queue(lambda: office.queue.state() if self._lead.held else IDLE)
        self._metrics.watch("is_leader", "1 in the operator that leads.", lambda: float(self._lead.held))
        self._metrics.watch("secret_watches", "Namespaces whose Secrets are watched.", office.secrets.count)

        end = asyncio.create_task(self._asked_to_end.wait(), name="signal")
        blind = asyncio.create_task(self._blind.wait(), name="blindness")
        waiting = asyncio.create_task(await_cluster(apart), name="patience")
        await asyncio.wait({end, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if end.done():
            waiting.cancel()
            blind.cancel()
            return 0
        watching = asyncio.create_task(self._watch(cluster, told, canary), name="watches")
        leading = asyncio.create_task(self._work(cluster, election, office, canary), name="leading")
        ended, _ = await asyncio.wait({end, blind, watching, leading}, return_when=asyncio.FIRST_COMPLETED)
        for task in (watching, leading):
            _tell_end(task)
        _at_the_latest(_END_WITHIN)
        # In this order: nothing is written any more, then another may lead, then nothing is heard any more.
        await _ended(leading)
        if self._lead.held:
            await election.release()
        await _ended(watching)
        end.cancel()
        blind.cancel()
        log.info("operator has ended")
        return 0 if end in ended and len(ended) == 1 else 1

    async def _watch(self, cluster: Cluster, told: Told, canary: Canary) -> None:
        def hear(kind: Kind, event: str | None, thing: Object) -> None:
            if event is None and self._known:
                canary.began_anew(kind)
            told.hear(kind, event, thing)

        await watches.run(hear, ApiAccess(self._kubeconfig), cluster, started=self._take_signals)

    async def _work(self, cluster: Cluster, election: Election, office: Office, canary: Canary) -> None:
        await gate.opened(cluster, KINDS, self._tenants, self._children)
        self._known = True
        log.info("knows the cluster", tenants=len(self._tenants.names()))
        async with asyncio.TaskGroup() as group:
            group.create_task(canary.run(), name="canary")
            await election.win()
            group.create_task(election.keep(), name="lease")
            await office.work()

    def _take_signals(self) -> None:
        """Kopf takes them for itself when it starts."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._asked_to_end.set)
        # A process that stood still learns here, before it goes on with anything, that its time is over.
        signal.signal(signal.SIGCONT, lambda *_: self._lead.check())

    def _see_nothing(self, what: str) -> None:
        log.error("operator ends: it would not see what happens", kind=what)
        self._blind.set()


def _lead_lost(log_format: Literal["console", "json"]) -> Callable[[str], NoReturn]:
    """Another operator may work already: not one more step here, so the line is written past all logging, whose locks
    a thread that stands still may hold."""

    def end(why: str) -> NoReturn:
        now, event = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"), _LEAD_LOST
        line = (
            f"{now} [error    ] {event:<30} process=operator why={why!r}"
            if log_format == "console"
            else json.dumps({"event": event, "why": why, "level": "error", "process": "operator", "timestamp": now})
        )
        os.write(2, f"{line}\n".encode())
        os._exit(1)

    return end


def _at_the_latest(seconds: float) -> None:
    """Nothing that hangs keeps the process."""

    def end() -> None:
        log.error("operator ends: something did not end in time")
        os._exit(1)

    asyncio.get_running_loop().call_later(seconds, end)


async def _ended(task: "asyncio.Task[object]") -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


def _tell_end(task: "asyncio.Task[None]") -> None:
    if not task.done():
        return
    error = None if task.cancelled() else task.exception()
    log.error("operator ends: it cannot go on", where=task.get_name(), exc_info=error)
