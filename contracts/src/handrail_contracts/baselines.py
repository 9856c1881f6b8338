"""The part of a tenant's spec that says how users get where they wanted: baselines, their steps, their success."""

from pydantic import Field

from handrail_contracts import patterns
from handrail_contracts.durations import Medium
from handrail_contracts.spec_fields import Name, StrictModel, told_apart_by


class Step(StrictModel):
    """One step on the path of users who succeeded."""

    name: Name = Field(description="Unique within its baseline.")
    event: str = Field(
        pattern=patterns.EVENT_TYPE, max_length=64, description="Type of the event that completes the step."
    )
    path: str = Field("", max_length=1000, description="Path of the page, exact or with * for one part; empty: any.")
    selector: str = Field("", max_length=1000, description="CSS selector of the element; empty: any.")
    within: Medium | None = Field(
        None, description="Time users usually need since the step before; a duration like 2m."
    )


class Success(StrictModel):
    """What ends a baseline well."""

    event: str = Field(pattern=patterns.EVENT_TYPE, max_length=64, description="Type of the event that means success.")
    path: str = Field("", max_length=1000, description="Path of the page, exact or with * for one part; empty: any.")
    selector: str = Field("", max_length=1000, description="CSS selector of the element; empty: any.")


class Baseline(StrictModel):
    """A path that users who succeeded took."""

    name: Name = Field(description="Unique within the tenant.")
    success: Success = Field(description="The event that ends the path well.")
    steps: list[Step] = Field(
        default_factory=list, max_length=50, description="In order.", json_schema_extra=told_apart_by("name")
    )
