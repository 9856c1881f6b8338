"""An hour by hand: the whole platform under load, its processes killed at random, and the books balanced at the end.

    .venv/bin/python -m tests.chaos.hour --minutes 60 --out /tmp/hour

Simulated users of all personas work with both example tenants through the public API. Every 20 to 60 seconds a random
process is killed -9 (now and then a frozen PostgreSQL instead), the next one only when all is ready again; in the
last quarter nothing is killed, so that memory under steady load can be seen. `--out` gets memory.csv, ledger.json,
memory.svg, and memory.png where there is a Chromium. Exit code 1: something was lost, stored without being ours,
given up or shown twice, or the platform did not come back.
"""

# ruff: noqa: T201 - a program for the terminal

import argparse
import asyncio
import contextlib
import json
import random
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from tests.chaos import crowd, machine, memory, plot
from tests.chaos.crowd import Batch, Crowd, History, Ledger
from tests.chaos.machine import Machine
from tests.chaos.verdict import Verdict, judge

from handrail_cli.embedded.ports import free_port
from handrail_cli.simulate import batches
from handrail_cli.simulate.plan import make_plan
from handrail_cli.tenant_files.read import plain, round_trip
from handrail_cli.up import examples
from handrail_contracts.tenant_spec import TenantSpec

EVENTS_PER_USER = 25
"""About, of the mix of personas: what a rate of events means in users."""
FROZEN = 40.0
"""Seconds; longer than the acknowledgement wait of the plans."""
FREEZE_SHARE = 0.1
PAUSES = (20.0, 60.0)
STAY = 150.0
"""Seconds that a user keeps the page open after the last event."""


@dataclass
class Blow:
    """One thing done to the platform."""

    at: float
    victim: str
    kind: str
    recovery: float | None = None
    """Seconds until all was ready; None: it did not get so."""


@dataclass
class Hour:
    machine: Machine
    crowds: dict[str, Crowd]
    rng: random.Random
    began: float
    blows: list[Blow] = field(default_factory=list)

    async def strike(self, until: float) -> None:
        """Blow after blow until that moment of the monotonic clock."""
        while True:
            await asyncio.sleep(self.rng.uniform(*PAUSES))
            if time.monotonic() > until:
                return
            try:
                await self._blow()
            except TimeoutError as error:
                # It stays in the books as a blow without a recovery; the rest of the run shows what becomes of it.
                print(f"NOT READY AGAIN: {error}", flush=True)
                return

    async def _blow(self) -> None:
        at = round(time.monotonic() - self.began, 1)
        if self.rng.random() < FREEZE_SHARE:
            blow = Blow(at, "postgres", "frozen")
            self.blows.append(blow)
            with self.machine.frozen("postgres"):
                await asyncio.sleep(FROZEN)
            blow.recovery = round(await self.machine.until_ready(), 2)
        else:
            blow = Blow(at, self.rng.choice(sorted(self.machine.pids())), "killed")
            self.blows.append(blow)
            old = self.machine.kill(blow.victim)
            blow.recovery = round(await self.machine.until_again(blow.victim, old), 2)
        print(f"{at:7.0f} s  {blow.victim} {blow.kind}, all ready after {blow.recovery} s", flush=True)

    async def settle(self, seconds: float) -> dict[str, Verdict]:
        """The verdicts, once nothing is on its way."""
        deadline = time.monotonic() + seconds
        while True:
            verdicts = {name: await self._judge(name) for name in self.crowds}
            if all(not (one.lost or one.unpublished or one.undecided) for one in verdicts.values()):
                return verdicts
            if time.monotonic() > deadline:
                return verdicts
            await asyncio.sleep(2)

    async def _judge(self, name: str) -> Verdict:
        database = await self.machine.database(name)
        try:
            return await judge(database, self.crowds[name].ledger)
        finally:
            await database.close()


