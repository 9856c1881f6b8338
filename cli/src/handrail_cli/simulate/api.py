"""The platform's public API as the simulator uses it, with patience for 429, 503 and broken connections."""

import asyncio
import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2
import msgspec
from pydantic import ValidationError

from handrail_contracts import names
from handrail_contracts.tenant_spec import TenantSpec

GIVE_UP_AFTER = 60.0
"""Seconds after which a call that is always put off counts as failed."""
_FIRST_CALL = 5.0
"""The same, for the call that shows whether there is a platform at all."""
_KEY_LIVE_WITHIN = 10.0
_LONGEST_WAIT = 15.0
_HOPELESS = frozenset({"suspended"})


class ApiFailed(Exception):
    """A call that did not succeed. The text is a sentence for people; `status` is 0 where no answer came."""

    def __init__(self, sentence: str, status: int = 0, code: str = "") -> None:
        super().__init__(sentence)
        self.status = status
        self.code = code


class Api:
    """One gateway, one tenant's keys. Use as an async context manager."""

    def __init__(self, gateway: str, *, secret: str, publishable: str | None) -> None:
        self.gateway = gateway.rstrip("/")
        self.publishable = publishable or ""
        self.retries = 0
        self._secret = secret
        self._own_key: str | None = None
        self._wants_key = publishable is None
        local = httpx2.URL(self.gateway).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx2.AsyncClient(
            base_url=self.gateway,
            timeout=httpx2.Timeout(20.0, pool=GIVE_UP_AFTER),
            limits=httpx2.Limits(max_connections=64, max_keepalive_connections=64),
            trust_env=not local,
        )

    async def __aenter__(self) -> "Api":
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._own_key is not None:
                await self._call("DELETE", f"/api/v1/keys/{self._own_key}", self._secret)
        finally:
            await self._http.aclose()

    async def ensure_publishable(self) -> None:
        """Makes a publishable key for this run where none was given; it is revoked at the end."""
        if self._wants_key and self._own_key is None:
            made = (await self._call("POST", "/api/v1/keys", self._secret, json={"kind": "publishable"})).json()
            self._own_key, self.publishable = made["key_id"], made["key"]
            await self._until_live()

    async def _until_live(self) -> None:
        """A new key counts within a second, not at once."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _KEY_LIVE_WITHIN
        while True:
            try:
                await self._call("GET", "/sdk/v1/config", self.publishable, params={"key": self.publishable})
            except ApiFailed as error:
                if error.status != 401 or loop.time() > until:
                    raise
            else:
                return
            await asyncio.sleep(0.1)

    async def spec(self) -> tuple[TenantSpec, timedelta]:
        """The tenant's spec, and what to add to our clock to get the platform's (known to the second)."""
        answer = await self._call("GET", "/api/v1/config", self._secret, give_up_after=_FIRST_CALL)
        try:
            spec = TenantSpec.model_validate(answer.json())
        except (ValidationError, ValueError) as error:
            raise ApiFailed(f"The config that {self.gateway} gave is not a tenant's spec: {error}") from error
        date = answer.headers.get("date")
        if date is None:
            return spec, timedelta(0)
        return spec, parsedate_to_datetime(date) - datetime.now(UTC)

    async def identify(self, user_id: str) -> str:
        """A token for an anonymous user."""
        answer = await self._call("POST", "/api/v1/identify", self.publishable, json={"user_id": user_id})
        return str(answer.json()["token"])

    async def post_events(self, body: bytes) -> int:
        """How many of the batch's events are on the platform's disk."""
        answer = await self._call("POST", "/api/v1/events", self.publishable, content=body)
        return int(answer.json()["accepted"])

    async def page(self, what: str, since: datetime, cursor: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """One page of a list, newest first, and where the next one begins."""
        params = {"since": since.isoformat(), "limit": "500"} | ({"cursor": cursor} if cursor else {})
        answer = (await self._call("GET", f"/api/v1/{what}", self._secret, params=params)).json()
        return answer["items"], answer["next"]

    async def _call(
        self,
        method: str,
        path: str,
        key: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
        give_up_after: float = GIVE_UP_AFTER,
    ) -> httpx2.Response:
        loop = asyncio.get_running_loop()
        until = loop.time() + give_up_after
        attempt = 0
        headers = {names.HEADER_API_KEY: key}
        if content is None and json is not None:
            content = msgspec.json.encode(json)
        if content is not None:
            headers["Content-Type"] = "application/json"
        while True:
            failed, wait = None, _backoff(attempt)
            try:
                answer = await self._http.request(method, path, headers=headers, content=content, params=params)
            except httpx2.TransportError as error:
                failed = ApiFailed(_unreachable(self.gateway, error))
            else:
                if answer.is_success:
                    return answer
                failed, put_off = _refused(answer, method, path)
                if put_off is None:
                    raise failed
                wait = max(put_off, wait)
            attempt += 1
            if loop.time() + wait > until:
                raise failed
            self.retries += 1
            await asyncio.sleep(wait)


def _backoff(attempt: int) -> float:
    spread = random.uniform(0.5, 1.0)  # noqa: S311 - guards nothing
    return spread * min(5.0, 0.2 * 2.0**attempt)


def _unreachable(gateway: str, error: Exception) -> str:
    return f"{gateway} does not answer ({type(error).__name__}); is `handrail up` running there?"


def _refused(answer: httpx2.Response, method: str, path: str) -> tuple[ApiFailed, float | None]:
    """The failure an answer stands for, and the seconds after which to try again (None: never)."""
    try:
        problem = answer.json()
        code, detail = str(problem.get("code", "")), str(problem.get("detail") or problem.get("title", ""))
    except (ValueError, AttributeError):
        code, detail = "", ""
    route = "/".join(path.split("/")[:4])
    failed = ApiFailed(f"{method} {route} answered {answer.status_code} {code}: {detail}", answer.status_code, code)
    if answer.status_code not in (429, 503) or code in _HOPELESS:
        return failed, None
    try:
        wait = float(answer.headers.get("retry-after", "0"))
    except ValueError:
        wait = 1.0
    return failed, min(max(wait, 0.0), _LONGEST_WAIT)
