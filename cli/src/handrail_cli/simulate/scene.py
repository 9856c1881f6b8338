"""Where a simulated user walks: one baseline of the tenant, its pages and its detectors. Pure."""

import re
from dataclasses import dataclass

from handrail_contracts.baselines import Baseline, Step, Success
from handrail_contracts.detectors import Detectors
from handrail_contracts.tenant_spec import TenantSpec

_TAG = re.compile(r"^[a-z][a-z0-9]*")
_FALLBACK = Baseline(
    name="look-around",
    success=Success(event="click", selector="#save"),
    steps=[Step(name="open", event="page_view", path="/"), Step(name="save", event="click", selector="#save")],
)
"""Walked where a tenant has no baseline yet: it belongs to nobody, so only the plain detectors can speak."""


@dataclass(frozen=True)
class Scene:
    """One baseline and what surrounds it."""

    origin: str
    baseline: Baseline
    detectors: Detectors
    ways: tuple[str, ...] = ()
    """Path patterns of all the tenant's baselines."""
    known: bool = True
    """False for the fallback: the platform knows no such baseline."""

    def page(self, name: str) -> str:
        """A page off all baselines, under the same first part as this baseline's own pages."""
        path = f"{self._prefix()}/{name}"
        return f"{path}-more" if any(_leads_through(way, path) for way in self.ways) else path

    def first_page(self) -> str:
        """Where the baseline begins."""
        step = self.baseline.steps[0]
        return concrete(step.path) if step.path else self.start()

    def off_way(self, selectors: list[str]) -> list[str]:
        """Those of the elements that the baseline does not ask for."""
        asked = {step.selector for step in self.baseline.steps} | {self.baseline.success.selector}
        return [selector for selector in selectors if selector not in asked]

    def start(self) -> str:
        return self._prefix() or "/"

    def patience(self) -> float:
        """Longest pause of an active user here, in seconds: too short for anybody to call it inactivity."""
        idle = self.detectors.inactivity
        return min(12.0, idle.after.total_seconds() / 3) if idle.enabled else 12.0

    def _prefix(self) -> str:
        for step in self.baseline.steps:
            parts = concrete(step.path).strip("/").split("/")
            if len(parts) > 1:
                return f"/{parts[0]}"
        return ""


def concrete(path: str) -> str:
    """A page that a path pattern stands for: `/projects/*` -> `/projects/1`."""
    return path.replace("*", "1")


def _leads_through(way: str, path: str) -> bool:
    return re.fullmatch("[^/]+".join(re.escape(part) for part in way.split("*")), path) is not None


def tag_of(selector: str) -> str | None:
    """The tag a simple selector names: `form#project` -> `form`."""
    found = _TAG.match(selector)
    return found[0] if found else None


def scenes(spec: TenantSpec) -> list[Scene]:
    """One for each baseline that has steps; the fallback where there is none."""
    named = [origin for origin in spec.origins if origin != "*"]
    origin = named[0] if named else "http://localhost"
    ways = {step.path for each in spec.baselines for step in each.steps} | {
        each.success.path for each in spec.baselines
    }
    found = [
        Scene(origin, baseline, spec.detectors, tuple(sorted(ways - {""})))
        for baseline in spec.baselines
        if baseline.steps
    ]
    return found or [Scene(origin, _FALLBACK, spec.detectors, known=False)]
