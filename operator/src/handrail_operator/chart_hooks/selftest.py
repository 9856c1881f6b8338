"""`handrail-operator selftest`: what `helm test` runs. Two tenants that the chart makes for it are used as a browser
would: an event becomes a nudge, a wrong key and the other tenant are refused.
"""

import asyncio
import base64
import os
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import aiohttp
import structlog
from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from handrail_contracts import names
from handrail_contracts.event_ids import uuid7
from handrail_operator.kube import kinds
from handrail_operator.kube.client import Cluster
from handrail_operator.kube.errors import ApiError

log = structlog.get_logger()

_SUBPROTOCOL = "handrail.v1"
_CLICKS = 5
_PAUSE = 0.5
_WRONG_KEY = "pk_AAAAAAAA_" + "A" * 36


class Failed(Exception):
    """A step did not go as it should; the text says which, and where to look."""


class SelftestSettings(BaseSettings):
    """Environment variables HANDRAIL_…"""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    gateway_url: str = Field(pattern=r"^https?://", description="Where the gateway is, from this pod.")
    tenants: Annotated[tuple[str, str], NoDecode] = Field(description="Two tenants made for this test, by comma.")
    ready_within: float = Field(120, gt=0, description="Seconds until both tenants must be ready.")
    nudge_within: float = Field(30, gt=0, description="Seconds until the nudge must have come.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")

    @field_validator("tenants", mode="before")
    @classmethod
    def _read_names(cls, value: Any) -> Any:
        return tuple(one.strip() for one in value.split(",")) if isinstance(value, str) else value


@dataclass(frozen=True)
class _Tenant:
    name: str
    publishable: str
    secret: str


async def run(settings: SelftestSettings, kubeconfig: Path | None) -> None:
    """Raises Failed, ApiError, AccessMissing."""
    async with Cluster.connect(kubeconfig=kubeconfig) as cluster:
        first, second = [await _ready(cluster, name, settings.ready_within) for name in settings.tenants]
    log.info("both tenants are ready", tenants=settings.tenants)
    timeout = aiohttp.ClientTimeout(total=20)
    try:
        async with aiohttp.ClientSession(settings.gateway_url, timeout=timeout) as http:
            await _use(http, first, second, settings.nudge_within)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise Failed(
            f"the gateway at {settings.gateway_url} does not answer ({type(error).__name__}): see its pods and their "
            f"logs (kubectl get pods -l {names.LABEL_NAME}=handrail-gateway), then run helm test again"
        ) from error
    log.info("the other tenant sees nothing of it: all is well", tenant=second.name)


async def _use(http: aiohttp.ClientSession, first: "_Tenant", second: "_Tenant", nudge_within: float) -> None:
    browser = _Browser(http, first)
    await _expect(await browser.send(_WRONG_KEY), 401, "an event with a wrong key")
    log.info("a wrong key is refused")
    async with browser.socket() as frames:
        await _expect(await browser.send(first.publishable), 202, "an event with the right key")
        log.info("events are taken", tenant=first.name)
        await browser.nudge(frames, nudge_within)
    log.info("an event became a nudge", tenant=first.name)
    await _apart(http, browser, first, second)


