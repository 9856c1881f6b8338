"""Elements that a config counts on: which selectors browsers look for, on which pages, and how they tell. Pure.

A browser looks on its page for the targets whose path fits (an empty path: any page) and tells what it saw with one
event of type `EVENT_TYPE`, by the targets' ids. Looking is nothing a user did: such an event begins no visit, prolongs
none, and no detector sees it.
"""

from collections.abc import Iterator
from hashlib import blake2b
from typing import NamedTuple

import msgspec
from pydantic import BaseModel, Field

from handrail_contracts.baselines import Baseline
from handrail_contracts.tenant_spec import TenantSpec

EVENT_TYPE = "target_check"
MOST = 50
"""Targets that browsers look for. The config is fetched by every page, so it stays small."""
MAX_SELECTOR = 200
MAX_PATH = 200
"""Characters. What is longer is not looked for."""


class TargetRule(BaseModel):
    """One element that should be there."""

    id: str = Field(description="Follows from selector and path.")
    selector: str
    path: str = Field("", description="Path of the page, exact or with * for one part; empty: any.")
    event: str = Field("", description="What users do with it, such as click: tells what kind of element it is.")


class Use(NamedTuple):
    """Where the config names a selector."""

    baseline: str
    step: str | None
    """None: what ends the baseline well."""
    event: str
    path: str
    selector: str


class Check(msgspec.Struct, gc=False):
    """The properties of an event of type `EVENT_TYPE`. Targets are named by their ids."""

    found: list[str] = []
    missed: list[str] = []
    nearest: dict[str, str] = {}
    """By the id of a missed target: the selector of the element in the page that is most like it."""


def uses(baselines: tuple[Baseline, ...] | list[Baseline]) -> Iterator[Use]:
    """Every place that names an element, in the order of the config."""
    for baseline in baselines:
        for step in baseline.steps:
            if step.selector and step.event != "page_view":
                yield Use(baseline.name, step.name, step.event, step.path, step.selector)
        success = baseline.success
        if success.selector and success.event != "page_view":
            yield Use(baseline.name, None, success.event, success.path, success.selector)


def looked_for(spec: TenantSpec) -> list[TargetRule]:
    """What browsers look for: the first `MOST` of the config, none where the share of visits is 0."""
    found: dict[str, TargetRule] = {}
    if not spec.targets.share_percent:
        return []
    for use in uses(spec.baselines):
        if len(use.selector) > MAX_SELECTOR or len(use.path) > MAX_PATH:
            continue
        key = target_id(use.selector, use.path)
        found.setdefault(key, TargetRule(id=key, selector=use.selector, path=use.path, event=use.event))
        if len(found) == MOST:
            break
    return list(found.values())


def target_id(selector: str, path: str) -> str:
    """The same for the same element on the same pages, whatever else changes in the config."""
    return blake2b(f"{path}\n{selector}".encode(), digest_size=6).hexdigest()
