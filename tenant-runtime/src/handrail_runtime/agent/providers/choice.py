"""Which provider a tenant's runs use. The place where another one is added: a name and how it is made."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from handrail_contracts.tenant_spec import Llm
from handrail_runtime.agent.providers.provider import Provider, ProviderUnavailable
from handrail_runtime.agent.providers.rules import RulesProvider

T = TypeVar("T")

RULES = RulesProvider()
_MAKE: dict[str, Callable[[Llm], Provider]] = {"rules": lambda _: RULES}


def choose(llm: Llm) -> Provider:
    """The configured provider. Raises ProviderUnavailable where this version cannot make it."""
    make = _MAKE.get(llm.provider)
    if make is None:
        raise ProviderUnavailable(f"the provider {llm.provider} is not available")
    return make(llm)


async def with_fallback(llm: Llm, ask: Callable[[Provider], Awaitable[T]]) -> tuple[Provider, T]:
    """Asks the configured provider, or the rules where it is unavailable and they may stand in. Gives who answered.

    Raises ProviderUnavailable.
    """
    try:
        provider = choose(llm)
        return provider, await ask(provider)
    except ProviderUnavailable:
        if llm.on_failure != "rules":
            raise
        return RULES, await ask(RULES)
