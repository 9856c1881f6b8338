"""What alerts and dashboard ask for, and what the platform's processes export."""

import json
import re
from pathlib import Path
from typing import Any

import httpx2
from ruamel.yaml import YAML
from tests.cluster.chart.installation import CHART, Site

RULES = CHART / "files" / "rules.yaml"
DASHBOARD = CHART / "files" / "dashboard.json"
RUNBOOKS = Path(__file__).parents[3] / "docs" / "platform" / "runbooks"
_NAME = re.compile(r"\bhandrail_[a-z0-9_]+")
_PARTS = re.compile(r"_(total|bucket|sum|count)$")
_FAMILY = re.compile(r"^# TYPE (\S+) ", re.MULTILINE)


def alerts() -> dict[str, dict[str, Any]]:
    found = YAML(typ="safe").load(RULES)
    return {rule["alert"]: rule for group in found["groups"] for rule in group["rules"]}


def queries() -> list[str]:
    """Of the dashboard."""
    panels = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def asked_for() -> set[str]:
    """Families of metrics by name."""
    texts = [rule["expr"] for rule in alerts().values()] + queries()
    return {_PARTS.sub("", name) for text in texts for name in _NAME.findall(text)}


def exported(site: Site, *places: tuple[str, str, int]) -> set[str]:
    """Families that the pods of these (namespace, beginning of a pod's name, port) export."""
    found: set[str] = set()
    for namespace, beginning, port in places:
        pods = [one["metadata"]["name"] for one in site.get("pods", "-n", namespace)]
        name = next(one for one in pods if one.startswith(beginning))
        answer = httpx2.get(f"http://{site.pods.address(namespace, name)}:{port}/metrics", trust_env=False)
        assert answer.status_code == 200
        found |= {_PARTS.sub("", family) for family in _FAMILY.findall(answer.text)}
    return found
