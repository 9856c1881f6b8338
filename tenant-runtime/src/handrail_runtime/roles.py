"""What a role is, and what a process gives to its roles. Roles are composition: one process may run several."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts.nats_client import Client
from handrail_runtime.config import ConfigWatch
from handrail_runtime.settings import Settings


@dataclass(frozen=True)
class Resources:
    """One role's adapters, made by the composition root."""

    settings: Settings
    nats: Client
    engine: AsyncEngine
    redis: Redis
    config: ConfigWatch


class Role(Protocol):
    """ingest, agent or realtime."""

    optional: frozenset[str]
    """Of the names `ready` gives, those that the role can do its work without, only not as well."""

    async def run(self) -> None:
        """Works until cancelled; finishes what is begun before it lets the cancellation through."""

    def ready(self) -> Mapping[str, bool]:
        """Each dependency by name, as it is now."""

    def router(self) -> APIRouter | None:
        """What the role serves over HTTP, if anything."""


def heed_cancellation() -> None:
    """Raises CancelledError where this task was cancelled and a library under it swallowed that.

    Before Python 3.12 asyncio.wait_for does so when what it waits for ends at the same moment, and redis waits that
    way. A loop that runs until cancelled asks at each turn, or now and then it would never end.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
