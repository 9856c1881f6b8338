"""The tenant's own API, answered by its realtime: this end checks, vouches and passes on."""

import random
from typing import Final

import httpx2
import structlog
from starlette.datastructures import Headers
from starlette.responses import Response

from handrail_contracts import names
from handrail_contracts.problems import Problem
from handrail_gateway.bus import PlatformBus
from handrail_gateway.directory import Caller
from handrail_gateway.instances import Instances
from handrail_gateway.principals import Principals

log = structlog.get_logger()

ROUTES: Final = (
    ("GET", "/api/v1/events"),
    ("GET", "/api/v1/users"),
    ("GET", "/api/v1/users/{user_id}"),
    ("GET", "/api/v1/sessions"),
    ("GET", "/api/v1/nudges"),
    ("GET", "/api/v1/decisions"),
    ("GET", "/api/v1/escalations"),
    ("POST", "/api/v1/escalations/{item_id}/close"),
    ("POST", "/api/v1/escalations/{item_id}/retry"),
    ("GET", "/api/v1/targets"),
    ("GET", "/api/v1/deadletters"),
    ("DELETE", "/api/v1/deadletters"),
    ("POST", "/api/v1/deadletters/retry"),
    ("DELETE", "/api/v1/deadletters/{item_id}"),
    ("POST", "/api/v1/deadletters/{item_id}/retry"),
    ("GET", "/api/v1/runs"),
    ("POST", "/api/v1/runs/{item_id}/resume"),
)
"""What is asked of realtime: method and path. Nothing else of it can be reached from outside."""
MAX_BODY = 1024
"""Bytes read of a body, only to say that none is wanted: all that these calls need stands in their path."""
_PASSED_ON = ("accept", "if-none-match")
_PASSED_BACK = ("content-type", "etag", "cache-control", "retry-after")
_WAKE_SECONDS = 3
_SUSPENDED = "Its events are taken and kept, and can be read once spec.suspend is false again, which the platform sets."
MOST_RELAYED = 200
"""Requests that may wait for realtime at once, all tenants together."""


class Relay:
    """HTTP to the tenants' realtime instances."""

    def __init__(self, principals: Principals, bus: PlatformBus, instances: Instances, *, timeout: float) -> None:
        self._principals = principals
        self._instances = instances
        self._bus = bus
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(timeout, connect=2),
            limits=httpx2.Limits(max_connections=MOST_RELAYED, max_keepalive_connections=50, keepalive_expiry=30),
            trust_env=False,
            follow_redirects=False,
        )

    async def stop(self) -> None:
        await self._client.aclose()

    async def ask(
        self, method: str, caller: Caller, raw_path: str, query: str, headers: Headers, request_id: str
    ) -> Response:
        """The answer of an instance; `raw_path` as the client sent it. Raises Problem.

        Another instance is asked only where the first did not even take the connection: what changes something is
        never sent twice.
        """
        tenant = caller.tenant
        await self._check_awake(caller)
        sent = {name: value for name in _PASSED_ON if (value := headers.get(name)) is not None}
        sent[names.HEADER_REQUEST_ID] = request_id
        sent[names.HEADER_PRINCIPAL] = self._principals.sign(tenant.name, sub=caller.key.key_id, scope="secret")
        instances = await self._instances.now(tenant.record.realtime)
        for one in random.sample(instances, len(instances)):
            try:
                answer = await self._client.request(
                    method, _address(one.url, raw_path, query), headers={**sent, "host": one.host}
                )
            except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
                # Nothing was asked yet, so another instance may be.
                log.info("an instance of realtime is away", tenant=tenant.name, error=repr(error))
                self._instances.broken(one)
                continue
            except httpx2.HTTPError as error:
                log.warning("realtime did not answer", tenant=tenant.name, error=repr(error))
                break
            if answer.status_code in (401, 403):
                log.error("realtime does not accept this gateway's word", tenant=tenant.name)
                break
            back = {name: value for name in _PASSED_BACK if (value := answer.headers.get(name)) is not None}
            return Response(answer.content, answer.status_code, back)
        raise Problem("unavailable", "The tenant's runtime is not there right now.", retry_after=2)

    async def _check_awake(self, caller: Caller) -> None:
        phase = caller.tenant.record.phase
        if phase == "Suspended":
            raise Problem("suspended", _SUSPENDED, retry_after=60)
        if phase == "Sleeping":
            await self._bus.wake(caller.tenant.name)
            raise Problem("asleep", "Ask again in a moment.", retry_after=_WAKE_SECONDS)


def _address(base: str, raw_path: str, query: str) -> httpx2.URL:
    """The path stays as it was sent: an encoded slash in a user id is part of the id."""
    target = raw_path + (f"?{query}" if query else "")
    return httpx2.URL(base).copy_with(raw_path=target.encode("ascii"))
