"""The tenant's endpoint, kept from question to question until its address or its key changes."""

import asyncio
import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx2
import structlog

from handrail_contracts.tenant_spec import Llm, SecretRef, TenantSpec
from handrail_runtime.agent.providers.openai.endpoint import Endpoint
from handrail_runtime.agent.providers.openai.provider import OpenAIProvider, Patience
from handrail_runtime.agent.providers.provider import ProviderUnavailable
from handrail_runtime.outbound import Guard
from handrail_runtime.settings import MissingSecret

log = structlog.get_logger()

CLOSE_AFTER = 30.0
"""Seconds that a replaced endpoint stays open for the questions under way; longer than a question takes."""

_KEY = re.compile(r"[\x21-\x7e]{1,4096}")


class Endpoints:
    """Makes providers, cheap ones, that share the endpoint. `secret` gives a secret's value now."""

    def __init__(self, secret: Callable[[SecretRef], str], guard: Guard, patience: Patience | None = None) -> None:
        self._secret = secret
        self._guard = guard
        self._patience = patience or Patience()
        self._current: tuple[str, Endpoint] | None = None
        self._closing: set[asyncio.Task[None]] = set()

    def provider(self, spec: TenantSpec) -> OpenAIProvider:
        """For one question."""
        return OpenAIProvider(lambda: self._endpoint(spec.llm), spec.llm, self._patience)

    async def aclose(self) -> None:
        for task in self._closing:
            task.cancel()
        await asyncio.gather(*self._closing, return_exceptions=True)
        if self._current is not None:
            await self._current[1].aclose()

    def _endpoint(self, llm: Llm) -> Endpoint:
        """Raises ProviderUnavailable where there is no key."""
        key = self._key(llm)
        name = hashlib.sha256(f"{llm.base_url}\n{key}".encode()).hexdigest()
        if self._current is not None and self._current[0] == name:
            return self._current[1]
        if self._current is not None:
            log.info("the model's address or key has changed")
            task = asyncio.create_task(_close_later(self._current[1]), name="agent-llm-close")
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)
            self._current = None
        try:
            if urlsplit(llm.base_url).username is not None:
                raise ValueError
            endpoint = Endpoint(self._guard, llm.base_url, key, self._patience.request)
        except (ValueError, httpx2.InvalidURL):
            raise ProviderUnavailable(
                "llm.baseURL is no address like https://host/v1 without user or password", code="llm_rejected"
            ) from None
        self._current = name, endpoint
        return endpoint

    def _key(self, llm: Llm) -> str:
        """Empty where none is named and the endpoint is the tenant's own."""
        reference = llm.api_key_secret_ref
        if reference is None:
            if llm.base_url:
                return ""
            raise ProviderUnavailable("llm.apiKeySecretRef names no secret", code="llm_key_missing")
        try:
            key = self._secret(reference)
        except MissingSecret:
            key = ""
        if not key:
            raise ProviderUnavailable(
                f"the secret {reference.name} holds no key {reference.key}", code="llm_key_missing"
            )
        if not _KEY.fullmatch(key):
            raise ProviderUnavailable("the key holds what no key may, such as a line break", code="llm_auth")
        return key


async def _close_later(endpoint: Endpoint) -> None:
    try:
        await asyncio.sleep(CLOSE_AFTER)
    finally:
        await endpoint.aclose()
