"""The operator from `apply` to Ready, for many tenants at once: against a bare loop that makes the same objects.

Arms: the operator as a process of its own, and the floor (`floors/bare_apply.py`), each on fresh servers and a fresh
control plane, with the operator's own settings for concurrency and client rate. Then, with all of them converged:
one tenant more, a restart until each was looked at and what was written meanwhile, and looks where nothing is to do.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from floors import bare_apply
from ground import SPEC, Ground, ground, is_ready, manifest
from harness import Arm, Figures, Results, alternate, cpu_seconds, main, report
from prometheus_client.parser import text_string_to_metric_families
from tests.cluster.audit import Audit, changes
from tests.cluster.operators import INSTALLATION, PLATFORM, Operator

from handrail_contracts.tenant_spec import TenantSpec
from handrail_operator import installation
from handrail_operator.kube import kinds
from handrail_operator.settings import Settings

LOOKS = "handrail_operator_reconcile_seconds"
"""The operator's histogram of looks at tenants."""
WITHIN = 3600.0
"""Seconds that a thousand may take."""
SETTLED = 5.0
"""Seconds after a restart's last look in which a late write would be seen."""
RESYNC = 20.0
"""Seconds, after the restart, so that looks where nothing is to do need not be waited for."""
_KIB = 1024
_DEFAULTS = {name: field.default for name, field in Settings.model_fields.items()}


def _names(count: int) -> list[str]:
    return [f"t{number:04}" for number in range(count)]


def _floor(count: int) -> Callable[[], Awaitable[Figures]]:
    async def run() -> Figures:
        async with ground(count) as place:
            uids = {name: asyncio.get_running_loop().create_future() for name in _names(count)}
            began, used = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as group:
                group.create_task(place.apply(_names(count), uids))
                group.create_task(
                    bare_apply.run(
                        uids,
                        TenantSpec.model_validate({"displayName": "bench", **SPEC}),
                        kubeconfig=place.plane.kubeconfig(),
                        access=place.servers.servers.access(),
                        installation=installation.decode(INSTALLATION),
                        platform=PLATFORM,
                        concurrency=_DEFAULTS["concurrency"],
                        rate=(_DEFAULTS["requests_per_second"], _DEFAULTS["requests_burst"]),
                    )
                )
            await place.until_running(count, WITHIN)
            return {
                "ready_s": time.perf_counter() - began,
                "writes_per_tenant": _writes(place) / count,
                # With the applying of the tenants and the looking after them, which the other arm does not count.
                "cpu_ms_per_tenant": (time.process_time() - used) / count * 1000,
            }

    return run


def _operator(count: int) -> Callable[[], Awaitable[Figures]]:
    async def run() -> Figures:
        async with ground(count) as place:
            with place.workshop.operator(place.plane.kubeconfig()) as operator:
                await asyncio.to_thread(operator.await_ready)
                idle = _peak(operator)
                began, used = time.perf_counter(), cpu_seconds([operator.pid])
                await place.apply(_names(count))
                await place.until_ready(count, WITHIN)
                figures = {
                    "ready_s": time.perf_counter() - began,
                    "writes_per_tenant": _writes(place) / count,
                    "cpu_ms_per_tenant": (cpu_seconds([operator.pid]) - used) / count * 1000,
                    "idle_mib": idle,
                    "one_more_s": await _one_more(place),
                    "peak_mib": _peak(operator),
                }
                await _quiet(place)
            return figures | await _restart(place, count + 1)

    return run


async def _one_more(place: Ground) -> float:
    """Seconds from apply to Ready of a tenant, while the operator has nothing else to do."""
    began = time.perf_counter()
    await place.cluster.apply(manifest("more"), manager="kubectl")
    while True:
        if is_ready(await place.cluster.get(kinds.TENANT, None, "more") or {}):
            return time.perf_counter() - began
        await asyncio.sleep(0.02)


