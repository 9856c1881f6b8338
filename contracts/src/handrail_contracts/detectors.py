"""The part of a tenant's spec that says which signs of trouble are looked for, and from when on they count."""

from datetime import timedelta

from pydantic import Field

from handrail_contracts.durations import Medium, Short
from handrail_contracts.spec_fields import StrictModel


class _Detector(StrictModel):
    enabled: bool = Field(True, description="false switches this detector off.")


class Inactivity(_Detector):
    """Nothing happens although the page is open."""

    after: Medium = Field(timedelta(seconds=60), description="Time without an event; a duration like 60s.")


class RageClick(_Detector):
    """The same place is clicked again and again, fast."""

    count: int = Field(4, ge=2, le=50, description="Clicks on one element.")
    within: Short = Field(timedelta(seconds=1), description="Time in which they fall; a duration like 1s.")


class DeadClick(_Detector):
    """Clicks after which nothing changes."""

    count: int = Field(3, ge=1, le=50, description="Clicks without a reaction on one page.")
    within: Short = Field(timedelta(seconds=10), description="Time in which they fall; a duration like 10s.")


class BackAndForth(_Detector):
    """The user goes between the same two pages."""

    times: int = Field(3, ge=2, le=50, description="Returns to a page just left.")
    within: Medium = Field(timedelta(seconds=60), description="Time in which they fall; a duration like 60s.")


class RepeatedError(_Detector):
    """The same kind of error comes again."""

    count: int = Field(3, ge=2, le=50, description="Errors of one kind on one page.")
    within: Medium = Field(timedelta(seconds=300), description="Time in which they fall; a duration like 5m.")


class OffBaseline(_Detector):
    """Active, but the next step of a begun baseline does not come."""

    after: Medium = Field(
        timedelta(seconds=180),
        description="Time since the last step reached, beyond its `within`; a duration like 3m.",
    )


class Detectors(StrictModel):
    """What is looked for. Each may be switched off."""

    inactivity: Inactivity = Field(default_factory=Inactivity)
    rage_click: RageClick = Field(default_factory=RageClick)
    dead_click: DeadClick = Field(default_factory=DeadClick)
    back_and_forth: BackAndForth = Field(default_factory=BackAndForth)
    repeated_error: RepeatedError = Field(default_factory=RepeatedError)
    off_baseline: OffBaseline = Field(default_factory=OffBaseline)
