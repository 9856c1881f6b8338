"""Numbered events: what was captured in browsers, against what the tenant has stored."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx2
from playwright.sync_api import BrowserContext, Page

AT_REST = """async (prefix) => {
  const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix) && key.includes(".q."));
  const found = [];
  for (const { name } of await indexedDB.databases()) {
    if (!name.startsWith(prefix)) continue;
    const db = await new Promise((resolve) => {
      const request = indexedDB.open(name);
      request.onsuccess = () => resolve(request.result);
    });
    if (db.objectStoreNames.contains("q")) {
      found.push(...await new Promise((resolve) => {
        const request = db.transaction("q").objectStore("q").getAllKeys();
        request.onsuccess = () => resolve(request.result);
      }));
    }
    db.close();
  }
  return { shelf: keys.map((key) => key.split(".").slice(2).join(".")), mirror: found };
}"""


@dataclass
class Walker:
    """Somebody whose every act has a number."""

    page: Page
    name: str
    acts: int = 0
    clicks: int = 0

    @property
    def context(self) -> BrowserContext:
        return self.page.context

    def comes(self, address: str) -> None:
        self.page.goto(address)
        self.page.wait_for_function("window.handrail && handrail.version")

    def acts_on(self, count: int) -> None:
        """So many numbered events, one by one, at once."""
        self.page.evaluate(
            "([who, from, count]) => { for (let n = from; n < from + count; n++) handrail.track('n', { who, n }) }",
            [self.name, self.acts, count],
        )
        self.acts += count

    def clicks_on(self, selector: str, times: int) -> None:
        """With a mouse, in no hurry."""
        for _ in range(times):
            self.page.click(selector, delay=5)
        self.clicks += times

    def at_rest(self) -> dict[str, list[str]]:
        """Keys of what waits in this browser, without their prefix: in localStorage and in IndexedDB."""
        found: dict[str, list[str]] = self.page.evaluate(AT_REST, "handrail.")
        return found

    def waiting(self) -> int:
        """How many events wait at rest, wherever."""
        found = self.at_rest()
        return len({key for key in found["shelf"] + found["mirror"] if ".~" not in key})


@dataclass(frozen=True)
class Ledger:
    """What a tenant has stored."""

    gateway: str
    secret_key: str

    def events(self, **query: str) -> Iterator[dict[str, Any]]:
        """All of them, page by page."""
        query |= {"limit": "500"}
        with httpx2.Client(headers={"X-API-Key": self.secret_key}) as client:
            while True:
                answer = client.get(f"{self.gateway}/api/v1/events", params=query)
                if answer.status_code in {429, 502, 503}:
                    time.sleep(0.2)
                    continue
                assert answer.status_code == 200, answer.text
                found = answer.json()
                yield from found["items"]
                if not found["next"]:
                    return
                query["cursor"] = found["next"]

    def numbers(self) -> dict[str, Counter[int]]:
        """Of each walker: how often each number is stored."""
        found: dict[str, Counter[int]] = {}
        for event in self.events(event_type="custom"):
            if who := event["properties"].get("who"):
                found.setdefault(who, Counter())[event["properties"]["n"]] += 1
        return found

    def clicks(self, user_id: str, selector: str) -> int:
        """How often an element was clicked."""
        return sum(
            event["properties"].get("count", 1)
            for event in self.events(event_type="click", user_id=user_id)
            if (event["target_element"] or {}).get("selector") == selector
        )

    def faults(self, *walkers: Walker) -> list[str]:
        """What is missing or stored twice, in words."""
        stored = self.numbers()
        told = []
        for walker in walkers:
            found = stored.get(walker.name, Counter())
            lost = [n for n in range(walker.acts) if not found[n]]
            twice = [n for n, times in found.items() if times > 1]
            if lost or twice:
                told.append(f"{walker.name}: of {walker.acts} lost {lost}, twice {twice}")
        return told


@dataclass(frozen=True)
class Ground:
    """What these tests stand on: the platform, its sites, people with numbers, and the books they are held against."""

    up: Any
    site: Callable[..., str]
    until: Callable[..., Any]
    _context: Callable[[], BrowserContext]
    _run: str

    def walker(self, label: str, script: str = "") -> Walker:
        """Somebody with a browser profile of their own; `script` runs before each page's own. `label`: of this walker
        in what a test tells."""
        context = self._context()
        if script:
            context.add_init_script(script)
        return Walker(context.new_page(), f"{label}-{self._run}")

    def books(self, tenant: str = "acme") -> Ledger:
        """What this tenant has stored."""
        return Ledger(str(self.up.status["gateway"]), str(self.up.status["tenants"][tenant]["secret_key"]))
