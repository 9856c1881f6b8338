"""Questions to a model, with patience: what may be cured is tried again until a question's time is up."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import stamina

from handrail_contracts.nudges import Diagnosis
from handrail_contracts.tenant_spec import Llm
from handrail_runtime.agent import metrics
from handrail_runtime.agent.case import Case
from handrail_runtime.agent.providers.openai import answers, prices, prompting, view
from handrail_runtime.agent.providers.openai.endpoint import ATTEMPT_LIMIT, Endpoint, Reply
from handrail_runtime.agent.providers.provider import Bill, Coaching, Notes, ProviderUnavailable

DEFAULT_MODEL = "gpt-4.1-mini"
"""Where the tenant names none: quick, cheap, and it does not think aloud first."""

T = TypeVar("T")


@dataclass(frozen=True)
class Patience:
    """In seconds. A run asks twice at most, so `whole` is well below half of what a run may take."""

    whole: float = 20.0
    """For one question, with all that is tried again."""
    request: float = ATTEMPT_LIMIT
    """For one request, from the look-up of the name to the last byte of the answer."""
    first_wait: float = 0.25
    max_wait: float = 4.0
    jitter: float = 0.5
    attempts: int = 5
    shortest: float = 0.5
    """What must be left of `whole` after a wait for it to be worth it."""


class OpenAIProvider:
    """See Provider. `endpoint` gives the endpoint, or raises ProviderUnavailable where there is none to ask."""

    name = "openai"

    def __init__(self, endpoint: Callable[[], Endpoint], llm: Llm, patience: Patience) -> None:
        self._endpoint = endpoint
        self._patience = patience
        self.model = llm.model or DEFAULT_MODEL
        self.prompt_version = prompting.versions()

    async def diagnose(self, case: Case, notes: Notes) -> Diagnosis:
        seen = view.of(case)
        return await self._ask(
            "diagnosis",
            answers.DIAGNOSIS_SCHEMA,
            prompting.diagnose(seen.document()),
            lambda text: answers.diagnosis(text, case, seen, notes),
            notes,
        )

    async def coach(self, case: Case, diagnosis: Diagnosis, notes: Notes) -> Coaching:
        seen = view.of(case)
        return await self._ask(
            "nudge",
            answers.TEXT_SCHEMA,
            prompting.coach(seen.document(diagnosis), case.spec.tone),
            lambda text: answers.coaching(text, case, notes),
            notes,
        )

    async def _ask(
        self,
        name: str,
        schema: dict[str, Any],
        messages: list[prompting.Message],
        parse: Callable[[str], T],
        notes: Notes,
    ) -> T:
        endpoint = self._endpoint()
        endpoint.check()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._patience.whole) as limit:
                found = await self._tries(endpoint, name, schema, messages, parse, notes, limit.when() or began)
        except TimeoutError:
            fault = ProviderUnavailable("no usable answer in the time for a question", code="llm_timeout")
            endpoint.failed(fault)
            raise fault from None
        except ProviderUnavailable as fault:
            endpoint.failed(fault)
            raise
        finally:
            notes.bill.seconds += loop.time() - began
        endpoint.answered()
        return found

    async def _tries(
        self,
        endpoint: Endpoint,
        name: str,
        schema: dict[str, Any],
        messages: list[prompting.Message],
        parse: Callable[[str], T],
        notes: Notes,
        until: float,
    ) -> T:
        patience, loop = self._patience, asyncio.get_running_loop()
        unusable = 0

        def again(error: Exception) -> bool | float:
            if not isinstance(error, ProviderUnavailable) or not error.curable:
                return False
            left = until - loop.time() - patience.shortest
            if error.after is None:
                return left > 0
            wait = max(error.after, patience.first_wait)
            return wait if wait < left else False

        tries = stamina.retry_context(
            on=again,
            attempts=patience.attempts,
            timeout=None,
            wait_initial=patience.first_wait,
            wait_max=patience.max_wait,
            wait_jitter=patience.jitter,
        )
        async for attempt in tries:
            with attempt:
                try:
                    return parse(await self._once(endpoint, messages, name, schema, notes))
                except answers.Unusable as error:
                    unusable += 1
                    metrics.LLM_REQUESTS.labels("llm_invalid").inc()
                    messages = prompting.again(messages, str(error))
                    raise ProviderUnavailable(
                        f"the answer could not be used: {error}", code="llm_invalid", curable=unusable == 1, after=0.0
                    ) from None
        raise AssertionError("stamina ends by an answer or an error")

    async def _once(
        self, endpoint: Endpoint, messages: list[prompting.Message], name: str, schema: dict[str, Any], notes: Notes
    ) -> str:
        notes.bill.questions += 1
        try:
            reply = await endpoint.complete(self.model, messages, name, schema)
        except ProviderUnavailable as error:
            metrics.LLM_REQUESTS.labels(error.code).inc()
            raise
        self._pay(reply, notes)
        metrics.LLM_REQUESTS.labels(reply.fault.code if reply.fault else "ok").inc()
        if reply.fault is not None:
            raise reply.fault
        return reply.text

    def _pay(self, reply: Reply, notes: Notes) -> None:
        cost = prices.cost(self.model, reply.input_tokens, reply.output_tokens)
        notes.bill += Bill(0, reply.input_tokens, reply.output_tokens, cost)
        metrics.LLM_TOKENS.labels("input").inc(reply.input_tokens)
        metrics.LLM_TOKENS.labels("output").inc(reply.output_tokens)
        if cost is not None:
            metrics.LLM_COST.inc(float(cost))
