"""`start({name: plan})`: a platform with these tenants and their users, ready; ended after the test."""

import contextlib
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from tests.chaos import crowd, histories, machine
from tests.chaos.crowd import Crowd, Ledger
from tests.chaos.scene import Scene, document

from handrail_cli.embedded.ports import free_port

Start = Callable[..., Awaitable[Scene]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    folder = Path(tempfile.mkdtemp(prefix="handrail-chaos-"))
    folder.chmod(0o755)
    async with contextlib.AsyncExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)

        async def begin(tenants: dict[str, str], environment: dict[str, str] | None = None) -> Scene:
            files = []
            for name, plan in tenants.items():
                files.append(folder / f"{name}.yaml")
                files[-1].write_text(document(name, plan))
            running = await machine.start(folder / "state", files, free_port(), environment)
            stack.push_async_callback(running.stop)
            await running.until_ready()
            http = await stack.enter_async_context(crowd.client())
            crowds = {
                name: Crowd(running.gateway, running.key(name), Ledger(), http, histories.numbered, pace=0.4, every=0.6)
                for name in tenants
            }
            for one in crowds.values():
                stack.push_async_callback(one.close)
            return Scene(running, crowds)

        yield begin
