"""What people type and see never leaves their page and never rests in their browser, search byte by byte."""

import base64
import gzip
import json
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from playwright.sync_api import BrowserContext, Page, Request, WebSocket

pytestmark = pytest.mark.browser

SECRETS = {
    "password": "Hunter2-geheim!",
    "card": "4111 1111 1111 1111",
    "bare card": "5500005555555559",
    "ssn": "078-05-1120",
    "e-mail": "jane.roe@geheim.example",
    "name": "Jane Roe-Geheim",
    "search": "typed geheim words",
    "filter": "filtergeheim",
    "query token": "tok_geheim_query",
    "hash token": "tok_geheim_hash",
    "path token": "tg9f8e7d6c5b4a3210geheim",
    "referrer token": "tok_geheim_referrer",
    "error": "geheim message of an error",
}
ARRIVES_SECONDS = 30

EVERYTHING_AT_REST = """async () => {
  const found = [document.cookie];
  for (const store of [localStorage, sessionStorage]) found.push(...Object.entries(store).flat());
  for (const { name } of await indexedDB.databases()) {
    const base = await new Promise((resolve, reject) => {
      const asked = indexedDB.open(name);
      asked.onsuccess = () => resolve(asked.result);
      asked.onerror = () => reject(asked.error);
    });
    for (const shelf of base.objectStoreNames) {
      const all = base.transaction(shelf).objectStore(shelf);
      for (const asked of [all.getAll(), all.getAllKeys()]) {
        await new Promise((resolve) => { asked.onsuccess = resolve; });
        found.push(JSON.stringify(asked.result));
      }
    }
    base.close();
  }
  return found.join("\\n");
}"""


def forms(secret: str) -> Iterator[bytes]:
    """A secret as it may stand somewhere: as it is, encoded for addresses, for JSON, in base64 at each offset."""
    plain = secret.encode()
    yield plain
    yield urllib.parse.quote(secret, safe="").encode()
    yield urllib.parse.quote_plus(secret).encode()
    yield json.dumps(secret).strip('"').encode()
    for offset in range(3):
        inner = base64.b64encode(b"\0" * offset + plain)
        begin, end = -(-offset * 8 // 6), len(inner) - 4 if (offset + len(plain)) % 3 else len(inner)
        yield inner[begin:end]


def hidden_in(text: bytes) -> set[str]:
    """Which secrets stand in it. Letters of any case."""
    low = text.lower()
    return {name for name, secret in SECRETS.items() if any(form.lower() in low for form in forms(secret))}


@dataclass
class Wire:
    """All that a browser sends to the platform: addresses, headers, bodies, socket frames."""

    gateway: str
    sent: list[bytes] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)

    def listens(self, context: BrowserContext, page: Page) -> None:
        context.on("request", self._request)
        page.on("websocket", self._socket)

    def _request(self, request: Request) -> None:
        if not request.url.startswith(self.gateway):
            return
        body = request.post_data_buffer or b""
        if body[:2] == b"\x1f\x8b":
            body = gzip.decompress(body)
        self.sent += [request.url.encode(), json.dumps(request.headers).encode(), body]
        if request.url.endswith("/api/v1/events") and body:
            self.events += json.loads(body)["events"]

    def _socket(self, socket: WebSocket) -> None:
        self.sent.append(socket.url.encode())
        socket.on("framesent", lambda frame: self.sent.append(frame if isinstance(frame, bytes) else frame.encode()))


@pytest.fixture
def wire(up: Any) -> Wire:
    return Wire(str(up.status["gateway"]))