async def _quiet(place: Ground) -> None:
    """Until the last probe's result is told. Raises TimeoutError."""
    audit = Audit(place.plane.folder)
    async with asyncio.timeout(WITHIN):
        while True:
            if not changes(audit.writes(since=datetime.now(UTC) - timedelta(seconds=SETTLED))):
                return
            await asyncio.sleep(1)


async def _restart(place: Ground, count: int) -> Figures:
    since, began = datetime.now(UTC), time.perf_counter()
    with place.workshop.operator(place.plane.kubeconfig(), resync=str(RESYNC)) as operator:
        await asyncio.to_thread(operator.await_ready)
        ready = time.perf_counter() - began
        first = await _until_looks(operator, count, 0.1)
        looked = time.perf_counter() - began
        await asyncio.sleep(SETTLED)
        written = changes(Audit(place.plane.folder).writes(since=since))
        for write in written[:5]:
            print(f"  written after the restart: {write}", file=sys.stderr, flush=True)
        settled, used = await _until_looks(operator, first[0] + 1, 0.5), cpu_seconds([operator.pid])
        later = await _until_looks(operator, settled[0] + count, 0.5)
        used = cpu_seconds([operator.pid]) - used
        looks = later[0] - settled[0]
        return {
            "restart_ready_s": ready,
            "restart_looked_s": looked,
            "restart_writes": float(len(written)),
            "no_op_ms": (later[1] - settled[1]) / looks * 1000,
            "no_op_cpu_ms": used / looks * 1000,
            "restart_peak_mib": _peak(operator),
        }


async def _until_looks(operator: Operator, wanted: float, every: float) -> tuple[float, float]:
    """Looks so far, once there were so many, and the seconds they took. `every`: seconds between questions, which
    cost the operator something. Raises TimeoutError."""
    async with asyncio.timeout(WITHIN):
        while True:
            families = text_string_to_metric_families(await asyncio.to_thread(operator.metrics))
            found = {sample.name: sample.value for family in families for sample in family.samples}
            if found.get(f"{LOOKS}_count", 0) >= wanted:
                return found[f"{LOOKS}_count"], found[f"{LOOKS}_sum"]
            await asyncio.sleep(every)


def _writes(place: Ground) -> int:
    """Of the arm itself and of the apply; Leases and events left out."""
    return len(changes(Audit(place.plane.folder).writes()))


def _peak(operator: Operator) -> float:
    """The most resident memory so far, MiB."""
    lines = Path(f"/proc/{operator.pid}/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / _KIB


async def benchmark(arguments: argparse.Namespace) -> None:
    results = Results({})
    ratios: dict[str, float] = {}
    goals: dict[str, str] = {}
    for count in arguments.tenants or ((20, 100) if arguments.quick else (100, 1000)):
        arms = [Arm(f"floor {count}", _floor(count)), Arm(f"operator {count}", _operator(count))]
        # Of many two rounds will do, not one: each arm once on a disk that the other has just been cleared from.
        rounds = 1 if arguments.quick else min(arguments.rounds, 2) if count > 100 else arguments.rounds
        results.rounds |= (await alternate(arms, rounds)).rounds
        key = f"time until {count} tenants are ready / bare loop"
        ratios[key] = results.ratio("ready_s", f"operator {count}", f"floor {count}")
        goals[key] = "wanted: <= 1.5"
        key = f"peak memory at {count} / 300 MB"
        ratios[key] = results.median(f"operator {count}", "peak_mib") * _KIB * _KIB / 300e6
        goals[key] = "wanted: < 1"
        key = f"writes after a restart with {count}"
        ratios[key] = results.median(f"operator {count}", "restart_writes")
        goals[key] = "wanted: 0"
    report("reconcile", results, ratios, goals=goals)


def _options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--tenants", type=int, nargs="+", metavar="N", help="so many and no others")


if __name__ == "__main__":
    main(benchmark, __doc__ or "", _options)
