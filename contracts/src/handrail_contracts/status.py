"""Status and conditions, as Kubernetes users know them; `handrail status` shows the same ones."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

READY = "Ready"
PROGRESSING = "Progressing"
DEGRADED = "Degraded"
# One for each part of a tenant.
NAMESPACE = "Namespace"
MESSAGING = "Messaging"
DATABASE = "Database"
CACHE = "Cache"
SECRETS = "Secrets"
ROLES = {"ingest": "Ingest", "agent": "Agent", "realtime": "Realtime"}
DATA_PATH = "DataPath"


class _Model(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class Condition(_Model):
    """One fact about a tenant."""

    type: str = Field(max_length=316, description="What it is about, such as Ready or Database.")
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: str = Field(max_length=1024, description="Why, in one word for programs.")
    message: str = Field("", max_length=32768, description="Why, for a person.")
    observed_generation: int = Field(0, ge=0, description="Generation of the spec it speaks of.")
    last_transition_time: str = Field("", description="When `status` last changed (RFC 3339).")


class TenantStatus(_Model):
    """What the operator has found, and what is in force."""

    observed_generation: int = Field(0, ge=0, description="Generation of the spec that was last worked on.")
    revision: str = Field("", description="Revision of the config in force.")
    version: str = Field("", description="Version of the runtime that runs.")
    namespace: str = Field("", description="Namespace of what was made for the tenant.")
    conditions: list[Condition] = Field(
        default_factory=list,
        max_length=32,
        description="What holds now, one entry for each type.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


def settled(wanted: list[Condition], before: list[Condition], *, generation: int, now: str) -> list[Condition]:
    """The wanted conditions with their generation, and with the time (RFC 3339) at which each status last changed."""
    known = {condition.type: condition for condition in before}
    found = []
    for condition in wanted:
        old = known.get(condition.type)
        since = old.last_transition_time if old is not None and old.status == condition.status else now
        changes = {"observed_generation": generation, "last_transition_time": since}
        found.append(condition.model_copy(update=changes))
    return found