class _Browser:
    """Somebody who is stuck on a page of a tenant."""

    def __init__(self, http: aiohttp.ClientSession, tenant: _Tenant) -> None:
        self._http = http
        self._tenant = tenant
        self.user = f"anon-{uuid.uuid4()}"
        self._session = str(uuid.uuid4())

    async def send(self, key: str) -> aiohttp.ClientResponse:
        """A page view and clicks in vain."""
        clicked = {"selector": "#nothing-here", "tag": "div", "role": None, "name": None}
        events = [self._event("page_view", None, {"referrer": ""})]
        events += [self._event("click", clicked, {"reacted": False}) for _ in range(_CLICKS)]
        body = {"sent_at": _now(), "sdk_version": "selftest", "context": {"simulated": True}, "events": events}
        return await self._http.post("/api/v1/events", json=body, headers={names.HEADER_API_KEY: key})

    @asynccontextmanager
    async def socket(self) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
        key = self._tenant.publishable
        body = {"user_id": self.user}
        async with self._http.post("/api/v1/identify", json=body, headers={names.HEADER_API_KEY: key}) as answer:
            if answer.status != 200:
                raise Failed(f"identify answered {answer.status}: {(await answer.text())[:300]}")
            token = (await answer.json())["token"]
        protocols = (_SUBPROTOCOL, f"key.{key}", f"tok.{token}")
        async with self._http.ws_connect(f"/ws/{self.user}", protocols=protocols) as frames:
            yield frames

    async def nudge(self, frames: aiohttp.ClientWebSocketResponse, within: float) -> None:
        """Waits for one, and acknowledges it."""
        try:
            async with asyncio.timeout(within):
                async for message in frames:
                    frame = message.json()
                    if frame["type"] == "nudge":
                        await frames.send_json({"type": "ack", "seq": frame["seq"]})
                        return
        except TimeoutError:
            raise Failed(
                f"no nudge came within {within:.0f} s: see the logs of the pods in {names.namespace(self._tenant.name)}"
            ) from None
        raise Failed(f"the socket was closed with {frames.close_code} before a nudge came")

    def _event(self, kind: str, target: dict[str, Any] | None, properties: dict[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC)
        return {
            "event_id": uuid7(now, os.urandom(10)),
            "event_type": kind,
            "user_id": self.user,
            "session_id": self._session,
            "timestamp": now.isoformat(),
            "url": "https://selftest.invalid/",
            "target_element": target,
            "properties": properties,
        }


async def _ready(cluster: Cluster, name: str, within: float) -> _Tenant:
    deadline = time.monotonic() + within
    why = "it is not there"
    while True:
        found = await cluster.get(kinds.TENANT, None, name)
        conditions = ((found or {}).get("status") or {}).get("conditions") or []
        ready = next((one for one in conditions if one["type"] == "Ready"), None)
        if ready is not None:
            why = f"{ready['reason']}: {ready['message']}"
        if ready is not None and ready["status"] == "True":
            return await _keys(cluster, name)
        if time.monotonic() > deadline:
            raise Failed(
                f"tenant {name} did not get ready within {within:.0f} s; {why}. More: kubectl describe otn {name}"
            )
        await asyncio.sleep(_PAUSE)


async def _keys(cluster: Cluster, name: str) -> _Tenant:
    namespace = names.namespace(name)
    try:
        found = await cluster.get(kinds.SECRET, namespace, names.KEYS_SECRET)
    except ApiError as error:
        raise Failed(f"Secret {names.KEYS_SECRET} of {namespace} cannot be read: {error.message}") from error
    if found is None:
        raise Failed(f"Secret {names.KEYS_SECRET} of {namespace} is missing")
    keys = {kind: base64.b64decode(found["data"][kind]).decode() for kind in ("publishable", "secret")}
    return _Tenant(name, keys["publishable"], keys["secret"])


async def _apart(http: aiohttp.ClientSession, browser: _Browser, first: _Tenant, second: _Tenant) -> None:
    """The first tenant's own key finds the user, the other's does not."""
    for tenant, wanted in ((first, True), (second, False)):
        query = {"user_id": browser.user}
        headers = {names.HEADER_API_KEY: tenant.secret}
        async with http.get("/api/v1/events", params=query, headers=headers) as answer:
            await _expect(answer, 200, f"reading the events of {tenant.name}")
            found = bool((await answer.json())["items"])
        if found != wanted:
            raise Failed(f"{tenant.name} {'does not see' if wanted else 'SEES'} the events of a user of {first.name}")


async def _expect(answer: aiohttp.ClientResponse, status: int, what: str) -> None:
    if answer.status != status:
        raise Failed(f"{what} was answered with {answer.status}, not {status}: {(await answer.text())[:300]}")


def _now() -> str:
    return datetime.now(UTC).isoformat()
