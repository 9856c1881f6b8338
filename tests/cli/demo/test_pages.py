"""The demo's pages, its picky forms, and its config file that may change at any time."""

import json
import os
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from handrail_cli.demo import invoicing, workspace
from handrail_cli.demo.app import create_app
from handrail_cli.demo.config_file import ConfigFile
from handrail_cli.demo.visitors import MAX_VISITORS, Visitors

TODAY = date(2026, 11, 20)  # a Friday
KEY = "pk_Ab345678_key"
Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(**tenants: str) -> None:
        found = {name: {"publishable_key": KEY, "display_name": shown} for name, shown in tenants.items()}
        path = tmp_path / "demo.json"
        path.write_text(json.dumps({"gateway": "http://gateway.test", "tenants": found}))
        os.utime(path, ns=(0, len(tenants)))

    return write


@pytest.fixture
def client(tmp_path: Path, write: Write) -> TestClient:
    write(acme="Acme", globex="Globex")
    app = create_app(ConfigFile(tmp_path / "demo.json"), Visitors())
    return TestClient(app, follow_redirects=False)


def test_a_button_gets_another_id_by_a_switch(client: TestClient) -> None:
    assert 'id="new-project"' in client.get("/acme/projects").text
    renamed = client.get("/acme/projects?renamed").text
    assert 'id="create-project"' in renamed
    assert "new-project" not in renamed


@pytest.mark.parametrize(
    "path",
    [
        "/acme/",
        "/acme/projects",
        "/acme/projects/new",
        "/acme/team",
        "/acme/settings/general/profile",
        "/acme/settings/advanced/safety",
        "/acme/help",
        "/globex/",
        "/globex/invoices",
        "/globex/invoices/new",
        "/globex/settings/approvals/delegates",
    ],
)
def test_every_page_has_the_snippet(client: TestClient, path: str) -> None:
    page = client.get(path)
    assert page.status_code == 200
    tag = f'<script async src="http://gateway.test/sdk/v1/onboarding-agent-sdk.js" data-key="{KEY}"></script>'
    assert page.text.count(tag) == 1


@pytest.mark.parametrize("path", ["/nobody/", "/acme/invoices", "/globex/projects/new", "/acme/settings/x/y"])
def test_what_is_not_there_is_not_found(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_refused_form_comes_back_with_its_errors_and_what_was_entered(client: TestClient) -> None:
    page = client.post("/acme/projects/new", data={"name": 'A "<b>" project', "key": "spr"})
    assert page.status_code == 422
    assert "Key is not valid." in page.text
    assert "A &#34;&lt;b&gt;&#34; project" in page.text
    assert page.text.count('aria-invalid="true"') == 2


def test_a_project_is_there_for_its_visitor_alone(client: TestClient) -> None:
    due = date.today() + timedelta(days=7)  # noqa: DTZ011 - as the demo reads it
    due += timedelta(days=max(0, 7 - due.weekday()) % 7 if due.weekday() > 4 else 0)
    entered = {"name": "Launch", "key": "LAU", "due": due.isoformat()}
    answer = client.post("/acme/projects/new", data=entered)
    assert (answer.status_code, answer.headers["location"]) == (303, "/acme/projects")
    assert "Launch" in client.get("/acme/projects").text
    client.cookies.clear()
    assert "Launch" not in client.get("/acme/projects").text


def test_save_is_dead_until_something_elsewhere_is_set(client: TestClient) -> None:
    dead, alive = '<button id="save-settings" class="button" type="button">', 'class="button" type="submit">Save'
    assert dead in client.get("/acme/settings/general/profile").text
    client.post("/acme/settings/general/profile", data={"title": "Rockets"})
    assert "Rockets" not in client.get("/acme/settings/general/profile").text
    client.post("/acme/settings/advanced/safety", data={"unlock": "on"})
    assert alive in client.get("/acme/settings/general/profile").text
    client.post("/acme/settings/general/profile", data={"title": "Rockets"})
    assert "Rockets" in client.get("/acme/settings/general/profile").text


def test_tenants_come_and_go_with_the_file(client: TestClient, write: Write, tmp_path: Path) -> None:
    write(acme="Acme", globex="Globex", initech="Initech")
    assert "Initech" in client.get("/").text
    write(acme="Acme")
    assert client.get("/globex/").status_code == 404
    (tmp_path / "demo.json").write_text("{half")
    assert client.get("/acme/").status_code == 200


def test_the_trades_are_picky() -> None:
    good = {"name": "x", "key": "ABC", "due": "2026-11-23"}
    assert workspace.check(good, (), TODAY) == {}
    assert workspace.check(good | {"due": "2026-11-22"}, (), TODAY) == {"due": "This date is not available."}
    assert workspace.check(good | {"key": "WEB"}, workspace.PRODUCT.seeds, TODAY) == {"key": "Key is taken."}
    assert set(workspace.check({}, (), TODAY)) == {"name", "key", "due"}
    good = {"customer": "x", "order": "PO-123456", "amount": "1.250,00", "due": "2026-12-04"}
    assert invoicing.check(good, (), TODAY) == {}
    for field, value in (("order", "123456"), ("amount", "1250.00"), ("due", "2026-12-03")):
        assert set(invoicing.check(good | {field: value}, (), TODAY)) == {field}


def test_old_visitors_are_forgotten() -> None:
    visitors = Visitors()
    first = visitors.desk("first", "acme")
    for number in range(MAX_VISITORS):
        visitors.desk(f"v{number}", "acme")
    assert visitors.desk("first", "acme") is not first
