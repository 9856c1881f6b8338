"""Conditions, as Kubernetes users know them; `handrail status` shows the same ones."""

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

READY = "Ready"
PROGRESSING = "Progressing"
DEGRADED = "Degraded"


class Condition(BaseModel):
    """One fact about a tenant. `message` is for a person, `reason` for a program."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: str = ""
