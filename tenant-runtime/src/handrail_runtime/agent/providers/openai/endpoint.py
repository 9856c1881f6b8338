"""One endpoint of a tenant: its client, what it understands, and whether it should be left alone for a while."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import openai

from handrail_runtime.agent import metrics
from handrail_runtime.agent.providers.openai import faults
from handrail_runtime.agent.providers.provider import ProviderUnavailable
from handrail_runtime.outbound import Guard

ATTEMPT_LIMIT = 10.0
"""Seconds for one request, from the look-up of the name to the last byte of the answer."""
BODY_LIMIT = 256 * 1024
"""Bytes of an answer."""
MAX_TOKENS = 2_000
"""Of an answer, with what a model thinks before it."""
REMEMBER = 600.0
"""Seconds that an endpoint is taken to understand no JSON Schema, once it has said so."""
FAILURES = 3
"""Questions in a row that fail, each after its own retries, before the endpoint is left alone."""
REST = 10.0
"""Seconds of that; more where the endpoint itself has asked for it, up to MAX_REST."""
MAX_REST = 60.0


class _Usage(msgspec.Struct):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]
    usage: _Usage | None = None
    model: str | None = None


@dataclass(frozen=True)
class Reply:
    """What came back. `text` is empty where `fault` says why."""

    text: str
    input_tokens: int
    output_tokens: int
    model: str
    fault: ProviderUnavailable | None = None


Shape = Literal["json_schema", "json_object"]


class Endpoint:
    """`key`: empty for an endpoint that needs none. `limit`: seconds for one request."""

    def __init__(self, guard: Guard, base_url: str, key: str, limit: float) -> None:
        self._client = openai.AsyncOpenAI(
            api_key=key or "none",
            base_url=base_url or "https://api.openai.com/v1",
            http_client=guard.http_client(timeout=limit, body_limit=BODY_LIMIT),
            timeout=limit,
            max_retries=0,
        )
        # The makers of the API have given the field a new name, which many others do not know.
        self._tokens = "max_tokens" if base_url else "max_completion_tokens"
        self._no_schema_until = 0.0
        self._failures = 0
        self._rests_until = 0.0

    def __repr__(self) -> str:
        return "Endpoint()"

    async def aclose(self) -> None:
        await self._client.close()

    @property
    def shape(self) -> Shape:
        """The form of structured output to ask for."""
        return "json_object" if time.monotonic() < self._no_schema_until else "json_schema"

    def check(self) -> None:
        """Raises ProviderUnavailable while the endpoint is left alone."""
        left = self._rests_until - time.monotonic()
        if left > 0:
            raise ProviderUnavailable(
                f"it failed several times in a row; asked again in {left:.0f} s", code="llm_resting"
            )

    def answered(self) -> None:
        self._failures = 0

    def failed(self, fault: ProviderUnavailable) -> None:
        """Counts a question that failed for good. Refusals and unusable answers say nothing of the endpoint."""
        if fault.code in ("llm_refused", "llm_truncated", "llm_invalid"):
            return
        self._failures += 1
        if self._failures >= FAILURES:
            self._rests_until = time.monotonic() + min(MAX_REST, max(REST, fault.after or 0.0))

    async def complete(self, model: str, messages: list[dict[str, str]], name: str, schema: dict[str, Any]) -> Reply:
        """One question; more than one request only where the endpoint does not understand ours. Raises
        ProviderUnavailable."""
        for _ in range(3):
            shape, tokens = self.shape, self._tokens
            try:
                return await self._request(model, messages, name, schema, shape)
            except openai.APIStatusError as error:
                if error.status_code not in (400, 422) or not self._learn(error, shape, tokens):
                    raise self._told(error) from None
            except faults.ERRORS as error:
                raise self._told(error) from None
        raise ProviderUnavailable("the endpoint refuses the request", code="llm_rejected")

    def _learn(self, error: openai.APIStatusError, shape: Shape, tokens: str) -> bool:
        """Whether something can be asked for in another way. Judged by words, for there are no codes for it."""
        text = error.response.text[:4000]
        if tokens in text:
            self._tokens = "max_completion_tokens" if tokens == "max_tokens" else "max_tokens"
            return self._tokens != tokens
        if shape == "json_schema" and any(word in text for word in ("response_format", "json_schema", "schema")):
            self._no_schema_until = time.monotonic() + REMEMBER
            metrics.LLM_REQUESTS.labels("no_schema").inc()
            return True
        return False

    async def _request(
        self, model: str, messages: list[dict[str, str]], name: str, schema: dict[str, Any], shape: Shape
    ) -> Reply:
        wanted: dict[str, Any] = {"type": shape}
        if shape == "json_schema":
            wanted["json_schema"] = {"name": name, "schema": schema, "strict": True}
        else:
            form = msgspec.json.encode(schema).decode()
            told = f"Answer with one JSON object of this JSON Schema and nothing else: {form}"
            messages = [{"role": "system", "content": f"{messages[0]['content']}\n\n{told}"}, *messages[1:]]
        given: Any = {"model": model, "messages": messages, "response_format": wanted, self._tokens: MAX_TOKENS}
        began = time.perf_counter()
        try:
            answer = await self._client.chat.completions.with_raw_response.create(**given)
        finally:
            metrics.LLM_SECONDS.observe(time.perf_counter() - began)
        return _reply(answer.http_response.content, model)

    def _told(self, error: BaseException) -> ProviderUnavailable:
        return faults.read(error, datetime.now(UTC))


def _reply(body: bytes, model: str) -> Reply:
    try:
        completion = msgspec.json.decode(body, type=_Completion)
        choice = completion.choices[0]
    except (msgspec.MsgspecError, UnicodeError, RecursionError, IndexError):
        raise ProviderUnavailable("what came is no chat completion", code="llm_invalid", curable=True) from None
    usage = completion.usage or _Usage()
    text = choice.message.content or ""
    fault = None
    if choice.message.refusal or choice.finish_reason == "content_filter":
        fault = ProviderUnavailable("the model declined to answer", code="llm_refused")
    elif choice.finish_reason == "length":
        fault = ProviderUnavailable("the answer was cut off at its longest", code="llm_truncated")
    tokens_in, tokens_out = (min(max(0, each), 10_000_000) for each in (usage.prompt_tokens, usage.completion_tokens))
    return Reply("" if fault else text, tokens_in, tokens_out, completion.model or model, fault)
