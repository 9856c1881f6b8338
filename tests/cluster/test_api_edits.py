"""The tenant's API in a cluster, from the gateway to the custom resource and back: config, its owners, keys."""

import asyncio
from base64 import b64decode
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2
import pytest
from tests.cluster import kube_api
from tests.cluster.kube_api import eventually
from tests.cluster.stage import Stage
from tests.gateway.conftest import Running, StartGateway, chunked, start_gateway  # noqa: F401 - fixtures

from handrail_contracts import names
from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster

CONFIG, HAND_BACK, KEYS = "/api/v1/config", "/api/v1/config/hand-back", "/api/v1/keys"


@dataclass
class Api:
    """What a program of the tenant's has: an address and a key."""

    stage: Stage
    gateway: Running
    tenant: str

    def owners_keys(self) -> dict[str, str]:
        """The Secret in which the tenant's owner finds them."""
        found = self.stage.api.get(kinds.SECRET, names.namespace(self.tenant), names.KEYS_SECRET)
        return {name: b64decode(text).decode() for name, text in (found or {}).get("data", {}).items()}

    async def ask(self, method: str, path: str, body: Any = None, key: str = "") -> httpx2.Response:
        headers = {"X-API-Key": key or self.owners_keys()["secret"]}
        return await self.gateway.client.request(method, path, json=body, headers=headers)


@pytest.fixture
async def api(stage: Stage, start_gateway: StartGateway) -> AsyncIterator[Api]:  # noqa: F811
    name = stage.tenant(tone={"voice": "formal"})
    with stage.operator():
        await asyncio.to_thread(stage.await_ready, name)
        gateway = await start_gateway()
        await gateway.until(lambda: gateway.gateway.directory.get(name) is not None)
        yield Api(stage, gateway, name)


async def the_config_is_changed_beside_its_file(api: Api) -> None:
    before = (await api.ask("GET", CONFIG)).json()
    answer = await api.ask("PATCH", CONFIG, {"tone": {"language": "de"}})
    assert (answer.status_code, answer.json()) == (200, before | {"tone": before["tone"] | {"language": "de"}})

    async def in_force() -> bool:
        return (await api.ask("GET", CONFIG)).headers["etag"] == answer.headers["etag"]

    await api.gateway.until(in_force)
    assert (await api.ask("GET", CONFIG)).json() == answer.json()

    answer = await api.ask("PATCH", CONFIG, {"tone": {"voice": "playful"}})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (409, "conflict")
    assert problem["detail"].startswith('tone.voice belongs to "kubectl". ')
    assert problem["errors"] == [{"loc": ["tone", "voice"], "msg": 'tone.voice belongs to "kubectl"'}]
    answer = await api.ask("PATCH", f"{CONFIG}?take_over=true", {"tone": {"voice": "playful"}})
    assert (answer.status_code, answer.json()["tone"]["voice"]) == (200, "playful")
    answer = await api.ask("POST", HAND_BACK, {"fields": [["tone"]]})
    assert (answer.status_code, answer.json()) == (200, {"fields": [["tone", "language"], ["tone", "voice"]]})
    api.stage.api.apply(kube_api.tenant(api.tenant, tone={"voice": "formal"}))

    async def gits_again() -> bool:
        return bool((await api.ask("GET", CONFIG)).json()["tone"]["voice"] == "formal")

    await api.gateway.until(gits_again)
    assert (await api.ask("PATCH", CONFIG, {"plan": "business"})).json()["code"] == "platform_field"
    assert (await api.ask("PATCH", CONFIG, {"tone": {"voice": "loud"}})).status_code == 422


async def keys_live_and_die_at_once(api: Api) -> None:
    made = (await api.ask("POST", KEYS, {"kind": "secret"})).json()

    async def answers(status: int) -> bool:
        return (await api.ask("GET", CONFIG, key=made["key"])).status_code == status

    await api.gateway.until(lambda: answers(200), 2)
    eventually(lambda: api.owners_keys()["secret"] == made["key"], "the newest is what the owner finds")
    listed = (await api.ask("GET", KEYS)).json()["items"]
    assert made["key_id"] in {one["key_id"] for one in listed}
    first = next(key for name, key in api.owners_keys().items() if key.startswith("sk_") and key != made["key"])
    assert (await api.ask("DELETE", f"{KEYS}/{made['key_id']}", key=first)).status_code == 204
    await api.gateway.until(lambda: answers(401), 2)
    eventually(lambda: made["key_id"] not in api.owners_keys(), "it is gone from the owner's Secret, too")
    assert (await api.ask("DELETE", f"{KEYS}/{made['key_id']}", key=first)).status_code == 404


async def test_the_tenants_api_in_a_cluster(api):
    await the_config_is_changed_beside_its_file(api)
    await keys_live_and_die_at_once(api)