def persona_history(spec: TenantSpec, seed: int) -> History:
    """The walks of the simulator's personas, ended just now."""

    def history(number: int) -> Sequence[Batch]:
        plan = make_plan(spec, seed=seed + number, users=1).users[0]
        visitor = batches.begin(plan, "u", "s", datetime.now(UTC))
        found = []
        for part in batches.chunks(plan):
            events = []
            for planned, event in zip(part, batches.planned(visitor, part, secrets.token_bytes), strict=True):
                value: dict[str, Any] = {
                    "event_type": event.event_type,
                    "timestamp": planned.at - plan.seconds,
                    "url": event.url,
                    "properties": event.properties,
                }
                if event.target_element is not None:
                    value["target_element"] = msgspec.to_builtins(event.target_element)
                events.append(value)
            found.append(events)
        return found

    return history


def _spec(file: Path) -> TenantSpec:
    return TenantSpec.model_validate(plain(round_trip().load(file.read_text())["spec"]))


async def run(arguments: argparse.Namespace, folder: Path) -> int:
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    files = examples.copy_to(folder / "files")
    running = await machine.start(folder / "state", files, free_port())
    samples: list[memory.Sample] = []
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(running.stop)
        print(f"ready after {await running.until_ready():.1f} s; log: {running.log}; seed {arguments.seed}", flush=True)
        http = await stack.enter_async_context(crowd.client())
        crowds = {}
        for number, file in enumerate(files):
            name = file.stem
            crowds[name] = Crowd(
                running.gateway, running.key(name), Ledger(), http,
                persona_history(_spec(file), arguments.seed + number * 10_000_000),
                pace=1.0, every=EVENTS_PER_USER * len(files) / arguments.rate, patience=STAY, reacts=True,
            )  # fmt: skip
            stack.push_async_callback(crowds[name].close)
        hour = Hour(running, crowds, random.Random(arguments.seed), time.monotonic())
        watching = asyncio.create_task(memory.watch(running.pids, arguments.sample, out / "memory.csv", samples))
        try:
            await _drive(hour, arguments.minutes * 60)
            verdicts = await hour.settle(120)
            code, status = await running.status()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        restarts = running.restarts()
    ledger = books(hour, verdicts, samples, arguments, ready=code == 0)
    ledger["restarts"] = restarts
    (out / "ledger.json").write_text(json.dumps(ledger, indent=2))
    print(table(ledger))
    if code:
        print(f"not ready at the end: {json.dumps(status)}")
    await _picture(out)
    return 0 if ledger["ok"] else 1


async def _drive(hour: Hour, seconds: float) -> None:
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        for one in hour.crowds.values():
            group.create_task(one.run(stop))
        striking = group.create_task(hour.strike(hour.began + seconds * 0.75))
        await asyncio.sleep(seconds)
        await asyncio.wait([striking])
        stop.set()


async def _picture(out: Path) -> None:
    svg = plot.draw(out)
    try:
        await plot.photograph(svg, out / "memory.png")
    except Exception as error:  # noqa: BLE001 - the figures stand in the files; only the picture needs a browser
        print(f"no picture without a browser ({type(error).__name__}); {svg} has the same")


