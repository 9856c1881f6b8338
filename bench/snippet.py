"""What the snippet costs a page: a scripted person walks the test sites without a snippet, with ours, and with
posthog-js as its docs set it up (autocapture on, everything else of it off), in turn in one run.

Main-thread figures are CPU time of the thread, so that a busy machine counts for less; "added" is against the walks
without a snippet. Bytes are counted by a relay before each server, script included, headers included.
"""

import argparse
import asyncio
import contextlib
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial

from harness import Arm, Figures, Results, alternate, main, precedence, report
from playwright.sync_api import Browser, Page, sync_playwright
from tests.browser.conftest import VIEW, Up, launched, running
from tests.browser.sites.pages import Mount
from tests.browser.sites.server import Sites, manifest
from tests.browser.sites.walks import WALKS, Walker
from walk import posthog
from walk.relay import Relay
from walk.trace import CATEGORIES, read

ABOUT = "What the snippet costs a page, against no snippet and against posthog-js."
PAUSE_MS = 120
SETTLE_MS = 2_000
ARRIVES_SECONDS = 20
SITES = ("plain", "react", "hash", "vue", "strict-dynamic", "radix", "shadow", "big", "restless", "clobbered", "zone")
QUICK = ("plain", "hash", "big")
OURS, THEIRS, NONE = "ours", "posthog-js", "no snippet"
GOALS = {
    "useful clicks captured, ours": "wanted 1",
    "added main-thread ms a walk, ours": "wanted < 60",
    "worst task of the script, ms, ours": "wanted < 16",
    "added long tasks, ours": "wanted 0",
    "added heap, MB, ours": "wanted < 0.2",
    "layout shift, ours": "wanted 0",
    "bytes ours/posthog-js": "wanted < 0.1",
}


@dataclass
class Stage:
    """Everything a walk needs."""

    sites: Sites
    up: Up
    gateway: Relay
    sink: posthog.Sink
    wire: Relay
    """Before the sink."""

    def mount(self, arm: str, site: str) -> Mount:
        key = str(self.up.status["tenants"]["acme"]["publishable_key"])
        if arm == OURS:
            return Mount(site, gateway=self.gateway.origin, key=key, snippet="tag", files=manifest())
        if arm == NONE:
            return Mount(site, gateway=self.gateway.origin, key=key, snippet=None)
        # Its policy lets its own server in, as ours does.
        return Mount(site, gateway=self.wire.origin, key=key, snippet=None, head=posthog.markup(self.wire.origin))


def walked(browser: Browser, stage: Stage, arm: str, site: str) -> Figures:
    """One walk over one site, in a browser profile of its own."""
    origin = {OURS: stage.gateway.origin, THEIRS: stage.wire.origin, NONE: None}[arm]
    stage.sink.events.clear()
    bytes_before = stage.gateway.passed + stage.wire.passed
    context = browser.new_context(viewport=VIEW)
    page = context.new_page()
    tools = context.new_cdp_session(page)
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.goto(stage.sites.mount(stage.mount(arm, site)))
    page.wait_for_timeout(500)
    walker = Walker(page, PAUSE_MS)
    WALKS[site](walker)
    page.wait_for_timeout(SETTLE_MS)
    work = read(browser.stop_tracing(), origin)
    for _ in range(2):
        tools.send("HeapProfiler.collectGarbage")
    heap = tools.send("Runtime.getHeapUsage")["usedSize"]
    captured = _captured(stage, arm, page, walker.useful)
    context.close()
    return {
        "main_ms": sum(work.tasks),
        "script_ms": sum(work.shares),
        "worst_ms": max(work.shares, default=0.0),
        "long_tasks": work.long,
        "worst_of_all_ms": max(work.tasks, default=0.0),
        "heap_mb": heap / 1e6,
        "shift": work.shift,
        "kbytes": (stage.gateway.passed + stage.wire.passed - bytes_before) / 1000,
        "useful": walker.useful,
        "captured": captured,
    }


