"""One tenant of the local cluster, from apply to its end, and users on it who keep books of all they did and saw."""

import asyncio
import base64
import contextlib
import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx2
from tests.chaos import histories
from tests.chaos.crowd import Crowd, Ledger
from tests.chaos.verdict import Verdict, judge
from tests.cluster.local_cluster import LocalCluster
from tests.cluster.operators import PLATFORM

from handrail_contracts import names
from handrail_operator.provision.keyring import TenantSecrets, decode_tenant

PATIENCE = 90.0
"""Seconds."""


@dataclass
class LivingTenant:
    cluster: LocalCluster
    plan: str = "standard"
    name: str = field(default_factory=lambda: f"t-{secrets.token_hex(4)}")

    @property
    def namespace(self) -> str:
        return names.namespace(self.name)

    async def apply(self, **spec: Any) -> None:
        """As kubectl apply does with a changed file."""
        given = histories.SPEC | {"displayName": self.name, "plan": self.plan, "deletionPolicy": "Delete"} | spec
        document = {
            "apiVersion": names.API_VERSION,
            "kind": names.KIND,
            "metadata": {"name": self.name},
            "spec": given,
        }
        await asyncio.to_thread(self.cluster.apply, document)

    async def get(self, *arguments: str) -> Any:
        """An object of its namespace, or a list's items; None where there is none."""
        return await asyncio.to_thread(self.cluster.get, *arguments, "-n", self.namespace)

    async def tenant(self) -> Any:
        return await asyncio.to_thread(self.cluster.get, "otn", self.name)

    async def conditions(self) -> dict[str, tuple[str, str]]:
        found = await self.tenant() or {}
        return {one["type"]: (one["status"], one["reason"]) for one in found.get("status", {}).get("conditions", [])}

    async def until(self, holds: Callable[[dict[str, tuple[str, str]]], object], seconds: float = PATIENCE) -> None:
        """Waits for conditions of the generation that was asked for last."""
        deadline = time.monotonic() + seconds
        while True:
            found = await self.tenant() or {"metadata": {}}
            said = found.get("status", {})
            conditions = {one["type"]: (one["status"], one["reason"]) for one in said.get("conditions", [])}
            if said.get("observedGeneration") == found["metadata"].get("generation") and holds(conditions):
                return
            assert time.monotonic() < deadline, json.dumps(said, indent=1)
            await asyncio.sleep(0.1)

    async def ready(self, reason: str = "Running", seconds: float = PATIENCE) -> None:
        def well(found: dict[str, tuple[str, str]]) -> bool:
            settled = found.get("Progressing", ("",))[0] == "False"
            return found.get("Ready") == ("True", reason) and settled

        await self.until(well, seconds)

    async def keyring(self) -> TenantSecrets:
        kept = await asyncio.to_thread(self.cluster.get, "secret", names.keyring_secret(self.name), "-n", PLATFORM)
        return decode_tenant(base64.b64decode(kept["data"][names.KEYRING_KEY]))

    async def key(self, kind: str = "publishable") -> str:
        """As a SaaS company finds it."""
        shown = await self.get("secret", names.KEYS_SECRET)
        return base64.b64decode(shown["data"][kind]).decode()

    async def pods(self) -> list[Any]:
        return [one for one in await self.get("pods") or [] if "deletionTimestamp" not in one["metadata"]]

    async def delete(self) -> None:
        await asyncio.to_thread(self.cluster.kubectl, "delete", "otn", self.name, "--wait=false", "--ignore-not-found")

    async def gone(self, seconds: float = PATIENCE) -> None:
        """The tenant and its namespace."""
        deadline = time.monotonic() + seconds
        while await self.tenant() or await asyncio.to_thread(self.cluster.get, "namespace", self.namespace):
            assert time.monotonic() < deadline, await self.tenant()
            await asyncio.sleep(0.2)

    @asynccontextmanager
    async def database(self) -> AsyncIterator[asyncpg.Connection]:
        """As the server's administrator."""
        admin = self.cluster.access.postgres_url.rpartition("/")[0]
        address = f"{admin}/{(await self.keyring()).database}"
        connection = await asyncpg.connect(address, timeout=10, command_timeout=30)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def traffic(self, *, pace: float = 0.15, every: float = 0.4) -> AsyncIterator[Ledger]:
        """Users come and go until the block ends; then all of them get rid of what they have. Raises AssertionError
        where the gateway does not take it within PATIENCE."""
        ledger, stop = Ledger(), asyncio.Event()
        async with httpx2.AsyncClient(trust_env=False) as http:
            key = await self.key()
            users = Crowd(self.cluster.gateway_url, key, ledger, http, histories.numbered, pace=pace, every=every)
            try:
                async with asyncio.TaskGroup() as group:
                    coming = group.create_task(users.run(stop))
                    yield ledger
                    stop.set()
                    await asyncio.wait([coming], timeout=PATIENCE)
                    assert coming.done(), _kept(ledger)
                await self._settled(ledger)
            finally:
                await users.close()

    async def _settled(self, ledger: Ledger) -> None:
        deadline = time.monotonic() + PATIENCE
        while True:
            if (await self.verdict(ledger)).settled or time.monotonic() > deadline:
                return
            await asyncio.sleep(0.3)

    async def verdict(self, ledger: Ledger) -> Verdict:
        async with self.database() as database:
            return await judge(database, ledger)

    async def moved_on(self, ledger: Ledger, batches: int = 4) -> None:
        """Waits until some more batches were taken."""
        before, deadline = len(ledger.delays), time.monotonic() + PATIENCE
        while len(ledger.delays) < before + batches:
            assert time.monotonic() < deadline, f"no batches are taken any more: {_kept(ledger)}"
            await asyncio.sleep(0.05)

    async def balanced(self, ledger: Ledger) -> None:
        """Nothing lost, nothing stored that nobody sent, nothing shown twice, and somebody was helped."""
        found = await self.verdict(ledger)
        assert ledger.wrong == []
        assert found.settled, found
        assert (found.lost, found.foreign, found.twice) == ([], [], [])
        assert found.stored == found.accepted == len(ledger.users) * histories.BATCHES * histories.PER_BATCH
        assert (found.dead_letters, found.failed_runs) == (0, 0)
        assert found.shown == found.nudges > 0, found


def _kept(ledger: Ledger) -> str:
    """Why users did not get rid of what they have."""
    left = len(ledger.offered) - len(ledger.accepted)
    return (
        f"{left} events are not taken; answers so far: {dict(ledger.answers)}; last told to wait by: {ledger.refused}"
    )


@asynccontextmanager
async def living(cluster: LocalCluster, plan: str = "standard", **spec: Any) -> AsyncIterator[LivingTenant]:
    """Applied and ready; deleted with its data at the end, for which an operator must run."""
    made = LivingTenant(cluster, plan)
    await made.apply(**spec)
    try:
        await made.ready()
        yield made
    finally:
        with contextlib.suppress(Exception):
            patch = '{"spec": {"deletionPolicy": "Delete"}}'
            arguments = ("patch", "otn", made.name, "--type=merge", "-p", patch)
            await asyncio.to_thread(cluster.kubectl, *arguments)
        await made.delete()
        await made.gone()