def books(
    hour: Hour,
    verdicts: dict[str, Verdict],
    samples: list[memory.Sample],
    arguments: argparse.Namespace,
    *,
    ready: bool,
) -> dict[str, Any]:
    """What happened, in figures."""
    tenants: dict[str, dict[str, Any]] = {}
    for name, verdict in verdicts.items():
        book = hour.crowds[name].ledger
        ordered = sorted(book.delays)
        tenants[name] = {
            "users": len(book.users),
            "events_202": verdict.accepted,
            "stored": verdict.stored,
            "lost": len(verdict.lost),
            "foreign": len(verdict.foreign),
            "dead_letters": verdict.dead_letters,
            "failed_runs": verdict.failed_runs,
            "given_up": sum(n for outcome, n in verdict.outcomes.items() if outcome.startswith("failed")),
            "wrong_answers": book.wrong[:5],
            "answers": dict(book.answers),
            "slowest_202_s": round(ordered[-1], 2) if ordered else 0,
            "median_202_ms": round(statistics.median(ordered) * 1000, 1) if ordered else 0,
            "signals": dict(verdict.kinds()),
            "unpublished": verdict.unpublished,
            "undecided": verdict.undecided,
            "outcomes": dict(verdict.outcomes),
            "nudges": verdict.nudges,
            "nudges_shown": verdict.shown,
            "nudges_twice": len(verdict.twice),
            "nudges_whose_user_had_left": len(verdict.unshown),
        }
    by_victim: dict[str, list[Blow]] = defaultdict(list)
    for blow in hour.blows:
        by_victim[f"{blow.victim} {blow.kind}"].append(blow)
    kills = {
        victim: {"times": len(found), "slowest_recovery_s": max(one.recovery or 0 for one in found)}
        for victim, found in sorted(by_victim.items())
    }
    wrong = Counter(
        {
            key: sum(tenant[key] for tenant in tenants.values())
            for key in (
                "lost",
                "foreign",
                "dead_letters",
                "failed_runs",
                "given_up",
                "unpublished",
                "undecided",
                "nudges_twice",
            )
        }
    )
    wrong["wrong_answers"] = sum(len(one.ledger.wrong) for one in hour.crowds.values())
    wrong["not_recovered"] = sum(blow.recovery is None for blow in hour.blows)
    return {
        "title": f"Private memory of each process over {arguments.minutes:g} minutes",
        "subtitle": f"{arguments.rate:g} events/s over two tenants, {len(hour.blows)} processes killed or frozen, "
        f"none in the last quarter; seed {arguments.seed}; {datetime.now(UTC):%Y-%m-%d}",
        "ok": ready and not any(wrong.values()),
        "ready_at_the_end": ready,
        "wrong": dict(wrong),
        "kills": kills,
        "tenants": tenants,
        "memory": {name: asdict(found) for name, found in memory.growth(samples).items()},
        "marks": [[blow.at, blow.victim] for blow in hour.blows],
    }


def table(ledger: dict[str, Any]) -> str:
    lines = ["", ledger["title"], ledger["subtitle"], ""]
    names = list(ledger["tenants"])
    rows = [key for key, value in ledger["tenants"][names[0]].items() if isinstance(value, int | float)]
    lines.append(f"{'':<30}" + "".join(f"{name:>14}" for name in names))
    lines += [f"{row:<30}" + "".join(f"{ledger['tenants'][name][row]:>14}" for name in names) for row in rows]
    for key in ("signals", "outcomes", "answers"):
        lines += [f"{key} of {name}: {ledger['tenants'][name][key]}" for name in names]
    lines += ["", f"{'victim':<30}{'times':>8}{'slowest recovery':>20}"]
    lines += [
        f"{victim:<30}{found['times']:>8}{found['slowest_recovery_s']:>18} s"
        for victim, found in ledger["kills"].items()
    ]
    lines += ["", f"{'memory, MiB':<24}{'first':>10}{'last':>10}{'most':>10}{'MiB/h':>10}{'within lives':>14}"]
    for name, one in sorted(ledger["memory"].items()):
        lines.append(
            f"{name:<24}{one['first']:>10.1f}{one['last']:>10.1f}{one['most']:>10.1f}{one['overall']:>10.1f}"
            f"{one['within']:>14.1f}"
        )
    lines += ["", f"{'nothing lost, nothing twice' if ledger['ok'] else 'NOT WHAT WAS PROMISED'}: {ledger['wrong']}"]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=40.0, help="events a second, over both tenants")
    parser.add_argument("--sample", type=float, default=5.0, help="seconds between two looks at the memory")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1_000_000))
    parser.add_argument("--out", default="hour", help="folder for the results")
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="handrail-hour-"))
    folder.chmod(0o755)
    code = 1
    try:
        code = asyncio.run(run(arguments, folder))
    finally:
        if code == 0:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"kept for a look: {folder}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
