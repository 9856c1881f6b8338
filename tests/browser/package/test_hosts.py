"""The examples for React, Vue and Next, built and used; those for Rails and Django as far as their tag goes."""

import html.parser
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Request, Route

ROOT = Path(__file__).parents[3]
HOSTS = ROOT / "examples" / "hosts"
BUILD = Path(__file__).with_name("hosts.mjs")
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
BUILD_SECONDS = 120
STORED_SECONDS = 30


@pytest.fixture
def hosts(up: Any, tmp_path: Path) -> Path:
    key = up.status["tenants"]["acme"]["publishable_key"]
    subprocess.run(["node", BUILD, tmp_path / "hosts", up.status["gateway"], key], timeout=BUILD_SECONDS, check=True)
    return tmp_path / "hosts"


def opened(person: Any, folder: Path, origin: str, name: str) -> Page:
    page: Page = person.page

    def serve(route: Route) -> None:
        path = route.request.url.removeprefix(f"{origin}/hosts/")
        file = folder / (path + "index.html" if path.endswith("/") else path)
        route.fulfill(body=file.read_bytes(), content_type=TYPES[file.suffix])

    page.route(f"{origin}/hosts/**", serve)
    page.route(f"{origin}/handrail-token", lambda route: route.fulfill(body="signed"))
    person.opens(f"{origin}/hosts/{name}/")
    return page


def used(person: Any, folder: Path, up: Any, origin: str, name: str, until: Any) -> None:
    """Somebody exports, signs in and out."""
    asked: list[Request] = []
    person.page.on("request", lambda request: asked.append(request))
    page = opened(person, folder, origin, name)
    page.get_by_role("button", name="Export").click()
    user = page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))[1]")

    def stored() -> bool:
        page.evaluate("true")
        events = up.read("acme", "/api/v1/events", user_id=user, event_type="custom")
        return [event["properties"] for event in events] == [{"name": "exported", "format": "csv"}]

    until(stored, STORED_SECONDS, f"{name}: the event is stored")
    page.get_by_role("button", name="Sign in").click()

    def introduced() -> list[Request]:
        page.evaluate("true")
        return [one for one in asked if one.url.endswith("/identify") and '"u-1"' in (one.post_data or "")]

    # With the token of the product's own server.
    first = until(introduced, STORED_SECONDS, f"{name}: the user is introduced")[0].post_data_json
    assert (first["identity_token"], first["anonymous_id"]) == ("signed", user)
    page.get_by_role("button", name="Sign out").click()
    page.get_by_role("heading", name="Hello", exact=True).wait_for()
    # One client, though StrictMode runs every effect twice.
    assert len([one for one in asked if "/sdk/v1/config" in one.url]) == 1


@pytest.mark.browser
@pytest.mark.timeout(300)
def test_the_examples_run(hosts: Path, up: Any, sites: Any, new_person: Callable[..., Any], until: Any) -> None:
    origin = sites.origins[0]
    for name in ("react", "vue"):
        # The signature is none, and the platform's no stands in the console.
        used(new_person(quiet=False), hosts, up, origin, name, until)
    # Nothing in the console: what the server rendered is what the browser takes over.
    page = opened(new_person(), hosts, origin, "next")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.anon'))")
    assert page.get_by_role("main").inner_text() == "Hello"


class _Scripts(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "script":
            self.found.append(dict(attrs))


@pytest.mark.parametrize(
    ("template", "nonce"),
    [
        ("rails/_handrail.html.erb", "<%= content_security_policy_nonce %>"),
        ("django/handrail.html", "{{ request.csp_nonce }}"),
    ],
)
def test_templates_have_the_tag(template: str, nonce: str) -> None:
    text = (HOSTS / template).read_text()
    tag = _Scripts(text).found[-1]
    source = tag.pop("src") or ""
    assert source.endswith("/sdk/v1/onboarding-agent-sdk.js")
    assert tag == {"async": None, "nonce": nonce}
    # Calls made before the snippet is there, in the form it takes over.
    assert '(window.handrail = window.handrail || []).push(["init", ' in text
