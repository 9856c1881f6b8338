"""What the graph needs of somebody who thinks."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

from handrail_contracts.nudges import Diagnosis, NudgeText
from handrail_runtime.agent.case import Case


class ProviderUnavailable(Exception):
    """The provider cannot answer now. `llm.onFailure: rules` lets the rules stand in, else there is no nudge.

    `code` is the decision record's reason:
    - provider_unavailable   this version cannot make the provider
    - llm_key_missing        no key, or its secret does not stand in the secrets folder
    - llm_budget_spent       the month's budget is used up
    - llm_auth               the endpoint does not accept the key
    - llm_rejected           the endpoint does not accept the request, e.g. for an unknown model
    - llm_rate_limited       it asks to come back later than the time there is
    - llm_quota_spent        it says that the account has no credit left
    - llm_server_error       it fails (5xx)
    - llm_unreachable        no connection, an address that may not be called, a redirect, an answer cut off
    - llm_timeout            no answer in time
    - llm_resting            it has failed several times in a row, and is left alone for some seconds
    - llm_refused            the model declined to answer
    - llm_truncated          the answer was longer than allowed
    - llm_invalid            the answer was not usable, twice

    `curable`: trying again may help, after `after` seconds where the other side has said so. The message holds
    nothing that came from outside, for a key may be echoed there.
    """

    def __init__(
        self, message: str, *, code: str = "provider_unavailable", curable: bool = False, after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.curable = curable
        self.after = after

    def __repr__(self) -> str:
        return f"ProviderUnavailable({self.code})"


@dataclass
class Bill:
    """What answers have cost: all questions, also those asked in vain. Added to as answers come."""

    questions: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: Decimal | None = None
    """None: nothing was asked, or the price is not known."""
    seconds: float = 0.0

    def __add__(self, other: "Bill") -> "Bill":
        costs = [cost for cost in (self.cost_usd, other.cost_usd) if cost is not None]
        return Bill(
            self.questions + other.questions,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            sum(costs, Decimal()) if costs else None,
            round(self.seconds + other.seconds, 6),
        )

    def dump(self) -> dict[str, Any]:
        """JSON values, for a run's state."""
        return vars(self) | {"cost_usd": None if self.cost_usd is None else str(self.cost_usd)}

    @classmethod
    def load(cls, found: dict[str, Any] | None) -> "Bill":
        if not found:
            return cls()
        cost = found.get("cost_usd")
        return cls(**found | {"cost_usd": None if cost is None else Decimal(cost)})


@dataclass
class Notes:
    """What a provider tells about its work beside the answer. A remark tells what had to be mended in an answer."""

    bill: Bill = field(default_factory=Bill)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Coaching:
    """A text and what it is written in. `remark` tells of a wish that could not be met, such as a language."""

    text: NudgeText
    language: str
    remark: str = ""


class Provider(Protocol):
    """Both methods raise ProviderUnavailable, and write down in `notes` what they did."""

    name: str
    model: str
    prompt_version: str

    async def diagnose(self, case: Case, notes: Notes) -> Diagnosis:
        """Whether and where the user is stuck."""

    async def coach(self, case: Case, diagnosis: Diagnosis, notes: Notes) -> Coaching:
        """What to say about it."""
