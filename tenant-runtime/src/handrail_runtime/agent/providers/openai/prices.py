"""What tokens cost, from the table `prices.json`."""

import re
from decimal import Decimal
from functools import cache
from importlib import resources

import msgspec
import structlog

log = structlog.get_logger()

_DATED = re.compile(r"-(?:\d{4}-\d{2}-\d{2}|\d{8}|\d{4}|latest)$")
_MILLION = Decimal(1_000_000)


class _Price(msgspec.Struct):
    input: Decimal
    output: Decimal


class _Table(msgspec.Struct):
    models: dict[str, _Price]


def cost(model: str, input_tokens: int, output_tokens: int) -> Decimal | None:
    """US dollars; None where the model's price is not known, of which a log line tells once."""
    price = _price(model)
    if price is None:
        return None
    return (price.input * input_tokens + price.output * output_tokens) / _MILLION


@cache
def _price(model: str) -> _Price | None:
    """Of a model or of the one it is a dated version of. What stands before a slash names who serves it."""
    name = model.rsplit("/", 1)[-1].lower()
    price = _table().models.get(_DATED.sub("", name))
    if price is None:
        log.warning("the price of this model is not known: its cost is not counted", model=model)
    return price


@cache
def _table() -> _Table:
    text = (resources.files("handrail_runtime.agent.providers.openai") / "prices.json").read_bytes()
    return msgspec.json.decode(text, type=_Table)
