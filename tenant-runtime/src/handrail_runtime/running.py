"""The composition root: builds the adapters, runs the roles until told to stop."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import redis.asyncio
import structlog
import uvicorn

from handrail_contracts import names
from handrail_runtime import faults, http, messaging
from handrail_runtime.config import ConfigWatch
from handrail_runtime.data.engine import create_engine
from handrail_runtime.roles import Resources, Role
from handrail_runtime.settings import Settings

log = structlog.get_logger()

INSIST_AFTER = 4.0
"""Seconds for roles to finish what they have begun."""
END_WITHIN = 8.0
"""Seconds from being told to stop to the end of the process, whatever hangs."""


def _ingest(resources: Resources) -> Role:
    from handrail_runtime.ingest.role import IngestRole

    return IngestRole(resources)


def _agent(resources: Resources) -> Role:
    from handrail_runtime.agent.role import AgentRole

    return AgentRole(resources)


def _realtime(resources: Resources) -> Role:
    from handrail_runtime.realtime.role import RealtimeRole

    return RealtimeRole(resources)


ROLES: dict[str, Callable[[Resources], Role]] = {"ingest": _ingest, "agent": _agent, "realtime": _realtime}
"""Imported only where run: a process pays for its own roles alone."""


@contextlib.asynccontextmanager
async def _resources(settings: Settings, role: str, kinds: faults.Adapters | None = None) -> AsyncIterator[Resources]:
    """One role's adapters, closed in the reverse order."""
    kinds = kinds or faults.Adapters()
    async with contextlib.AsyncExitStack() as stack:
        client = await messaging.connect(settings, role, kinds.nats)
        stack.push_async_callback(client.close)
        engine = create_engine(settings.secret(names.DATABASE_URL_FILE), name=f"handrail-{role}", kind=kinds.database)
        stack.push_async_callback(engine.dispose)
        store = redis.asyncio.Redis.from_url(settings.secret(names.REDIS_URL_FILE), connection_class=kinds.redis)
        stack.push_async_callback(store.aclose)
        config = ConfigWatch(client)
        await config.load()
        following = asyncio.create_task(config.follow(), name=f"{role}-config")
        stack.push_async_callback(_cancel, following)
        yield Resources(settings, client, engine, store, config)


async def _cancel(task: asyncio.Task[None]) -> None:
    # More than once where need be: before Python 3.12 asyncio.wait_for may swallow a cancellation.
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=0.5)


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers: this process has one place that decides when to end."""

    @contextlib.contextmanager
    def capture_signals(self):  # type: ignore[no-untyped-def]
        yield


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Waits for tasks that were told to end. A library may swallow a cancellation (see roles.heed_cancellation), also
    in a task below them, which they would wait for without end: after a while all tasks are told again."""
    await asyncio.wait(tasks, timeout=INSIST_AFTER)
    while late := [task for task in tasks if not task.done()]:
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.wait(late, timeout=0.5)


def _give_up() -> None:
    """The last resort: says what does not end, and ends all the same. What was not acknowledged comes again."""
    for task in asyncio.all_tasks():
        log.error("does not end", task=task.get_name(), waits=_waits(task))
    os._exit(1)


def _waits(task: asyncio.Task[Any]) -> list[str]:
    """Where a task stands, the innermost call last."""
    found = []
    awaited: Any = task.get_coro()
    while (frame := getattr(awaited, "cr_frame", None)) is not None:
        found.append(f"{frame.f_code.co_qualname}:{frame.f_lineno}")
        awaited = awaited.cr_await
    return found


async def _run(settings: Settings, role_names: list[str]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with contextlib.AsyncExitStack() as stack:
        kinds = faults.adapters(settings)
        roles = [ROLES[name](await stack.enter_async_context(_resources(settings, name, kinds))) for name in role_names]
        server = _Server(
            uvicorn.Config(
                http.create_app(roles),
                host=settings.host,
                port=settings.port,
                loop="uvloop",
                http="httptools",
                ws="websockets-sansio",
                ws_per_message_deflate=False,
                access_log=False,
                log_config=None,
                timeout_graceful_shutdown=2,
            )
        )
        tasks = [asyncio.create_task(role.run(), name=name) for role, name in zip(roles, role_names, strict=True)]
        tasks.append(asyncio.create_task(server.serve(), name="http"))
        stopping = asyncio.create_task(stop.wait(), name="stop")
        # What was imported stays; the rest holds few circles, so that looking for them often is in vain.
        gc.freeze()
        gc.set_threshold(20_000, 20, 50)
        gc.enable()
        log.info("running", roles=role_names, port=settings.port)
        done, _ = await asyncio.wait([*tasks, stopping], return_when=asyncio.FIRST_COMPLETED)
        loop.call_later(END_WITHIN, _give_up)
        server.should_exit = True
        for task in tasks[:-1]:
            task.cancel()
        await _ended(tasks)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        stopping.cancel()
        for task, result in zip(tasks, results, strict=True):
            if isinstance(result, Exception):
                log.error("a role ended with an error", role=task.get_name(), exc_info=result)
        if stopping not in done:
            raise SystemExit(1)


def run(settings: Settings, role_names: list[str]) -> None:
    """Raises MissingSecret, faults.NotHere."""
    with asyncio.Runner(loop_factory=uvicorn.Config("", loop="uvloop", log_config=None).get_loop_factory()) as runner:
        runner.run(_run(settings, role_names))