def plants(page: Page) -> None:
    """Texts of all kinds on a page whose marks are innocent or not."""
    page.evaluate(
        """(secret) => {
             const marks = [
               ["text", {}], ["labelled", { "aria-label": secret.name }], ["titled", { title: secret["e-mail"] }],
               ["held", { placeholder: secret.card, value: secret.password }],
               [`user-${secret["e-mail"]}`, { "data-testid": secret["e-mail"] }],
               [secret["bare card"], { "data-test": `row-${secret["bare card"]}`, name: secret.ssn }],
               ["acting", { role: secret.name }],
               ["linked", { href: `mailto:${secret["e-mail"]}`, class: "q" + secret["path token"] }],
             ];
             for (const [id, attributes] of marks) {
               const made = document.createElement(attributes.href ? "a" : attributes.value ? "input" : "button");
               made.id = id;
               for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
               if (attributes.href) made.addEventListener("click", (event) => event.preventDefault());
               made.textContent = `${secret.name} ${secret.card} ${secret["e-mail"]}`;
               made.className += " planted";
               document.querySelector("main").append(made);
             }
             document.title = `${secret.name} ${secret.card}`;
             setTimeout(() => reportError(new Error(secret.error)));
             addEventListener("error", (event) => event.preventDefault());
             setTimeout(() => console.debug(secret.error));
           }""",
        SECRETS,
    )
    for planted in page.locator(".planted").all():
        planted.scroll_into_view_if_needed()
        box = planted.bounding_box()
        assert box is not None
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


def types(person: Any, name: str, text: str) -> None:
    person.clicks(person.page.locator(f'[name="{name}"]'))
    person.page.keyboard.type(text)


def walks(person: Any, site: Callable[..., str], at_rest: Callable[[Page], None]) -> None:
    """Types and sees secrets at every place, on pages of a server and of a hash router, online and offline."""
    page, s = person.page, SECRETS
    person.opens(site("plain", snippet=None) + f"?token={urllib.parse.quote(s['referrer token'])}")
    plain = site("plain")
    page.evaluate(
        "(to) => { location.href = to; }", f"{plain}login?token={s['query token']}#id_token={s['hash token']}"
    )
    page.wait_for_url(f"{plain}login*")
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.config'))")
    assert s["referrer token"] in page.evaluate("document.referrer")
    types(person, "email", s["e-mail"])
    types(person, "password", s["password"])
    plants(page)
    page.evaluate(
        "(to) => history.pushState(null, '', to)", f"invite/{s['path token']}/{s['e-mail']}?t={s['query token']}"
    )
    page.evaluate("(to) => history.pushState(null, '', to)", f"{plain}login")
    with page.expect_navigation():
        person.clicks(page.locator("#enter"))
    person.opens(plain + "search")
    types(person, "q", s["search"])
    person.clicks(page.locator("#go"))
    page.wait_for_url("**/search?q=*")
    plants(page)
    person.opens(plain + "settings")
    for name, value in (("name", s["name"]), ("email", s["e-mail"]), ("card", s["card"]), ("note", s["ssn"])):
        types(person, name, value)
    at_rest(page)
    person.opens(site("hash") + f"#/plants?token={s['hash token']}")
    page.locator("#filter").wait_for()
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.config'))")
    page.context.set_offline(True)
    person.types("Filter", s["filter"])
    page.evaluate("(token) => { location.hash = `#/reset/${token}?token=x`; }", s["path token"])
    page.evaluate("(token) => { location.hash = `#/plants?token=${token}`; }", s["hash token"])
    page.locator("#filter").wait_for()
    plants(page)
    page.wait_for_timeout(1_500)
    at_rest(page)
    page.context.set_offline(False)
    page.reload()
    page.evaluate("handrail.track?.('walked')")


def test_nothing_typed_or_seen_leaves_or_rests(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Callable[..., Any], wire: Wire
) -> None:
    person = new_person(quiet=False)
    wire.listens(person.page.context, person.page)
    kept: list[str] = []
    walks(person, site, lambda page: kept.append(page.evaluate(EVERYTHING_AT_REST)))
    user = person.page.evaluate("Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))[1]")

    def stored() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = up.read("acme", "/api/v1/events", limit="500", user_id=user)
        return found

    until(lambda: any(one["event_type"] == "custom" for one in stored()), ARRIVES_SECONDS, "the last event is there")
    kept.append(person.page.evaluate(EVERYTHING_AT_REST))
    # What is searched is what it is about: clicks on the planted, changes of the fields, views of the pages.
    happened = [event["event_type"] for event in stored()]
    assert happened.count("click") > 25
    assert happened.count("change") >= 8
    assert happened.count("page_view") >= 9
    # A browser does not show the body of what it sends while it leaves a page; the database has it.
    assert len({event["event_id"] for event in wire.events}) > len(happened) / 2
    assert "custom" in "".join(kept[:-1]) or "click" in kept[1], "offline, events rest in the browser"
    for where, text in (
        ("traffic", b"\n".join(wire.sent)),
        ("storage", "\n".join(kept).encode()),
        ("database", json.dumps(stored()).encode()),
    ):
        assert hidden_in(text) == set(), where
    assert person.page.context.cookies() == []


