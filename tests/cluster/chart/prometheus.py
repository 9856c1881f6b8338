"""A real Prometheus with the chart's alerts, over the pods of a platform; it looks every second."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from tests.cluster.chart.monitored import RULES

from handrail_cli.embedded.ports import free_port
from handrail_cli.supervise.client import Command, KeeperClient

Target = tuple[str, dict[str, str]]
"""host:port, and labels."""


@dataclass
class Prometheus:
    url: str
    targets: Path

    def watch(self, targets: list[Target]) -> None:
        """These and no others, from the next look on."""
        groups = [{"targets": [address], "labels": labels} for address, labels in targets]
        beside = self.targets.with_suffix(".new")
        beside.write_text(json.dumps(groups))
        beside.rename(self.targets)

    def _get(self, path: str) -> Any:
        try:
            answer = httpx2.get(f"{self.url}/api/v1/{path}", trust_env=False, timeout=10)
        except httpx2.TransportError:
            return None
        return answer.json()["data"] if answer.status_code == 200 else None

    def up(self) -> int:
        """Pods that gave their metrics at the last look."""
        found = self._get("query?query=sum(up)")
        return int(found["result"][0]["value"][1]) if found and found["result"] else 0

    def alerts(self) -> set[str] | None:
        """Those that are pending or firing; None: it does not answer yet."""
        found = self._get("alerts")
        return None if found is None else {one["labels"]["alertname"] for one in found["alerts"]}


@contextmanager
def prometheus(folder: Path, program: str) -> Iterator[Prometheus]:
    folder.mkdir()
    port = free_port()
    made = Prometheus(f"http://127.0.0.1:{port}", folder / "targets.json")
    made.watch([])
    config = {
        "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(RULES)],
        "scrape_configs": [
            {"job_name": "pods", "file_sd_configs": [{"files": [str(made.targets)], "refresh_interval": "1s"}]}
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config))
    argv = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    keeper = KeeperClient()
    try:
        with (folder / "log").open("ab") as output:
            keeper.start(Command("prometheus", argv, {"PATH": "/usr/bin:/bin"}, folder), output.fileno())
        yield made
    finally:
        keeper.end(at_once=True)
        keeper.close()