def _captured(stage: Stage, arm: str, page: Page, useful: int) -> int:
    """The clicks that arrived, once the page has been left and as many as were made are there, or time is up."""
    if arm == NONE:
        return 0
    user = page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))?.[1]")
    page.goto("about:blank")
    count: Callable[[], int] = (lambda: stage.sink.clicks) if arm == THEIRS else (lambda: _stored(stage.up, str(user)))
    deadline = time.monotonic() + (ARRIVES_SECONDS if arm == OURS else 4)
    while (found := count()) < useful and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _stored(up: Up, user: str) -> int:
    events = up.read("acme", "/api/v1/events", limit="500", user_id=user, event_type="click")
    return sum(int(event["properties"].get("count", 1)) for event in events)


def round_of(browser: Browser, stage: Stage, arm: str, sites: Sequence[str], kept: dict[str, list[Figures]]) -> Figures:
    """All sites once: medians over the walks, sums where things are counted."""
    found = []
    for site in sites:
        figures = walked(browser, stage, arm, site)
        kept.setdefault(f"{site}, {arm}", []).append(figures)
        found.append(figures)
    middle = {
        name: statistics.median(one[name] for one in found) for name in ("main_ms", "script_ms", "worst_ms", "heap_mb")
    }
    total = {name: sum(one[name] for one in found) for name in ("long_tasks", "shift", "kbytes", "useful", "captured")}
    return {**middle, "worst_of_all_walks_ms": max(one["worst_ms"] for one in found), **total}


def added(kept: dict[str, list[Figures]], sites: Sequence[str], arm: str, name: str) -> list[float]:
    """Of each site: the median with the arm less the median without a snippet."""
    return [
        statistics.median(one[name] for one in kept[f"{site}, {arm}"])
        - statistics.median(one[name] for one in kept[f"{site}, {NONE}"])
        for site in sites
    ]


def verdict(results: Results, kept: dict[str, list[Figures]], sites: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for arm in (OURS, THEIRS):
        found |= {
            f"useful clicks captured, {arm}": _share(results, arm),
            f"added main-thread ms a walk, {arm}": statistics.median(added(kept, sites, arm, "main_ms")),
            f"the script's own ms a walk, {arm}": results.median(arm, "script_ms"),
            f"worst task of the script, ms, {arm}": results.median(arm, "worst_ms"),
            f"added long tasks, {arm}": sum(added(kept, sites, arm, "long_tasks")),
            f"added heap, MB, {arm}": statistics.median(added(kept, sites, arm, "heap_mb")),
            f"layout shift, {arm}": sum(added(kept, sites, arm, "shift")),
        }
    return found | {"bytes ours/posthog-js": results.ratio("kbytes", OURS, THEIRS)}


def _share(results: Results, arm: str) -> float:
    rounds = results.rounds[arm]
    return sum(one["captured"] for one in rounds) / sum(one["useful"] for one in rounds)


async def benchmark(given: argparse.Namespace) -> None:
    precedence()
    sites = QUICK if given.quick else SITES
    kept: dict[str, list[Figures]] = {}
    loop = asyncio.get_running_loop()
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(closing(Sites()))
        sink = stack.enter_context(closing(posthog.Sink()))
        up = stack.enter_context(running(served.origins))
        gateway = stack.enter_context(closing(Relay(int(str(up.status["gateway"]).rsplit(":", 1)[1]))))
        wire = stack.enter_context(closing(Relay(sink.port)))
        stage = Stage(served, up, gateway, sink, wire)
        # The driver and what it gives belong to the thread that started it.
        thread = stack.enter_context(ThreadPoolExecutor(1))
        own = contextlib.ExitStack()
        browser = await loop.run_in_executor(
            thread, lambda: own.enter_context(launched(own.enter_context(sync_playwright()), whole=True))
        )

        async def run(arm: str) -> Figures:
            return await loop.run_in_executor(thread, round_of, browser, stage, arm, sites, kept)

        try:
            arms = [Arm(name, partial(run, name)) for name in (NONE, OURS, THEIRS)]
            results = await alternate(arms, 1 if given.quick else given.rounds)
        finally:
            await loop.run_in_executor(thread, own.close)
    report("snippet", results, verdict(results, kept, sites), goals=GOALS, more={"walks": kept})


if __name__ == "__main__":
    main(benchmark, ABOUT)
