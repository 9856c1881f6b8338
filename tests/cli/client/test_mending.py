"""`handrail deadletters`, `runs`, `escalations`, `keys`, `status`: against an HTTP server that answers as ours."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from handrail_cli.client.table import table
from handrail_cli.main import app
from handrail_contracts import api_keys

ID = "0198c0de-0000-7000-8000-000000000001"
OTHER = "0198c0de-0000-7000-8000-000000000002"
LETTER = {
    "dead_letter_id": ID, "last_failed_at": "2026-01-01T00:00:00Z", "class": "poison", "kind": "event",
    "user_id": "an\x1b[31mna", "event_type": "click", "attempts": 2, "reason": "SQLSTATE 22P05: no",
}  # fmt: skip
RUN = {
    "run_id": ID, "failed_at": "2026-01-01T00:00:00Z", "status": "failed", "signal_kind": "rage_click",
    "user_id": "anna", "stuck_point": "/p", "node": "diagnose", "attempts": 5, "error": "KeyError",
}  # fmt: skip
ESCALATION = {
    "escalation_id": ID, "created_at": "2026-01-01T00:00:00Z", "status": "open", "user_id": "anna",
    "stuck_point": "/p", "deliveries": [{"channel": "email", "state": "delivered"}],
}  # fmt: skip


class Platform:
    """What is answered, by method and path without its query; and what was asked."""

    def __init__(self) -> None:
        self.answers: dict[tuple[str, str], list[tuple[int, Any]]] = {}
        self.asked: list[tuple[str, str]] = []

    def says(self, method: str, path: str, *answers: Any, status: int = 200) -> None:
        """One after the other; the last one again and again."""
        self.answers[method, path] = [(status, answer) for answer in answers]

    def refuses(self, method: str, path: str, status: int, code: str, detail: str) -> None:
        self.says(method, path, {"title": "No", "code": code, "detail": detail, "request_id": "r1"}, status=status)

    def answer(self, method: str, path: str) -> tuple[int, Any]:
        self.asked.append((method, path))
        waiting = self.answers[method, path.partition("?")[0]]
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]


def _handler(platform: Platform) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            status, value = platform.answer(self.command, self.path)
            body = b"" if status == 204 else json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status != 204:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_DELETE = _answer  # noqa: N815 - the library's names

        def log_message(self, *_: object) -> None:
            """Quiet."""

    return Handler


@pytest.fixture
def platform() -> Iterator[tuple[Platform, str]]:
    made = Platform()
    made.says("GET", "/api/v1/keys", {"tenant": "acme", "items": [], "next": None})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(made))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield made, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def target(selector: str, state: str, *pages: dict[str, Any], sent: int = 0) -> dict[str, Any]:
    return {
        "selector": selector, "state": state, "pages": list(pages), "found": 1, "missed": 2, "first_missed_at": None,
        "last_seen_at": None, "nearest": [],
        "uses": [{"baseline": "first", "step": "new"}, {"baseline": "first", "step": None}] if pages else [],
        "nudges": {"sent": sent, "shown": 1, "target_missing": sent - 1},
    }  # fmt: skip


def page(path: str, state: str, **more: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {"last_found_at": None, "last_used_at": None, "first_missed_at": None, "nearest": []}
    return {"path": path, "state": state, "found": 5, "missed": 4, **seen, **more}


Run = Callable[..., Any]


def test_elements_are_a_row_for_each_page(platform: tuple[Platform, str], run: Run) -> None:
    near = [{"selector": "#create", "count": 3}, {"selector": "#a\x1b[31m", "count": 1}]
    gone = page("/p", "missing", last_used_at="2026-01-02T00:00:00Z", first_missed_at="2026-01-03", nearest=near)
    found = [
        target("#new", "missing", page("/q", "ok", last_found_at="2026-01-01T00:00:00Z"), gone, sent=2),
        target("#nudged", "ok", sent=1),
    ]
    platform[0].says("GET", "/api/v1/targets", {"items": found, "next": None})
    done = run("targets", "acme")
    assert done.exit_code == 0, done.output
    heading, *rows = [line.split("  ") for line in done.output.splitlines()]
    assert [word.strip() for word in heading if word] == [
        "STATE", "ELEMENT", "PAGE", "USED BY", "FOUND", "MISSED", "LAST SEEN", "MISSING SINCE", "NEAREST",
    ]  # fmt: skip
    assert [[word.strip() for word in row if word] for row in rows] == [
        ["missing", "#new", "/p", "first/new, first/success, 2 nudges", "5", "4", "2026-01-02T00:00:00Z", "2026-01-03",
         "#create (3), #a\ufffd[31m (1)"],
        ["ok", "#new", "/q", "first/new, first/success, 2 nudges", "5", "4", "2026-01-01T00:00:00Z", "-", "-"],
        ["ok", "#nudged", "-", "1 nudge", "1", "0", "-", "-", "-"],
    ]  # fmt: skip
    assert json.loads(run("targets", "acme", "--only", "missing", "--json").output) == {"items": found}
    assert platform[0].asked[-1] == ("GET", "/api/v1/targets?limit=500&state=missing")
    platform[0].says("GET", "/api/v1/targets", {"items": [], "next": None})
    assert run("targets", "acme", "--only", "missing").output == "acme has no elements that are missing\n"
    assert run("targets", "acme", "--only", "lost").exit_code == 2


@pytest.fixture
def run(platform: tuple[Platform, str], tmp_path: Path) -> Run:
    key = tmp_path / "key"
    key.write_text(api_keys.generate("secret"))

    def invoke(*arguments: str) -> Any:
        return CliRunner().invoke(app, [*arguments, "--url", platform[1], "--api-key-file", str(key)])

    return invoke


def test_a_list_is_a_table_and_json(platform: tuple[Platform, str], run: Run) -> None:
    platform[0].says("GET", "/api/v1/deadletters", {"items": [LETTER], "next": None})
    done = run("deadletters", "list", "acme")
    assert done.exit_code == 0
    heading, row = done.output.splitlines()
    assert heading.split() == ["ID", "FAILED", "CLASS", "KIND", "USER", "TYPE", "TRIES", "REASON"]
    assert row.split() == [
        ID, "2026-01-01T00:00:00Z", "poison", "event", "an\ufffd[31mna", "click", "2", "SQLSTATE", "22P05:", "no",
    ]  # fmt: skip
    assert json.loads(run("deadletters", "list", "acme", "--json").output) == {"items": [LETTER]}
    assert platform[0].asked[-1] == ("GET", "/api/v1/deadletters?limit=50&state=open")


def test_pages_are_followed_up_to_the_limit(platform: tuple[Platform, str], run: Run) -> None:
    platform[0].says("GET", "/api/v1/runs", {"items": [RUN] * 500, "next": "c1"}, {"items": [RUN] * 100, "next": "c2"})
    done = run("runs", "list", "acme", "--limit", "600", "--json")
    assert len(json.loads(done.output)["items"]) == 600
    assert [path for _, path in platform[0].asked[1:]] == ["/api/v1/runs?limit=500", "/api/v1/runs?limit=100&cursor=c1"]


@pytest.mark.parametrize(
    ("command", "path", "line"),
    [
        ("deadletters", "deadletters", "acme has no open dead letters\n"),
        ("runs", "runs", "acme has no failed runs\n"),
        ("escalations", "escalations", "acme has no escalations\n"),
    ],
)
def test_nothing_is_said_in_one_line(
    platform: tuple[Platform, str], run: Run, command: str, path: str, line: str
) -> None:
    platform[0].says("GET", f"/api/v1/{path}", {"items": [], "next": None})
    done = run(command, "list", "acme")
    assert (done.exit_code, done.output) == (0, line)
    assert json.loads(run(command, "list", "acme", "--json").output) == {"items": []}


def test_letters_are_put_back_and_dropped(platform: tuple[Platform, str], run: Run) -> None:
    world = platform[0]
    for one in (ID, OTHER):
        world.says("POST", f"/api/v1/deadletters/{one}/retry", None, status=204)
        world.says("DELETE", f"/api/v1/deadletters/{one}", None, status=204)
    assert json.loads(run("deadletters", "retry", "acme", ID, OTHER, ID, "--json").output) == {"retried": 2}
    assert run("deadletters", "drop", "acme", ID).output == "1 dropped\n"
    world.says("POST", "/api/v1/deadletters/retry", {"retried": 9, "more": True}, {"retried": 1, "more": False})
    assert run("deadletters", "retry", "acme", "--all").output.startswith("10 put back")
    world.says("DELETE", "/api/v1/deadletters", {"dropped": 4})
    assert json.loads(run("deadletters", "drop", "acme", "--all", "--json").output) == {"dropped": 4}


def test_what_can_be_done_is_done_and_the_rest_is_told(platform: tuple[Platform, str], run: Run) -> None:
    world = platform[0]
    world.says("POST", f"/api/v1/deadletters/{ID}/retry", None, status=204)
    world.refuses("POST", f"/api/v1/deadletters/{OTHER}/retry", 404, "not_found", "It was dropped.")
    done = run("deadletters", "retry", "acme", OTHER, ID)
    assert done.exit_code == 1
    assert "1 of 2 put back" in done.stderr
    assert OTHER in done.stderr
    assert "It was dropped." in done.stderr


def test_runs_and_escalations(platform: tuple[Platform, str], run: Run) -> None:
    world = platform[0]
    world.says("GET", "/api/v1/runs", {"items": [RUN], "next": None})
    assert "diagnose  5      KeyError" in run("runs", "list", "acme").output
    world.says("POST", f"/api/v1/runs/{ID}/resume", {"run_id": ID, "status": "resuming"})
    assert run("runs", "resume", "acme", ID).output.startswith(f"run {ID} is taken up again")
    world.refuses("POST", f"/api/v1/runs/{ID}/resume", 409, "conflict", "This run is being resumed already.")
    done = run("runs", "resume", "acme", ID)
    assert (done.exit_code, "being resumed already" in done.stderr) == (1, True)
    world.says("GET", "/api/v1/escalations", {"items": [ESCALATION], "next": None})
    assert "email delivered" in run("escalations", "list", "acme").output
    failed = {"channel": "email", "state": "failed", "last_error": "answered 550"}
    world.says("GET", "/api/v1/escalations", {"items": [{**ESCALATION, "deliveries": [failed]}], "next": None})
    assert "email failed (answered 550)" in run("escalations", "list", "acme").output
    pending = {**ESCALATION, "deliveries": [{**failed, "state": "pending"}]}
    world.says("POST", f"/api/v1/escalations/{ID}/retry", pending)
    assert "tried again within a minute: email" in run("escalations", "retry", "acme", ID).output
    world.says("POST", f"/api/v1/escalations/{ID}/close", {**ESCALATION, "closed_at": "2026-01-02T00:00:00Z"})
    assert "closed since 2026-01-02" in run("escalations", "close", "acme", ID).output


@pytest.mark.parametrize(
    "arguments",
    [
        ["deadletters", "retry", "acme"],
        ["deadletters", "retry", "acme", ID, "--all"],
        ["deadletters", "drop", "acme"],
        ["deadletters", "drop", "acme", "no-id"],
        ["deadletters", "list", "acme", "--limit", "0"],
        ["runs", "resume", "acme", "no-id"],
        ["runs", "resume", "acme"],
        ["deadletters"],
    ],
)
def test_wrong_use_asks_nothing(platform: tuple[Platform, str], run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2
    assert not platform[0].asked


@pytest.mark.parametrize(
    "arguments",
    [
        ["keys", "list", "globex"],
        ["keys", "create", "globex", "--kind", "secret"],
        ["keys", "revoke", "globex", "abc12345"],
        ["deadletters", "list", "globex"],
        ["deadletters", "drop", "globex", "--all"],
        ["runs", "list", "globex"],
        ["runs", "resume", "globex", ID],
        ["escalations", "close", "globex", ID],
        ["simulate", "globex", "--users", "1"],
    ],
)
def test_a_key_of_another_tenant_is_refused(platform: tuple[Platform, str], run: Run, arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.exit_code == 2
    assert "acme" in done.stderr
    assert platform[0].asked == [("GET", "/api/v1/keys")], "nothing was done"


def test_a_table_keeps_its_columns_whatever_stands_in_it() -> None:
    rows: list[list[object]] = [["a", None, "x"], ["b" * 100, "\n\t\u202e", "y" * 100]]
    assert table(("ONE", "TWO", "THREE"), rows).splitlines() == [
        f"ONE{' ' * 57}  TWO  THREE",
        f"a{' ' * 59}  -    x",
        f"{'b' * 59}\u2026  \ufffd\ufffd\ufffd  {'y' * 100}",
    ]


def serves(world: Platform, *, suspend: bool = False, phase: str | None = "Ready") -> None:
    world.says("GET", "/readyz", {})
    world.says("GET", "/api/v1/config", {"displayName": "Acme", "suspend": suspend})
    keys: dict[str, Any] = {"tenant": "acme", "items": [], "next": None}
    world.says("GET", "/api/v1/keys", keys if phase is None else {**keys, "phase": phase})
    world.says("GET", "/api/v1/events", {"items": [], "next": None})


@pytest.mark.parametrize(
    ("suspend", "phase", "state"),
    [
        (False, "Ready", "ready"),
        (False, None, "ready"),
        (True, None, "suspended"),
        (False, "Suspended", "suspended"),
        (False, "Sleeping", "asleep"),
    ],
)
def test_a_tenant_elsewhere_that_is_as_it_should_be(
    platform: tuple[Platform, str], run: Run, suspend: bool, phase: str | None, state: str
) -> None:
    serves(platform[0], suspend=suspend, phase=phase)
    done = run("status", "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.output)["tenants"]["Acme"]
    assert (told["ready"], told["state"], told["conditions"]) == (True, state, [])
    assert f"tenant Acme: {state}" in run("status").output
    if state != "ready":
        assert not any(path.startswith("/api/v1/events") for _, path in platform[0].asked), "it would be woken"


def test_a_tenant_elsewhere_that_is_not_there_is_not_called_ready(platform: tuple[Platform, str], run: Run) -> None:
    serves(platform[0], phase="Provisioning")
    done = run("status")
    assert done.exit_code == 1
    assert "gateway  " in done.output
    assert "   ready\n" in done.output, "the gateway is"
    assert "tenant Acme: not ready (its runtime is not up yet;" in done.output

    serves(platform[0])
    platform[0].refuses("GET", "/api/v1/events", 503, "unavailable", "The tenant's runtime is not there right now.")
    done = run("status")
    assert done.exit_code == 1
    assert "tenant Acme: not serving (The tenant's runtime is not there right now." in done.output
    told = json.loads(run("status", "--json").output)
    assert (told["ready"], told["gateway_ready"], told["tenants"]["Acme"]["ready"]) == (False, True, False)


def test_a_suspended_tenant_is_not_simulated(platform: tuple[Platform, str], run: Run) -> None:
    spec = {"displayName": "Acme", "origins": ["https://app.acme.test"], "suspend": True}
    platform[0].says("GET", "/api/v1/config", spec)
    done = run("simulate", "acme")
    assert done.exit_code == 1
    assert "handrail simulate: acme is suspended: " in done.stderr
    assert not any(method == "POST" for method, _ in platform[0].asked), "nothing was done"


@pytest.mark.parametrize(
    "command",
    [["status"], ["keys", "create", "acme", "--kind", "secret"], ["simulate", "acme"]],
    ids=lambda one: one[0],
)
def test_where_no_platform_is_the_way_to_one_in_a_cluster_is_told(tmp_path: Path, command: list[str]) -> None:
    done = CliRunner().invoke(app, [*command, "--state", str(tmp_path / "none")])
    assert done.exit_code == 1
    assert "there is no platform in" in done.stderr
    assert "--url GATEWAY --api-key-file FILE" in done.stderr
