"""The whole browser dies as by a power cut: what was captured more than a second before is sent when it runs again."""

import contextlib
import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import BrowserContext, Error, Playwright
from tests.browser.conftest import FLAGS, executable
from tests.browser.delivery.ledger import Ground, Walker

pytestmark = pytest.mark.browser

ARRIVES_SECONDS = 40
SAFE_AFTER_MS = 1_000


def launch(playwright: Playwright, profile: Path) -> BrowserContext:
    return playwright.chromium.launch_persistent_context(profile, executable_path=executable(), args=FLAGS)


def kill(profile: Path) -> None:
    """The browser of this profile, with all its processes, at the same moment."""
    own = [
        process
        for process in psutil.process_iter()
        if any(f"--user-data-dir={profile}" in part for part in _command(process))
    ]
    assert own, "no such browser"
    tree = {one.pid for parent in own for one in [parent, *parent.children(recursive=True)]}
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    for pid in tree:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


# A number every 50 ms, with the time when it was captured.
CAPTURE = """(who) => {
  window.captured = [];
  let n = 0;
  setInterval(() => {
    handrail.track("n", { who, n });
    captured.push([n++, Date.now()]);
  }, 50);
}"""


def test_a_second_is_all_that_a_dying_browser_takes_along(
    ground: Ground, playwright: Playwright, tmp_path: Path
) -> None:
    address = ground.site("plain")
    books = ground.books()
    profile = tmp_path / "profile"
    context = launch(playwright, profile)
    walker = Walker(context.pages[0], f"killed-{os.getpid()}-{time.monotonic_ns()}")
    walker.comes(address)
    context.set_offline(True)
    walker.page.evaluate(CAPTURE, walker.name)
    walker.page.wait_for_function("captured.length > 40")
    captured = walker.page.evaluate("captured")
    # Soon: what is in localStorage is written to disk some five seconds after the first write.
    died = time.time() * 1000
    kill(profile)
    with contextlib.suppress(Error):
        context.close()

    safe = [n for n, at in captured if at < died - SAFE_AFTER_MS]
    assert len(safe) > 10
    context = launch(playwright, profile)
    try:
        back = Walker(context.pages[0], walker.name)
        back.comes(address)
        ground.until(
            lambda: set(safe) <= set(books.numbers().get(walker.name, ())), ARRIVES_SECONDS, "what was safe is stored"
        )
        assert max(books.numbers()[walker.name].values()) == 1
        ground.until(lambda: back.waiting() == 0, ARRIVES_SECONDS, "nothing is left behind")
    finally:
        context.close()
