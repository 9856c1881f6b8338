"""What a tenant costs while nothing happens: memory, connections, and the time until `handrail up` is ready.

Arms: 2 and 10 tenants of the small plan (one process with three roles), 2 of the standard plan (a process for each
role), and without `--quick` 50 small ones. Each is `handrail up` as a user runs it, on a state of its own, started
twice: the first start makes everything, the second finds it.
"""

import argparse
import asyncio
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import psutil
import yaml
from harness import Arm, Figures, alternate, main, report
from redis.asyncio import Redis

from handrail_cli.embedded.ports import free_port
from handrail_cli.embedded.postgres import SUPERUSER
from handrail_cli.embedded.valkey import Valkey
from handrail_cli.state.folder import State

READY_WITHIN = 900.0
IDLE = 35.0
"""Seconds until what is measured counts as idle; longer than connections are kept for nothing."""
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Platform:
    process: asyncio.subprocess.Process
    folder: Path
    seconds: float
    """Until it was ready."""

    @property
    def state(self) -> State:
        return State.open(self.folder)

    def pids(self) -> dict[str, int]:
        live = self.state.live()
        return {one.name: one.pid for one in live.processes if one.pid} if live else {}

    async def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        await self.process.wait()


async def _up(folder: Path, files: list[Path], port: int) -> Platform:
    began = time.perf_counter()
    with folder.with_name(f"{folder.name}.log").open("ab") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "handrail_cli", "up", *map(str, files), "--state", str(folder), "--port", str(port),
            stdout=log, stderr=log,
        )  # fmt: skip
    while True:
        live = State.open(folder).live() if (folder / "version").exists() else None
        if live is not None and live.ready and live.pid == process.pid:
            return Platform(process, folder, time.perf_counter() - began)
        if process.returncode is not None or time.perf_counter() - began > READY_WITHIN:
            raise RuntimeError(folder.with_name(f"{folder.name}.log").read_text()[-3000:])
        await asyncio.sleep(0.02)


def _tenant(name: str, plan: str) -> str:
    spec = {"displayName": name, "origins": ["https://app.example.test"], "plan": plan}
    kind = {"apiVersion": "handrail.dev/v1alpha1", "kind": "OnboardingTenant", "metadata": {"name": name}}
    return yaml.safe_dump(kind | {"spec": spec})


def _uss(pid: int) -> float:
    process = psutil.Process(pid)
    return sum(one.memory_full_info().uss for one in [process, *process.children(recursive=True)]) / _MIB


def _rss(pid: int) -> float:
    return psutil.Process(pid).memory_info().rss / _MIB


async def _connections(platform: Platform) -> Figures:
    """Of the tenants: what the servers hold for them, without the platform's own and this look."""
    state = platform.state
    ports, passwords = state.ports(), state.server_secrets()
    database = await asyncpg.connect(
        user=SUPERUSER, password=passwords.postgres_password, host="127.0.0.1", port=ports["postgres"],
        database="postgres",
    )  # fmt: skip
    postgres = await database.fetchval("SELECT count(*) FROM pg_stat_activity WHERE usename LIKE 'hr\\_%'")
    await database.close()
    store = Redis.from_url(Valkey(platform.folder, ports["valkey"], passwords.redis_password).url)
    redis = sum(one.get("user", "").startswith("hr-") for one in await store.client_list())
    await store.aclose()
    nats = sum(
        connection.status == psutil.CONN_ESTABLISHED and getattr(connection.laddr, "port", 0) == ports["nats"]
        for connection in psutil.Process(platform.pids()["nats"]).net_connections("tcp")
    )
    return {"pg_connections": postgres, "redis_connections": redis, "nats_connections_all": nats}


def _arm(count: int, plan: str) -> Callable[[], Awaitable[Figures]]:
    async def run() -> Figures:
        folder = Path(tempfile.mkdtemp(prefix="handrail-tenants-"))
        folder.chmod(0o755)
        port = free_port(set())
        files = []
        for number in range(count):
            files.append(folder / f"t{number}.yaml")
            files[-1].write_text(_tenant(f"t{number}", plan))
        try:
            first = await _up(folder / "state", files, port)
            await first.stop()
            platform = await _up(folder / "state", [], port)
            try:
                await asyncio.sleep(IDLE)
                return _measure(platform, count) | {
                    "first_start_s": first.seconds,
                    "next_start_s": platform.seconds,
                    **await _connections(platform),
                }
            finally:
                await platform.stop()
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    return run


def _measure(platform: Platform, count: int) -> Figures:
    pids = platform.pids()
    tenants = [pid for name, pid in pids.items() if "." in name]
    figures = {
        "tenant_uss_mib": sum(map(_uss, tenants)) / count,
        "tenant_rss_mib": sum(map(_rss, tenants)) / count,
        "gateway_uss_mib": _uss(pids["gateway"]),
        "nats_uss_mib": _uss(pids["nats"]),
        "postgres_uss_mib": _uss(pids["postgres"]),
        "valkey_uss_mib": _uss(pids["valkey"]),
        "up_uss_mib": psutil.Process(platform.process.pid).memory_full_info().uss / _MIB,
    }
    for role in ("ingest", "agent", "realtime"):
        if pid := pids.get(f"t0.{role}"):
            figures[f"{role}_rss_mib"] = _rss(pid)
    return figures


async def benchmark(arguments: argparse.Namespace) -> None:
    arms = [Arm("2 small", _arm(2, "small")), Arm("10 small", _arm(10, "small")), Arm("2 split", _arm(2, "standard"))]
    rounds = 1 if arguments.quick else arguments.rounds
    results = await alternate(arms, rounds)
    if not arguments.quick:
        results.rounds |= (await alternate([Arm("50 small", _arm(50, "small"))], 1)).rounds
    limit = 120.0
    ratios = {
        "small tenant's resident memory / 120 MiB": results.median("2 small", "tenant_rss_mib") / limit,
        "split tenant's resident memory / 120 MiB": results.median("2 split", "tenant_rss_mib") / limit,
        "next start of 10 tenants / of 2": results.ratio("next_start_s", "10 small", "2 small"),
    }
    goals = {"small tenant's resident memory / 120 MiB": "P12: <= 1", "split tenant's resident memory / 120 MiB": ""}
    report("tenants", results, ratios, goals=goals, more={"cores": os.cpu_count()})


if __name__ == "__main__":
    main(benchmark, __doc__ or "")
