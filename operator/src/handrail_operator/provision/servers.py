"""The shared servers for a process that runs for long: comes up without them, watches them, makes again what is lost.

What was verified for a tenant counts until its secrets or plan change, its server begins a new epoch, or an hour has
passed; so a look at a tenant that is well costs no connection.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256

from redis.asyncio import Redis

from handrail_contracts import record, status
from handrail_contracts.nats_client import Client
from handrail_contracts.record import TenantRecord
from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import plans
from handrail_operator.errors import TenantError
from handrail_operator.plans import Plan
from handrail_operator.provision import (
    database,
    nats_claims,
    nats_standing,
    nats_values,
    redis_user,
    server_looks,
    trouble,
)
from handrail_operator.provision import probe as probing
from handrail_operator.provision.ending import end
from handrail_operator.provision.epochs import Changed, Watch
from handrail_operator.provision.keyring import TenantSecrets, encode
from handrail_operator.provision.nats_standing import Standing
from handrail_operator.provision.platform import Access
from handrail_operator.provision.postgres import Administrator
from handrail_operator.provision.tenant import (
    ProvisionedTenant,
    deprovision_database,
    deprovision_messaging,
    provision_messaging,
    provisioned,
)
from handrail_operator.provision.verified import Verified

WITHIN = 20.0
"""Seconds that one server may take for one tenant."""
WITHIN_AT_THE_END = 60.0
"""Seconds that one server may take for what is destroyed."""
FIRST = 8.0
"""Seconds that a tenant waits for the first look at a server."""


@dataclass(frozen=True)
class Ensured:
    """What a tenant has now. Its doors follow from the secrets alone, so they are known whatever is away."""

    provisioned: ProvisionedTenant = field(repr=False)
    database_id: str
    """Changes when the database was made anew; empty while it is not known."""
    problems: dict[str, TenantError]
    """Component (`status.MESSAGING`, `DATABASE`, `CACHE`) -> why it is not as it should be."""


class Servers:
    """Made by `open_servers`."""

    def __init__(
        self,
        access: Access,
        system: Standing,
        account: Standing,
        redis: Redis,
        postgres: Administrator,
        watches: list[Watch],
    ) -> None:
        self.access = access
        self._system = system
        self._account = account
        self._redis = redis
        self._postgres = postgres
        self._watches = {watch.component: watch for watch in watches}
        self._verified = Verified()
        self._accounts: dict[str, str] = {}
        """Tenant -> under which name its config was verified."""

    @property
    def account(self) -> Client | None:
        """The connection into the platform's account, while there is one."""
        return self._account.client

    def health(self) -> dict[str, TenantError | None]:
        """Component -> why its server is not there now."""
        return {component: watch.trouble for component, watch in self._watches.items()}

    async def ensure(self, name: str, plan_name: str, secrets: TenantSecrets) -> Ensured:
        """Brings each server to what the tenant needs, each on its own. Raises UnknownPlan alone."""
        plan = plans.find(self.access.plans, plan_name)
        mark = _digest(repr(plan).encode(), encode(secrets))
        self._accounts[name] = secrets.account_seed
        found = dict(
            zip(
                (status.MESSAGING, status.DATABASE, status.CACHE),
                await asyncio.gather(
                    self._once(status.MESSAGING, name, mark, lambda _: self._messaging(name, plan, secrets)),
                    self._once(status.DATABASE, name, mark, lambda again: self._database(plan, secrets, again)),
                    self._once(status.CACHE, name, mark, lambda _: self._cache(name, secrets)),
                ),
                strict=True,
            )
        )
        return Ensured(
            provisioned=provisioned(self.access, name, plan, secrets),
            database_id=self._verified.value(status.DATABASE, name),
            problems={component: problem for component, problem in found.items() if problem is not None},
        )

    def forget(self, name: str) -> None:
        """Everything of this tenant is verified anew at the next look, thoroughly."""
        self._verified.doubt(name)
        self._verified.doubt(self._accounts.get(name, ""))

    async def _messaging(self, name: str, plan: Plan, secrets: TenantSecrets) -> str:
        await provision_messaging(self.access, await self._system.required(), name, plan, secrets)
        return ""

    async def _database(self, plan: Plan, secrets: TenantSecrets, again: bool) -> str:
        return await database.ensure_tenant(self._postgres, secrets, plan, thorough=again)

    async def _cache(self, name: str, secrets: TenantSecrets) -> str:
        await redis_user.ensure_tenant(self._redis, name, secrets)
        return ""

    # --- values in buckets -----------------------------------------------------------------------------------

    async def publish(self, wanted: TenantRecord) -> None:
        """Tells the gateway. Raises ServerUnavailable, ServerRefused."""

        async def write(_again: bool) -> str:
            await nats_values.put_record(await self._account.required(), wanted)
            return ""

        await self._must(_RECORD, wanted.name, _digest(record.encode(wanted)), write)

    async def publish_config(self, secrets: TenantSecrets, spec: TenantSpec) -> None:
        """Tells the tenant's runtime. Raises ServerUnavailable, ServerRefused."""
        wanted = record.effective(spec, local=self.access.local)

        async def write(_again: bool) -> str:
            await nats_values.put_config(self.access, secrets, wanted)
            return ""

        await self._must(_CONFIG, secrets.account_seed, _digest(record.encode(wanted)), write)

    async def withdraw(self, name: str) -> None:
        """The gateway forgets the tenant. Raises ServerUnavailable, ServerRefused."""
        self.forget(name)
        if (problem := await self._try(status.MESSAGING, lambda: self._purge(name))) is not None:
            raise problem.with_traceback(None)

    async def _purge(self, name: str) -> None:
        await nats_values.purge_record(await self._account.required(), name)

    async def probe(self, secrets: TenantSecrets) -> None:
        """Sees that events get through to the runtime. Raises TenantError: where they stop."""
        if (problem := await self._try(status.MESSAGING, lambda: probing.probe(self.access, secrets))) is not None:
            raise problem.with_traceback(None)

    # --- the end ---------------------------------------------------------------------------------------------

    async def deprovision(self, name: str, secrets: TenantSecrets, *, data: bool) -> dict[str, TenantError]:
        """Shuts the tenant's doors, and destroys its data with `data`. What could not be done; may be run again."""
        for one in (name, secrets.account_seed, self._accounts.pop(name, "")):
            self._verified.forget(one)
        found = await asyncio.gather(
            self._try(status.MESSAGING, lambda: self._end_messaging(name, secrets, data), WITHIN_AT_THE_END),
            self._try(
                status.DATABASE,
                lambda: deprovision_database(self._postgres, secrets, data=data),
                WITHIN_AT_THE_END,
            ),
            self._try(
                status.CACHE,
                lambda: redis_user.delete_tenant(self._redis, name, secrets, data=data),
                WITHIN_AT_THE_END,
            ),
        )
        components = (status.MESSAGING, status.DATABASE, status.CACHE)
        return {component: problem for component, problem in zip(components, found, strict=True) if problem is not None}

    async def _end_messaging(self, name: str, secrets: TenantSecrets, data: bool) -> None:
        await deprovision_messaging(self.access, await self._system.required(), name, secrets, data=data)

    # --- bounds ----------------------------------------------------------------------------------------------

    async def _must(self, what: str, name: str, mark: str, work: Callable[[bool], Awaitable[str]]) -> None:
        if (problem := await self._once(what, name, mark, work)) is not None:
            raise problem.with_traceback(None)

    async def _once(
        self, what: str, name: str, mark: str, work: Callable[[bool], Awaitable[str]]
    ) -> TenantError | None:
        """Does it unless it is known to be done. `work` gets whether it was done before in this process."""
        component = _COMPONENT.get(what, what)
        watch = self._watches[component]
        if watch.trouble is None and self._verified.holds(what, name, mark, watch.epoch):
            return None
        again = self._verified.known(what, name, watch.epoch)
        epoch = ""
        value = ""

        async def verify() -> None:
            nonlocal epoch, value
            epoch = watch.epoch or ""
            value = await work(again)

        problem = await self._try(component, verify)
        if problem is None:
            self._verified.note(what, name, mark, epoch, value, random.uniform(0.75, 1.25))  # noqa: S311 - no secret
        return problem

    async def _try(
        self, component: str, work: Callable[[], Awaitable[None]], within: float = WITHIN
    ) -> TenantError | None:
        """Within bounds; a server that is known to be away is not asked."""
        watch = self._watches[component]
        try:
            async with asyncio.timeout(FIRST):
                await watch.seen()
            if watch.trouble is not None:
                return watch.trouble
            async with asyncio.timeout(within):
                await watch.unless_gone(work())
        except Exception as error:  # noqa: BLE001 - told as what it means
            watch.doubt()
            return watch.explain(error)
        return None


