"""The tenant's config as ingest needs it: durations in microseconds, made once a revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from handrail_contracts import snippet_config
from handrail_contracts.baselines import Baseline
from handrail_contracts.detectors import Detectors
from handrail_contracts.targets import TargetRule, looked_for
from handrail_contracts.tenant_spec import TenantSpec
from handrail_runtime.session.matching import bare

_US = timedelta(microseconds=1)


COUNTED = frozenset({"click", "page_view", "error", "submit"})
"""Types of events that the counting detectors count."""


def micros(value: timedelta) -> int:
    return value // _US


@dataclass(frozen=True)
class Rules:
    """One revision."""

    revision: str
    detectors: Detectors
    baselines: tuple[Baseline, ...]
    inactive_after: int | None
    """Microseconds; None: not looked for."""
    flush_interval: int
    """Microseconds for which a browser may hold an event back."""
    named: frozenset[str]
    """Types of events that a baseline names."""
    looked_at: frozenset[str]
    """Types of events whose past matters to any detector: what a session's window holds."""
    targets: Mapping[str, TargetRule]
    """Elements that browsers look for, by id."""
    named_elements: Mapping[str, tuple[TargetRule, ...]]
    """The same by their selectors without a tag."""
    retention: timedelta

    @classmethod
    def of(cls, revision: str, spec: TenantSpec) -> "Rules":
        inactivity = spec.detectors.inactivity
        named = frozenset(
            event for one in spec.baselines for event in (*(step.event for step in one.steps), one.success.event)
        )
        looked = looked_for(spec)
        selectors = {bare(rule.selector) for rule in looked}
        return cls(
            revision,
            spec.detectors,
            tuple(spec.baselines),
            micros(inactivity.after) if inactivity.enabled else None,
            snippet_config.from_spec(spec).flush_interval_ms * 1000,
            named,
            COUNTED | named,
            {rule.id: rule for rule in looked},
            {one: tuple(rule for rule in looked if bare(rule.selector) == one) for one in selectors},
            timedelta(days=spec.privacy.retention_days),
        )
