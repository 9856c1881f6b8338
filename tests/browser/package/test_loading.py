"""How the snippet comes into a page: the files themselves, the inline stub, chunks that only count unchanged."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

pytestmark = pytest.mark.browser

SDK = Path(__file__).parents[3] / "gateway" / "src" / "handrail_gateway" / "static" / "sdk"
LOADED_SECONDS = 20
STORED_SECONDS = 30
FETCHED = 'document.querySelectorAll("[src*=onboarding-agent-sdk], [href*=onboarding-agent-sdk]")'
SAMPLE = '("https://handrail.example.com/sdk/v1/onboarding-agent-sdk.js",{key:"pk_…"})'


def versions() -> list[str]:
    """What the gateway serves: all releases and the working build."""
    return sorted(path.parent.name for path in SDK.glob("*/manifest.json"))


def stub(up: Any, *more: Any, **options: Any) -> str:
    """The inline form as a page pastes it, with its own values."""
    text = (SDK / versions()[-1] / "stub.js").read_text()
    given = {"key": up.status["tenants"]["acme"]["publishable_key"]} | options
    source = f"{up.status['gateway']}/sdk/v1/onboarding-agent-sdk.js"
    assert SAMPLE in text
    arguments = ",".join(json.dumps(value) for value in (source, given, *more))
    return f'<script nonce="{{{{nonce}}}}">{text.replace(SAMPLE, f"({arguments})")}</script>'


def integrity(version: str = "") -> str:
    manifest = json.loads((SDK / (version or versions()[-1]) / "manifest.json").read_text())
    return str(manifest["files"]["onboarding-agent-sdk.js"])


def names(up: Any, user: str) -> list[str]:
    """Of the user's own events, oldest first."""
    events = up.read("acme", "/api/v1/events", user_id=user, event_type="custom")
    return [event["properties"]["name"] for event in reversed(events)]


def heard(page: Page, check: Callable[[], Any]) -> Callable[[], Any]:
    """Playwright tells of what happened in the page only while it is asked something."""
    return lambda: page.evaluate("true") and check()


@pytest.mark.parametrize("version", versions())
def test_a_shipped_file_runs_where_storage_throws(
    version: str, up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person()
    person.page.add_init_script(
        "for (const name of ['localStorage', 'sessionStorage', 'indexedDB'])"
        " Object.defineProperty(window, name, {get() { throw new DOMException('no', 'SecurityError'); }});"
    )
    person.opens(site("plain", snippet=None))
    base = f"{up.status['gateway']}/sdk/{version}/onboarding-agent-sdk"
    assert person.page.evaluate("async (url) => (await import(url)).handrail.version", f"{base}.mjs") == version
    # Another copy on the page is the first one, however it comes.
    person.page.add_script_tag(url=f"{base}.js")
    assert person.page.evaluate("handrail.version") == version
    same = "async (url) => (await import(url)).handrail === handrail"
    assert person.page.evaluate(same, f"{base}.mjs") is True
    key, name = up.status["tenants"]["acme"]["publishable_key"], f"kept by {version}"
    person.page.evaluate(
        "([key, name]) => { handrail.init({key}); handrail.track(name); return handrail.flush(); }", [key, name]
    )

    def stored() -> bool:
        events = up.read("acme", "/api/v1/events", event_type="custom")
        return [event["properties"]["name"] for event in events].count(name) == 1

    until(stored, STORED_SECONDS, "the event is stored")


@pytest.mark.parametrize("is_pinned", [False, True], ids=["newest", "pinned"])
def test_the_stub_keeps_calls_until_the_snippet_is_there(
    is_pinned: bool, up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person()
    page: Page = person.page
    held: list[Route] = []
    page.route("**/onboarding-agent-sdk.js", lambda route: held.append(route))
    policy = {
        "content-security-policy": "default-src 'none'; style-src 'self'; "
        "script-src 'nonce-{{nonce}}' 'strict-dynamic'; require-trusted-types-for 'script'; trusted-types 'none'; "
        f"connect-src {up.status['gateway']} {up.status['gateway'].replace('http', 'ws', 1)}"
    }
    # The stub stands twice in the page, as it does in some.
    address = site("plain", snippet=None, head=stub(up, *([integrity()] if is_pinned else [])) * 2, headers=policy)
    # The page is loaded while nothing has come from the gateway.
    page.goto(address, wait_until="load")
    page.evaluate(
        """() => {
          window.early = handrail;
          window.told = [];
          const stop = handrail.on("ready", () => told.push("stopped"));
          handrail.on("ready", () => told.push("ready"));
          stop();
          handrail.track("early");
          handrail.flush().then(() => told.push("flushed"));
        }"""
    )
    until(heard(page, lambda: held), LOADED_SECONDS, "the snippet is asked for")
    assert len(held) == 1
    assert page.evaluate("[told.length, 'version' in handrail]") == [0, False]
    held[0].continue_()
    # Not by wait_for_function, which the page's policy forbids.
    told = "told.includes('flushed') && told.includes('ready')"
    until(lambda: page.evaluate(told), LOADED_SECONDS, "what was asked for before is done")
    # What was kept from before reaches the snippet all the same.
    page.evaluate("early.track('late')")
    page.evaluate("handrail.flush()")
    user = page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))[1]")
    until(lambda: names(up, user) == ["early", "late"], STORED_SECONDS, "both calls are stored, once each")
    assert page.evaluate("told.includes('stopped')") is False
    assert page.evaluate("typeof handrail.version") == "string"