_RECORD, _CONFIG = "record", "config"
_COMPONENT = {_RECORD: status.MESSAGING, _CONFIG: status.MESSAGING}
"""Of what is verified beside the components themselves."""


def _digest(*parts: bytes) -> str:
    return sha256(b"\0".join(parts)).hexdigest()


@asynccontextmanager
async def open_servers(access: Access, *, on_change: Changed) -> AsyncIterator[Servers]:
    """Connects in the background, whatever is away. `on_change`: told the component whose server went away, came
    back, or lost what was made in it; to be quick."""
    administrator = nats_claims.administrator()
    async with AsyncExitStack() as stack:
        system, account = [
            await stack.enter_async_context(nats_standing.standing(access.nats_url, seed, administrator, name))
            for seed, name in ((access.secrets.system_seed, "system"), (access.secrets.platform_seed, "operator"))
        ]
        redis = Redis.from_url(access.redis_url, socket_connect_timeout=5, socket_timeout=10)
        stack.push_async_callback(redis.aclose)
        postgres = Administrator(access.postgres_url)
        stack.push_async_callback(postgres.close)
        looks = server_looks.PostgresLook(postgres)
        stack.push_async_callback(looks.close)
        messaging = server_looks.NatsLook(system, account)
        watches = [
            Watch(
                status.MESSAGING, messaging.epoch, messaging.prepare, trouble.nats_trouble(access.nats_url), on_change
            ),
            Watch(
                status.DATABASE, looks.epoch, looks.prepare, trouble.postgres_trouble(access.postgres_url), on_change
            ),
            Watch(
                status.CACHE,
                lambda: server_looks.redis_epoch(redis),
                server_looks.nothing,
                trouble.redis_trouble(access.redis_url),
                on_change,
            ),
        ]
        tasks = [asyncio.create_task(watch.run(), name=f"watch-{watch.component}") for watch in watches]
        try:
            yield Servers(access, system, account, redis, postgres, watches)
        finally:
            await end(*tasks)
