"""The whole platform on this machine, through its life."""

import json
import signal
import stat
import uuid

import httpx2
import psutil
import pytest
from tests.event_ids import event_id

from handrail_contracts import names

pytestmark = pytest.mark.slow


def send_event(run, key: str) -> str:
    sent = event_id()
    user = f"anon-{uuid.uuid4()}"
    event = {"event_id": sent, "event_type": "page_view", "user_id": user, "session_id": "s"}
    event |= {"timestamp": "2026-01-01T00:00:00Z", "url": "https://app.test/x"}
    answer = httpx2.post(
        f"{run.url}/api/v1/events", json={"events": [event]}, headers={"X-API-Key": key}, trust_env=False, timeout=10
    )
    assert (answer.status_code, answer.json()) == (202, {"accepted": 1})
    return sent


def stored(run, key: str) -> set[str]:
    answer = httpx2.get(f"{run.url}/api/v1/events", headers={"X-API-Key": key}, trust_env=False, timeout=10)
    return {item["event_id"] for item in answer.json()["items"]} if answer.is_success else set()


def test_a_platforms_life(start_up, room, handrail, until, tenant):
    """First start, an event, a killed role, kill -9 of it all, a second start: same keys, same data."""
    file = room / "one.yaml"
    file.write_text(tenant("one"))
    run = start_up(file)
    status = run.until_ready()

    one = status["tenants"]["one"]
    assert status["ready"] is True
    assert status["gateway"] == run.url
    assert status["demo"] is None
    assert set(one) == {"ready", "publishable_key", "secret_key", "demo", "state", "conditions"}
    assert one["ready"] is True
    assert {c["type"]: c["status"] for c in one["conditions"]} == {
        "Ready": "True", "Progressing": "False", "Degraded": "False", "Provisioned": "True",
        "Ingest": "True", "Agent": "True", "Realtime": "True",
    }  # fmt: skip
    assert [(p["name"], p["state"], p["restarts"]) for p in status["processes"]] == [
        (name, "running", 0) for name in [p["name"] for p in status["processes"]]
    ]
    assert {p["name"] for p in status["processes"]} == {"postgres", "nats", "valkey", "gateway", "one.runtime"}
    for path in room.joinpath("state").rglob("*"):
        if "secrets" in path.parts or path.name.endswith((".json", ".creds")):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0 or path.is_dir(), path
    for process in status["processes"]:
        for connection in psutil.Process(process["pid"]).net_connections("inet"):
            assert connection.laddr.ip == "127.0.0.1"

    event = send_event(run, one["publishable_key"])
    until(lambda: event in stored(run, one["secret_key"]), 30, "the event in the database")

    # Where the README says that a role's metrics are.
    ports = json.loads((run.state / "ports.json").read_text())
    metrics = httpx2.get(f"http://127.0.0.1:{ports['one.runtime']}/metrics", trust_env=False).text
    assert 'handrail_ingest_events_total{outcome="stored"} 1.0' in metrics

    (runtime,) = [p for p in status["processes"] if p["name"] == "one.runtime"]
    psutil.Process(runtime["pid"]).kill()

    def back() -> bool:
        now = run.status()
        (again,) = [p for p in now["processes"] if p["name"] == "one.runtime"]
        return bool(again["restarts"] == 1 and again["pid"] != runtime["pid"] and now["ready"])

    # That it was not ready in between may be too short to be seen.
    until(back, 60, "the role back")

    pids = run.pids()
    assert len(pids) > 6
    run.process.kill()
    run.process.wait()
    until(lambda: not any(psutil.pid_exists(pid) for pid in pids), 60, "the end of all")
    assert handrail("status", "--state", run.state).returncode == 1

    again = start_up(state=run.state)
    status = again.until_ready()
    assert status["tenants"]["one"]["secret_key"] == one["secret_key"]
    assert status["tenants"]["one"]["publishable_key"] == one["publishable_key"]
    assert event in stored(again, one["secret_key"])
    pids = again.pids()
    assert again.stop(signal.SIGINT) < 10
    assert again.process.returncode == 0
    assert not any(psutil.pid_exists(pid) for pid in pids)