@pytest.mark.parametrize("version", versions())
@pytest.mark.parametrize("browser_of", ["today", "2022"])
def test_a_page_that_pins_a_version_gets_all_of_it(
    browser_of: str, version: str, up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    """Whatever the platform serves beside it."""
    files = {"version": version, "onboarding-agent-sdk.js": integrity(version)}
    person = new_person()
    asked: list[str] = []
    person.page.on("request", lambda request: asked.append(request.url))
    if browser_of == "2022":
        person.page.add_init_script("DOMTokenList.prototype.supports = () => false")
    # An old one knows no Trusted Types either.
    person.opens(site("strict" if browser_of == "today" else "plain", snippet="sri", files=files))
    person.clicks(person.page.locator("#dead"), times=5)
    nudge = person.sees_help()
    person.clicks(nudge.get_by_role("button", name="Got it"))
    nudge.wait_for(state="detached")
    base = f"{up.status['gateway']}/sdk/"
    loaded = {url.removeprefix(base) for url in asked if url.startswith(base) and ".mjs" in url}
    assert {f"{version}/{name}.mjs" for name in ("delivery", "live", "ui")} <= loaded
    assert {name.partition("/")[0] for name in loaded} == {version}


def test_the_stub_takes_only_the_file_it_names(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person()
    person.opens(site("plain", snippet=None, head=stub(up, integrity())))
    person.page.wait_for_function("'version' in handrail", timeout=LOADED_SECONDS * 1000)

    other = new_person(quiet=False)
    wrong = "sha384-" + "A" * 64
    other.opens(site("plain", snippet=None, head=stub(up, wrong)))
    # Tried once more after a while, and that is all.
    other.page.evaluate("handrail.flush().then(() => { window.flushed = true; })")
    other.page.wait_for_function("window.flushed", timeout=LOADED_SECONDS * 1000)
    assert other.page.evaluate("['version' in handrail, handrail.length]") == [False, 0]
    other.page.evaluate("handrail.track('x')")
    assert other.page.evaluate(f"[handrail.length, {FETCHED}.length]") == [0, 0]


@pytest.mark.parametrize("changed", [False, True], ids=["as it was built", "changed on its way"])
@pytest.mark.parametrize("snippet", ["tag", "sri"])
def test_a_chunk_counts_only_as_it_was_built(
    changed: bool, snippet: str, site: Callable[..., str], new_person: Callable[..., Any], until: Any
) -> None:
    person = new_person(quiet=False)
    page: Page = person.page
    lines: list[str] = []
    sockets: list[str] = []
    page.on("console", lambda line: lines.append(line.text))
    page.on("websocket", lambda socket: sockets.append(socket.url))

    asked: list[str] = []

    def pass_on(route: Route) -> None:
        asked.append(route.request.url)
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text() + ("\n;globalThis.changed = true;" if changed else ""))

    page.route("**/live.mjs*", pass_on)
    person.opens(site("plain", snippet=snippet))
    if changed:
        until(heard(page, lambda: any("integrity" in line for line in lines)), LOADED_SECONDS, "the browser refuses it")
        assert page.evaluate("globalThis.changed") is None
        assert sockets == []
        # And the page is watched all the same.
        assert page.evaluate("handrail.flush().then(() => 'sent')") == "sent"
    else:
        until(heard(page, lambda: sockets), LOADED_SECONDS, "the socket opens")
        assert [line for line in lines if "integrity" in line] == []
        # What was checked is what runs: nothing was fetched a second time.
        assert len(asked) == 1
    assert page.evaluate("document.querySelectorAll('link[rel=modulepreload]').length") == 0
