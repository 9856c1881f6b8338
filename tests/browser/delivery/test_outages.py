"""Nothing is lost and nothing is stored twice, whatever fails; most of it at the same time."""

import os
import signal
import time

import pytest
from playwright.sync_api import Error
from tests.browser.delivery.ledger import Ground, Walker

pytestmark = pytest.mark.browser

OFFLINE_SECONDS = 60
STOPPED_SECONDS = 30
ARRIVES_SECONDS = 60

NO_LOCAL_STORAGE = """
Object.defineProperty(window, "localStorage", { get() { throw new DOMException("denied", "SecurityError"); } });
"""
NO_STORAGE = NO_LOCAL_STORAGE + 'Object.defineProperty(window, "indexedDB", { get() { throw new Error("denied"); } });'
THROWS_ON_WRITE = """
Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
"""
FILL = """() => {
  let text = "x".repeat(1 << 20);
  for (let n = 0; text; n++) {
    try { localStorage.setItem("host" + n, text); } catch { text = text.slice(0, text.length >> 1); }
  }
  return Object.keys(localStorage).length;
}"""


def reloads_offline(walker: Walker) -> None:
    """The host is not there either: the browser shows its own page."""
    with pytest.raises(Error, match="ERR_INTERNET_DISCONNECTED"):
        walker.page.reload()


def test_500_events_through_outages(ground: Ground) -> None:
    address = ground.site("plain")
    books = ground.books()
    offline, reloader, closer, tabs, full, clicker = map(
        ground.walker, ("offline", "reloader", "closer", "tabs", "full", "clicker")
    )
    shelfless, writeless = ground.walker("shelfless", NO_LOCAL_STORAGE), ground.walker("writeless", THROWS_ON_WRITE)
    bare = ground.walker("bare", NO_STORAGE)
    everybody = [offline, reloader, closer, tabs, full, clicker, shelfless, writeless, bare]
    for walker in everybody:
        walker.comes(address)
        walker.acts_on(12)
    second = Walker(tabs.context.new_page(), f"second-{tabs.name}")
    second.comes(address)
    everybody.append(second)

    # Offline for a minute; one of two reloads into nothing and stays away.
    began = time.monotonic()
    for walker in (offline, reloader):
        walker.context.set_offline(True)
        walker.acts_on(25)
    reloads_offline(reloader)

    # The stream stops. Everybody goes on, a page is closed, a tab is closed, storage is full.
    nats = ground.up.pid("nats")
    os.kill(nats, signal.SIGSTOP)
    stopped = time.monotonic()
    try:
        assert full.page.evaluate(FILL) > 3
        for walker in (closer, tabs, second, full, clicker, shelfless, writeless, bare):
            walker.acts_on(30)
        clicker.clicks_on("#dead", 3)
        closer.page.close(run_before_unload=True)
        second.page.close(run_before_unload=True)
        full.page.reload()
        shelfless.page.reload()
        writeless.page.reload()
        for walker in (tabs, full, clicker, shelfless, writeless, bare):
            walker.page.wait_for_function("window.handrail && handrail.version")
            walker.acts_on(10)
        time.sleep(max(0, stopped + STOPPED_SECONDS - time.monotonic()))
    finally:
        os.kill(nats, signal.SIGCONT)

    # The door dies, and comes back.
    for walker in (tabs, full, clicker, bare):
        walker.acts_on(5)
    os.kill(ground.up.pid("gateway"), signal.SIGKILL)
    for walker in (tabs, full, clicker, bare):
        walker.acts_on(15)
        walker.clicks_on("#area", 1)
    offline.acts_on(25)
    offline.clicks_on("#dead", 2)
    time.sleep(max(0, began + OFFLINE_SECONDS - time.monotonic()))

    for walker in (offline, reloader):
        walker.context.set_offline(False)
    reloader.comes(address)
    closer.page = closer.context.new_page()
    closer.comes(address)
    # Nobody moves any more: it all arrives by itself.
    assert sum(walker.acts for walker in everybody) >= 500
    deadline = time.monotonic() + ARRIVES_SECONDS
    while (faults := books.faults(*everybody)) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert faults == []
    for walker in (offline, reloader, closer, tabs, clicker):
        ground.until(lambda walker=walker: walker.waiting() == 0, ARRIVES_SECONDS, "nothing is left behind")