def test_the_search_finds_what_a_host_sends_by_itself(
    site: Callable[..., str], new_person: Callable[..., Any], until: Callable[..., Any], wire: Wire
) -> None:
    person = new_person(quiet=False)
    page = person.page
    wire.listens(page.context, page)
    person.opens(site("plain"))
    page.wait_for_function("Object.keys(localStorage).some((key) => key.endsWith('.config'))")
    page.context.set_offline(True)
    tell = """([name, text]) => handrail.track("said", {
      [name]: text, encoded: encodeURIComponent(text), far: btoa("x" + text),
    })"""
    for planted in SECRETS.items():
        page.evaluate(tell, list(planted))
    assert hidden_in(page.evaluate(EVERYTHING_AT_REST).encode()) == set(SECRETS)
    page.context.set_offline(False)
    page.evaluate("handrail.flush()")
    until(
        lambda: hidden_in(b"\n".join(wire.sent)) == set(SECRETS), ARRIVES_SECONDS, "all of it is found in the traffic"
    )


@contextmanager
def texts_allowed(up: Any, tenant: str) -> Iterator[None]:
    """The tenant's own setting, and what it was afterwards."""

    def patch(allowed: bool) -> None:
        key = up.status["tenants"][tenant]["secret_key"]
        answer = httpx2.patch(
            f"{up.status['gateway']}/api/v1/config",
            json={"privacy": {"captureText": allowed, "queryParameters": ["tab"] if allowed else []}},
            headers={"X-API-Key": key, "Content-Type": "application/merge-patch+json"},
        )
        assert answer.status_code == 200, answer.text

    patch(True)
    try:
        yield
    finally:
        patch(False)


def test_texts_that_are_allowed_come_without_numbers_addresses_and_what_is_masked(
    up: Any, site: Callable[..., str], new_person: Callable[..., Any], until: Callable[..., Any], wire: Wire
) -> None:
    def clicked() -> dict[str, Any]:
        return {
            event["target_element"]["selector"]: event["target_element"]["name"]
            for event in wire.events
            if event["event_type"] == "click"
        }

    with texts_allowed(up, "globex"):
        person = new_person()
        page = person.page
        wire.listens(page.context, page)
        with page.expect_websocket():
            person.opens(site("plain", tenant="globex") + f"settings?tab=open&token={SECRETS['query token']}")
        page.evaluate(
            """(secret) => {
                 document.title = `Pay ${secret.card} to ${secret["e-mail"]}`;
                 document.querySelector("main").insertAdjacentHTML("beforeend", `
                   <button id="said">Pay with ${secret.card} as ${secret["e-mail"]}</button>
                   <button id="called" aria-label="Call ${secret.ssn}">x</button>
                   <button id="masked" data-hr-mask>${secret.name}</button>
                   <button id="part">Sign <b data-hr-mask>${secret.name}</b> out</button>
                   <div data-hr-mask><button id="inside">${secret.name}</button></div>
                   <div id="written" contenteditable>${secret.name}</div>
                   <button id="named" data-hr-name="The name">Text</button>`);
               }""",
            SECRETS,
        )
        types(person, "note", SECRETS["password"])
        page.evaluate("handrail.page()")
        for what in ("said", "called", "masked", "part", "inside", "written", "named"):
            person.clicks(page.locator(f"#{what}"))
        until(lambda: page.wait_for_timeout(300) or len(clicked()) >= 8, ARRIVES_SECONDS, "the clicks are sent")
    assert clicked() == {
        'textarea[name="note"]': "Note",
        "#said": "Pay with * as *",
        "#called": "Call *",
        "#masked": None,
        "#part": "Sign out",
        "#inside": None,
        "#written": None,
        '[data-hr-name="The name"]': "The name",
    }
    views = [event for event in wire.events if event["event_type"] == "page_view"]
    assert views[-1]["properties"]["title"] == "Pay * to *"
    assert views[-1]["url"].endswith("settings?tab=open")
    assert hidden_in(b"\n".join(wire.sent)) == set()
