"""Alerts: each has its runbook, each is raised by what it is about and by nothing else."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from tests.cluster.chart import monitored

pytestmark = pytest.mark.cluster
needs_promtool = pytest.mark.skipif(
    shutil.which("promtool") is None, reason="promtool is not here (Debian: prometheus)"
)

WELL = {
    'handrail_operator_is_leader{pod="a"}': "1x200",
    'handrail_operator_is_leader{pod="b"}': "0x200",
    'handrail_operator_tenants{ready="True"}': "2x200",
    'handrail_operator_tenants{ready="False"}': "0x200",
    'handrail_operator_server_up{component="Database"}': "1x200",
    'handrail_operator_reconcile_errors_total{reason="Refused"}': "7x200",
    "handrail_operator_queue_oldest_seconds": "3x200",
    "handrail_gateway_platform_connected": "1x200",
    'handrail_gateway_publish_failures_total{code="stream_full"}': "4x200",
    'handrail_gateway_requests_total{status="202"}': "0+600x200",
    'handrail_gateway_requests_total{status="503"}': "0+600x200",
    'handrail_gateway_requests_total{status="500"}': "2x200",
    'handrail_gateway_publish_seconds_bucket{le="0.01"}': "0+100x200",
    'handrail_gateway_publish_seconds_bucket{le="5"}': "0+100x200",
    'handrail_gateway_publish_seconds_bucket{le="+Inf"}': "0+100x200",
    'handrail_gateway_limited_requests_total{limit="rate"}': "9x200",
    'handrail_ingest_lag_seconds{namespace="handrail-acme"}': "0.2x200",
    'handrail_ingest_open_dead_letters{namespace="handrail-acme",class="bug"}': "0x200",
    'handrail_agent_pending_signals{namespace="handrail-acme"}': "3x200",
    'handrail_agent_failures_total{namespace="handrail-acme",why="llm"}': "20x200",
    'handrail_agent_llm_requests_total{namespace="handrail-acme",outcome="ok"}': "0+10x200",
    'handrail_agent_llm_requests_total{namespace="handrail-acme",outcome="timeout"}': "0+2x200",
    'handrail_agent_escalation_failed_total{namespace="handrail-acme",channel_kind="slack"}': "1x200",
    'handrail_realtime_nudge_seconds_bucket{namespace="handrail-acme",le="0.5"}': "0+10x200",
    'handrail_realtime_nudge_seconds_bucket{namespace="handrail-acme",le="30"}': "0+10x200",
    'handrail_realtime_nudge_seconds_bucket{namespace="handrail-acme",le="+Inf"}': "0+10x200",
    'handrail_ingest_missing_targets{namespace="handrail-acme"}': "0x200",
}
"""Series of a platform that is well, a value a minute."""
BROKEN: dict[str, dict[str, str | None]] = {
    "HandrailOperatorGone": {'handrail_operator_is_leader{pod="a"}': "0x200"},
    "HandrailTenantNotReady": {'handrail_operator_tenants{ready="False"}': "1x200"},
    "HandrailServerDown": {'handrail_operator_server_up{component="Database"}': "0x200"},
    "HandrailReconcileFailing": {'handrail_operator_reconcile_errors_total{reason="Refused"}': "0+1x200"},
    "HandrailReconcileBehind": {"handrail_operator_queue_oldest_seconds": "400x200"},
    "HandrailGatewayGone": {"handrail_gateway_platform_connected": None},
    "HandrailGatewayDisconnected": {"handrail_gateway_platform_connected": "0x200"},
    "HandrailEventsNotTaken": {'handrail_gateway_publish_failures_total{code="stream_full"}': "0+1x200"},
    "HandrailGatewayErrors": {'handrail_gateway_requests_total{status="500"}': "0+60x200"},
    "HandrailGatewaySlow": {'handrail_gateway_publish_seconds_bucket{le="0.01"}': "0x200"},
    "HandrailRequestsLimited": {'handrail_gateway_limited_requests_total{limit="rate"}': "0+200x200"},
    "HandrailIngestBehind": {'handrail_ingest_lag_seconds{namespace="handrail-acme"}': "300x200"},
    "HandrailDeadLetters": {'handrail_ingest_open_dead_letters{namespace="handrail-acme",class="bug"}': "2x200"},
    "HandrailAgentBehind": {'handrail_agent_pending_signals{namespace="handrail-acme"}': "500x200"},
    "HandrailAgentFailing": {'handrail_agent_failures_total{namespace="handrail-acme",why="llm"}': "0+1x200"},
    "HandrailModelFailing": {
        'handrail_agent_llm_requests_total{namespace="handrail-acme",outcome="timeout"}': "0+30x200"
    },
    "HandrailEscalationsLost": {
        'handrail_agent_escalation_failed_total{namespace="handrail-acme",channel_kind="slack"}': "0+1x200"
    },
    "HandrailNudgesSlow": {'handrail_realtime_nudge_seconds_bucket{namespace="handrail-acme",le="0.5"}': "0x200"},
    "HandrailTargetsMissing": {'handrail_ingest_missing_targets{namespace="handrail-acme"}': "1x200"},
}


def test_every_alert_has_its_runbook_and_every_runbook_its_alert():
    named = {f"{name.lower()}.md" for name in monitored.alerts()}
    assert {path.name for path in monitored.RUNBOOKS.iterdir()} == named
    assert set(BROKEN) == set(monitored.alerts())
    for name in monitored.alerts():
        text = (monitored.RUNBOOKS / f"{name.lower()}.md").read_text(encoding="utf-8")
        assert text.startswith(f"# {name}\n")
        for part in ("**What it means.**", "**Look**", "**Do**"):
            assert part in text, (name, part)


@needs_promtool
@pytest.mark.parametrize("alert", [None, *BROKEN], ids=str)
def test_raised_by_what_it_is_about_alone(tmp_path: Path, alert: str | None):
    series = {name: text for name, text in (WELL | BROKEN.get(str(alert), {})).items() if text is not None}
    others = [name for name in BROKEN if name != alert]
    quiet: list[dict[str, Any]] = [{"alertname": name, "eval_time": "100m", "exp_alerts": []} for name in others]
    test: dict[str, Any] = {
        "interval": "1m",
        "input_series": [{"series": name, "values": text} for name, text in series.items()],
        "alert_rule_test": quiet,
    }
    if alert is not None:
        query = f'count(ALERTS{{alertname="{alert}", alertstate="firing"}})'
        wanted = {"expr": query, "eval_time": "100m", "exp_samples": [{"labels": "{}", "value": 1}]}
        test["promql_expr_test"] = [wanted]
    path = tmp_path / "test.yaml"
    with path.open("w") as output:
        YAML(typ="safe").dump({"rule_files": [str(monitored.RULES)], "tests": [test]}, output)
    done = subprocess.run(["promtool", "test", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_queries_of_the_dashboard_can_be_read(tmp_path: Path):
    queries = [query.replace("$__rate_interval", "5m").replace("$namespace", ".*") for query in monitored.queries()]
    assert len(queries) > 30
    path = tmp_path / "rules.yaml"
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    with path.open("w") as output:
        YAML(typ="safe").dump({"groups": [{"name": "dashboard", "rules": rules}]}, output)
    done = subprocess.run(["promtool", "check", "rules", path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