def test_files_are_followed_and_the_api_edits_them(start_up, room, handrail, until, tenant):
    file, other = room / "one.yaml", room / "two.yaml"
    file.write_text(tenant("one"))
    other.write_text(tenant("two"))
    run = start_up(file, other)
    keys = run.until_ready()["tenants"]
    key = keys["one"]["secret_key"]

    file.write_text("# a word of mine\n" + tenant("one", tone={"voice": "formal"}))
    until(lambda: run.config(key)["tone"]["voice"] == "formal", 3, "the edit in force")

    file.write_text(tenant("one", tone={"voice": "loud"}))
    (refused,) = until(lambda: run.events("tenant file refused"), 3, "the refusal")
    assert (refused["file"], refused["line"], refused["field"]) == (str(file), 11, "spec.tone.voice")
    assert run.config(key)["tone"]["voice"] == "formal"
    degraded = until(lambda: _condition(run.status(), "one", "Degraded", "True"), 5, "the condition")
    assert degraded["reason"] == "FileInvalid"
    assert run.status()["ready"]

    text = "# a word of mine\n" + tenant("one", tone={"voice": "formal"})
    file.write_text(text)
    until(lambda: _condition(run.status(), "one", "Degraded", "False"), 5, "the condition gone")
    answer = _patch(run, key, {"tone": {"voice": "playful"}})
    assert (answer.status_code, answer.json()["tone"]["voice"]) == (200, "playful")
    assert file.read_text() == text.replace("formal", "playful")
    until(lambda: run.config(key)["tone"]["voice"] == "playful", 2, "the change in force")
    answer = _patch(run, key, {"tone": {"voice": "concise"}}, query="?take_over=true")
    assert (answer.status_code, file.read_text()) == (200, text.replace("formal", "concise"))
    assert _hand_back(run, key, [["tone", "voice"], []]).json() == {"fields": []}
    assert _hand_back(run, key, [["tone", "colour"]]).json()["errors"][0]["loc"] == ["fields", 0]
    assert _patch(run, key, {"plan": "standard"}).json()["code"] == "platform_field"
    assert _patch(run, key, {"tone": {"voice": "x"}}).status_code == 422
    assert _patch(run, key, {"tone": {"voice": "formal"}}, {"If-Match": '"stale"'}).status_code == 412

    file.write_text(tenant("one", suspend=True))
    until(lambda: _condition(run.status(), "one", "Ready", "True", "Suspended"), 10, "the suspension")
    assert run.status()["tenants"]["one"]["state"] == "suspended"
    assert "one.runtime" not in [p["name"] for p in run.status()["processes"]]
    send_event(run, keys["one"]["publishable_key"])
    file.unlink()
    until(lambda: _condition(run.status(), "one", "Ready", "False", "FileMissing"), 10, "the missing file noticed")
    assert run.status()["ready"]
    file.write_text(tenant("one"))
    until(lambda: run.status()["tenants"]["one"]["ready"], 60, "the tenant back")
    assert run.status()["tenants"]["one"]["secret_key"] == key

    file.write_text(tenant("one", plan="gold"))
    unknown = until(lambda: _condition(run.status(), "one", "Degraded", "True"), 5, "the condition")
    assert unknown["reason"] == "UnknownPlan"
    assert run.status()["tenants"]["one"]["ready"]

    made = handrail("keys", "create", "two", "--kind", "publishable", "--state", run.state, "--json")
    assert made.returncode == 0, made.stderr
    value = json.loads(made.stdout)
    assert set(value) == {"key_id", "kind", "created_at", "key"}
    listed = json.loads(handrail("keys", "list", "two", "--state", run.state, "--json").stdout)
    assert value["key_id"] in {item["key_id"] for item in listed["items"]}
    assert set(listed["items"][0]) == {"key_id", "kind", "created_at", "last_used_at"}
    assert (run.state / "secrets" / "two" / names.KEYS_SECRET / value["key_id"]).read_text() == value["key"]
    until(lambda: send_event(run, value["key"]), 2, "the new key live")
    assert handrail("keys", "revoke", "two", value["key_id"], "--state", run.state).returncode == 0
    until(lambda: _post_status(run, value["key"]) == 401, 1, "the revoked key dead")

    assert handrail("delete", "two", "--data", "--state", run.state).returncode == 0
    until(lambda: _post_status(run, keys["two"]["publishable_key"]) == 401, 2, "the deleted tenant's key dead")
    assert "two" not in run.status()["tenants"]
    assert not (run.state / "secrets" / "two").exists()
    assert handrail("delete", "two", "--state", run.state).returncode == 1


def test_two_at_once_and_a_bad_file_beside_good_ones(start_up, room, handrail, until, tenant):
    good, bad = room / "good.yaml", room / "bad.yaml"
    good.write_text(tenant("good"))
    bad.write_text(tenant("bad", nudges={"confidenceThreshold": 7}))
    first = start_up(good, bad, state=room / "state one")
    second = start_up(good, state=room / "state two")
    assert first.until_ready()["tenants"]["good"]["ready"]
    assert second.until_ready()["tenants"]["good"]["ready"]
    (refused,) = first.events("tenant file refused")
    assert (refused["file"], refused["field"]) == (str(bad), "spec.nudges.confidenceThreshold")
    assert first.status()["tenants"]["good"]["secret_key"] != second.status()["tenants"]["good"]["secret_key"]

    third = handrail("up", good, "--state", room / "state one", "--port", second.port)
    assert third.returncode == 1
    assert "another `handrail up` runs on" in third.stderr
    bad.write_text(tenant("bad"))
    until(lambda: first.status()["tenants"].get("bad", {}).get("ready"), 60, "the mended tenant")


def _condition(status, name, kind, value, reason=None):
    for condition in status["tenants"].get(name, {}).get("conditions", []):
        if condition["type"] == kind and condition["status"] == value and reason in (None, condition["reason"]):
            return condition
    return None


def _hand_back(run, key, fields):
    url = f"{run.url}/api/v1/config/hand-back"
    return httpx2.post(url, json={"fields": fields}, headers={"X-API-Key": key}, trust_env=False)


def _patch(run, key, body, headers=None, query=""):
    return httpx2.patch(
        f"{run.url}/api/v1/config{query}",
        content=json.dumps(body),
        headers={"X-API-Key": key, "Content-Type": "application/merge-patch+json"} | (headers or {}),
        trust_env=False,
    )


def _post_status(run, key) -> int:
    return httpx2.post(f"{run.url}/api/v1/events", json={}, headers={"X-API-Key": key}, trust_env=False).status_code
