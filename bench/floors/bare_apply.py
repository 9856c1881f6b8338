"""The floor of the operator: the least that makes the same tenants, and nothing more.

One pass: namespace, keyring, place on the servers, record and config, then all objects by server-side apply. It
watches nothing, compares nothing, waits for no migration, tells no status, and would never notice a change.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator.installation import Installation
from handrail_operator.kube.client import Cluster, Object
from handrail_operator.manifests import tenant as manifests
from handrail_operator.manifests.place import Place
from handrail_operator.provision.keyring import TenantSecrets
from handrail_operator.provision.platform import Access
from handrail_operator.provision.servers import Servers, open_servers
from handrail_operator.publish import build_record
from handrail_operator.reconcile.keyrings import Keyrings

AT_ONCE = 5
"""Objects of one tenant written at the same time, as the operator does."""
_CREATED_AT = "2026-01-01T00:00:00Z"


async def run(
    tenants: Mapping[str, "asyncio.Future[str]"],
    spec: TenantSpec,
    *,
    kubeconfig: Path,
    access: Access,
    installation: Installation,
    platform: str,
    concurrency: int,
    rate: tuple[float, int],
) -> None:
    """`tenants`: name -> its uid, once it is stored. `rate`: calls a second, and at once. Raises the first error."""
    gate = asyncio.Semaphore(concurrency)
    async with AsyncExitStack() as stack:
        servers = await stack.enter_async_context(open_servers(replace(access, local=False), on_change=lambda *_: None))
        cluster = await stack.enter_async_context(
            Cluster.connect(kubeconfig=kubeconfig, requests_per_second=rate[0], burst=rate[1])
        )

        async def one(name: str, uid: "asyncio.Future[str]") -> None:
            known = await uid
            async with gate:
                await _make(cluster, servers, name, known, spec, installation, platform)

        async with asyncio.TaskGroup() as group:
            for name, uid in tenants.items():
                group.create_task(one(name, uid))


async def _make(
    cluster: Cluster, servers: Servers, name: str, uid: str, spec: TenantSpec, installation: Installation, platform: str
) -> None:
    namespace = manifests.namespace(name, uid)
    await cluster.apply(namespace)
    secrets = await Keyrings(cluster, platform).create(name, TenantSecrets.new(_CREATED_AT))
    ensured = await servers.ensure(name, spec.plan, secrets)
    if ensured.problems:
        raise next(iter(ensured.problems.values()))
    place = Place(
        name=name,
        uid=uid,
        namespace=namespace["metadata"]["name"],
        platform_namespace=platform,
        spec=spec,
        plan=installation.plans[spec.plan],
        installation=installation,
        nats_url=servers.access.nats_url,
        provisioned=ensured.provisioned,
        secrets=secrets,
        database_id=ensured.database_id,
    )
    record = build_record(
        ensured.provisioned, spec, secrets, phase="Ready", generation=1, realtime=[manifests.realtime_url(place)]
    )
    await servers.publish_config(secrets, spec)
    await servers.publish(record)
    for some in (manifests.foundation(place), [manifests.migration(place)], manifests.workloads(place)):
        await _apply(cluster, some)


async def _apply(cluster: Cluster, wanted: Iterable[Object]) -> None:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(thing: Object) -> None:
        async with gate:
            await cluster.apply(thing)

    async with asyncio.TaskGroup() as group:
        for thing in wanted:
            group.create_task(one(thing))
