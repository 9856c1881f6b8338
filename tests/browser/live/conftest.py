"""What a browser says to the platform, and what it keeps; a tenant's config and keys changed from its own server."""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from playwright.sync_api import BrowserContext, Page, Request, WebSocket

LOADED_SECONDS = 30
"""The live side comes after two seconds of looking at a page."""

VISIBILITY = """
  let state = "visible";
  Object.defineProperty(Document.prototype, "visibilityState", {get: () => state});
  window.look = (next) => { state = next; document.dispatchEvent(new Event("visibilitychange")); };
"""
"""A page that can be hidden: a browser without a screen shows all of its tabs at once."""

AT_REST = """async () => {
  const databases = [];
  for (const {name} of await indexedDB.databases()) {
    const db = await new Promise((done) => { indexedDB.open(name).onsuccess = (e) => done(e.target.result); });
    for (const table of db.objectStoreNames) {
      const all = db.transaction(table).objectStore(table).getAll();
      databases.push([name, await new Promise((done) => { all.onsuccess = () => done(all.result); })]);
    }
    db.close();
  }
  return JSON.stringify({local: {...localStorage}, session: {...sessionStorage}, cookie: document.cookie, databases,
    names: (await indexedDB.databases()).map((one) => one.name)});
}"""

ANONYMOUS = "Object.entries(localStorage).find(([key]) => key.endsWith('.anon'))?.[1]"

LOCKS = """async () => {
  const {held, pending} = await navigator.locks.query();
  const chairs = (list) => list.filter(({name}) => name.includes('.live.') && !name.endsWith('.stage'));
  return [chairs(held).length, chairs(pending).length];
}"""


@dataclass
class Traffic:
    """Of one browser, from the moment it is asked for."""

    context: BrowserContext
    gateway: str
    requests: list[Request] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)
    """Frames of all sockets."""
    _sockets: list[WebSocket] = field(default_factory=list)
    _greeted: set[WebSocket] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.context.on("request", lambda one: self.requests.append(one) if one.url.startswith(self.gateway) else None)
        self.context.on("page", self._watch)
        for page in self.context.pages:
            self._watch(page)

    def _watch(self, page: Page) -> None:
        page.on("websocket", self._opened)

    def _opened(self, one: WebSocket) -> None:
        self._sockets.append(one)
        one.on("framesent", lambda frame: self.sent.append(str(frame)))
        one.on("framereceived", lambda _: self._greeted.add(one))

    @property
    def sockets(self) -> list[WebSocket]:
        # What the browser told arrives while it is listened to.
        self.context.pages[0].wait_for_timeout(1)
        return self._sockets

    @property
    def open(self) -> list[WebSocket]:
        """Those that the platform has greeted: one that is still being opened may come to nothing."""
        return [one for one in self.sockets if one in self._greeted and not one.is_closed()]

    def called(self, path: str) -> list[Request]:
        self.context.pages[0].wait_for_timeout(1)
        return [one for one in self.requests if path in one.url]

    def bodies(self) -> str:
        return " ".join(one.url + (one.post_data or "") for one in self.requests)


@pytest.fixture
def traffic(up: Any) -> Callable[[Any], Traffic]:
    return lambda person: Traffic(person.page.context, str(up.status["gateway"]))


@dataclass(frozen=True)
class Server:
    """The customer's own server."""

    up: Any
    tenant: str

    @property
    def _headers(self) -> dict[str, str]:
        return {"X-API-Key": self.up.status["tenants"][self.tenant]["secret_key"]}

    def _call(self, method: str, path: str, **more: Any) -> Any:
        answer = httpx2.request(method, f"{self.up.status['gateway']}{path}", headers=self._headers, **more)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None

    def proof(self, user_id: str) -> str:
        """An identity token."""
        secret = (self.up.state / "secrets" / self.tenant / "handrail-identity" / "current").read_bytes()
        claims = {"sub": user_id, "exp": int(time.time()) + 300}
        return jwt.encode({"alg": "HS256"}, claims, OctKey.import_key(secret.strip()), algorithms=["HS256"])

    def config(self, **changed: Any) -> None:
        self._call("PATCH", "/api/v1/config", json=changed)

    def new_key(self) -> dict[str, Any]:
        made: dict[str, Any] = self._call("POST", "/api/v1/keys", json={"kind": "publishable"})
        return made

    def revoke(self, key_id: str) -> None:
        self._call("DELETE", f"/api/v1/keys/{key_id}")

    def sockets(self) -> int:
        """Of all browsers, as the gateway counts them."""
        lines = httpx2.get(f"{self.up.status['gateway']}/metrics").text.splitlines()
        name = f'handrail_gateway_sockets{{tenant="{self.tenant}"}} '
        return sum(int(float(line.removeprefix(name))) for line in lines if line.startswith(name))

    def user(self, user_id: str) -> dict[str, Any]:
        found: dict[str, Any] = self._call("GET", f"/api/v1/users/{user_id}")
        return found

    def events(self, **query: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.up.read(self.tenant, "/api/v1/events", limit="500", **query)
        return found


@pytest.fixture
def server(up: Any) -> Server:
    return Server(up, "acme")


@pytest.fixture
def snippet_config(server: Server, until: Any) -> Iterator[Callable[..., None]]:
    """`snippet_config(enabled=False, samplePercent=100)`: live when it returns; as before when the test is over."""
    query = {"key": server.up.status["tenants"][server.tenant]["publishable_key"]}

    def told() -> dict[str, Any]:
        found: dict[str, Any] = httpx2.get(f"{server.up.status['gateway']}/sdk/v1/config", params=query).json()
        return found

    def change(*, enabled: bool, percent: float = 100) -> None:
        server.config(snippet={"enabled": enabled, "samplePercent": percent})
        wanted = (enabled, percent / 100)
        until(lambda: (told()["enabled"], told()["sample_rate"]) == wanted, LOADED_SECONDS, "the gateway knows")

    try:
        yield change
    finally:
        change(enabled=True)


def at_rest(page: Page) -> dict[str, Any]:
    kept: dict[str, Any] = json.loads(page.evaluate(AT_REST))
    return kept


@dataclass(frozen=True)
class Look:
    """Into a page."""

    at_rest: Callable[[Page], dict[str, Any]] = at_rest
    anonymous: str = ANONYMOUS
    locks: str = LOCKS
    visibility: str = VISIBILITY
    seconds: int = LOADED_SECONDS


@pytest.fixture
def look() -> Look:
    return Look()
