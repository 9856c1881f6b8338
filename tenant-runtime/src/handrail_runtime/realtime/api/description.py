"""The read API's own OpenAPI description, as the gateway publishes it. Nothing is connected or read for it."""

from pathlib import Path
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import create_async_engine

from handrail_contracts.nats_client import Client
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.realtime.api.mending import Mending
from handrail_runtime.realtime.api.reader import Reader
from handrail_runtime.realtime.api.routes import create_router
from handrail_runtime.realtime.api.targets import TargetList
from handrail_runtime.realtime.principals import Verifier


def describe(security: list[dict[str, Any]]) -> dict[str, Any]:
    """OpenAPI 3.1. `security` is how the gateway knows who asks: the principal never leaves the platform."""
    app = FastAPI(title="Handrail")
    engine = create_async_engine("postgresql+asyncpg://")
    reader = Reader(engine)
    mending = Mending(engine, reader.turn, Client().jetstream())
    targets = TargetList(reader, _no_config)
    app.include_router(create_router(reader, targets, mending, Verifier(Path(), "")))
    schema = app.openapi()
    for operations in schema["paths"].values():
        for operation in operations.values():
            operation["security"] = security
    return schema


def _no_config() -> TenantSpec:
    raise LookupError("nothing is asked of a description")
