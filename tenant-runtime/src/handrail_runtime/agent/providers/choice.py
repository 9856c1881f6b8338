"""Which provider a tenant's runs use. The place where another one is added: a name and how it is made.

What a model needs is imported at the first question to one, in a thread: openai takes seconds on a small machine,
and sockets may live in this process, too.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handrail_contracts.tenant_spec import SecretRef, TenantSpec
from handrail_runtime.agent.gates import Gate
from handrail_runtime.agent.providers.budget import Budget
from handrail_runtime.agent.providers.provider import Bill, Notes, Provider, ProviderUnavailable
from handrail_runtime.agent.providers.rules import RulesProvider
from handrail_runtime.outbound import Guard

if TYPE_CHECKING:
    from handrail_runtime.agent.providers.openai.endpoints import Endpoints

log = structlog.get_logger()

T = TypeVar("T")
Question = Callable[[Provider, Notes], Awaitable[T]]

RULES = RulesProvider()


@dataclass(frozen=True)
class Answered(Generic[T]):
    """What came of a question. `value` is None where nobody could answer, and `fault` says why; it is told, too,
    where the rules stood in. `provider`, `model`, `prompt_version`: who answered, or failed to."""

    value: T | None
    provider: str
    model: str
    prompt_version: str
    fault: str = ""
    bill: Bill = field(default_factory=Bill)
    notes: list[dict[str, Any]] = field(default_factory=list)


class Providers:
    """Asks the configured provider. `secret` gives a secret's value now; `guard` makes the clients that call out.

    Keeps what is dear about a model (its connections, what it was learned to understand) from question to question,
    until address or key change.
    """

    def __init__(self, engine: AsyncEngine, secret: Callable[[SecretRef], str], guard: Guard) -> None:
        self._secret = secret
        self._guard = guard
        self._budget = Budget(engine)
        self._loading = asyncio.Lock()
        self._endpoints: Endpoints | None = None

    async def ask(self, spec: TenantSpec, question: Question[T], now: datetime) -> Answered[T]:
        """The configured provider's answer; the rules' where it is unavailable and they may stand in. Raises what
        the database raises."""
        if spec.llm.provider == "rules":
            return Answered(await question(RULES, Notes()), RULES.name, RULES.model, RULES.prompt_version)
        return await self._ask_model(spec, question, now)

    async def aclose(self) -> None:
        if self._endpoints is not None:
            await self._endpoints.aclose()

    async def _ask_model(self, spec: TenantSpec, question: Question[T], now: datetime) -> Answered[T]:
        notes = Notes()
        endpoints = await self._load()
        provider = endpoints.provider(spec)
        who = {"provider": provider.name, "model": provider.model, "prompt_version": provider.prompt_version}
        try:
            await self._budget.check(spec.llm.monthly_budget, now)
            try:
                value = await question(provider, notes)
            finally:
                self._budget.spend(notes.bill)
            return Answered(value, **who, bill=notes.bill, notes=_remarks(notes))
        except ProviderUnavailable as error:
            log.warning("the model did not answer", code=error.code, why=str(error), model=provider.model)
            fault = error.code
        found = _remarks(notes)
        if spec.llm.on_failure != "rules":
            return Answered(None, **who, fault=fault, bill=notes.bill, notes=found)
        gate = Gate("provider", passed=True, reason=fault, message="The rules stood in for the model.", values=who)
        value = await question(RULES, Notes())
        return Answered(value, RULES.name, RULES.model, RULES.prompt_version, fault, notes.bill, [*found, gate.dump()])

    async def _load(self) -> "Endpoints":
        async with self._loading:
            if self._endpoints is None:
                module = await asyncio.to_thread(
                    importlib.import_module, "handrail_runtime.agent.providers.openai.endpoints"
                )
                self._endpoints = module.Endpoints(self._secret, self._guard)
            return self._endpoints


def rules_stand_in(spec: TenantSpec) -> TenantSpec:
    """The same spec, with the rules as its provider."""
    return spec.model_copy(update={"llm": spec.llm.model_copy(update={"provider": "rules"})})


def _remarks(notes: Notes) -> list[dict[str, Any]]:
    return [Gate("answer", passed=True, reason="mended", message=remark).dump() for remark in notes.remarks]
