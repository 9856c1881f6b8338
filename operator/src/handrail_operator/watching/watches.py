"""All that is watched over the whole cluster: the tenants by Kopf, their children by plain watches."""

import asyncio
from collections.abc import Callable

from handrail_operator.kube.access import Access
from handrail_operator.kube.client import Cluster
from handrail_operator.watching import child_watches, kopf_watches
from handrail_operator.watching.kopf_watches import Hear
from handrail_operator.watching.watched import CHILDREN


async def run(hear: Hear, access: Access, cluster: Cluster, *, started: Callable[[], None]) -> None:
    """Until it is cancelled; ends by itself only when it cannot go on, and raises why. `started`: as Kopf's."""
    async with asyncio.TaskGroup() as group:
        group.create_task(kopf_watches.run(hear, access, started=started), name="watch of tenants")
        for kind in CHILDREN:
            group.create_task(child_watches.watch(cluster, kind, hear), name=f"watch of {kind.plural}")
