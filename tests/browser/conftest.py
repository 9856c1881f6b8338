"""A real browser before the real platform, both started as a person starts them, once for each worker.

Screenshots go to the folder HANDRAIL_SCREENSHOTS, where it is set; `HANDRAIL_PICTURE=docs/nudge.png` writes the
README's picture anew.
"""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, Playwright, ViewportSize, sync_playwright
from tests.browser.sites.pages import Mount
from tests.browser.sites.server import Sites, manifest

from handrail_cli.embedded.ports import free_port

VIEW: ViewportSize = {"width": 1040, "height": 600}

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page whose headers a test has changed counts as one of the public web, which may not reach this machine.
    "--disable-features=LocalNetworkAccessChecks",
    # A name that is no secure context: a page on plain http has no locks and no crypto.randomUUID.
    "--host-resolver-rules=MAP plain.test 127.0.0.1",
]


SHELL = "chromium-headless-shell"
WHOLE = ("chromium", "chromium-browser", "google-chrome")


def executable(*, whole: bool = False) -> str:
    """HANDRAIL_CHROMIUM, else the first of the usual names on PATH. To a page the headless shell is the same browser,
    at a third of the price; `whole`: the one that people have. Raises RuntimeError."""
    given = os.environ.get("HANDRAIL_CHROMIUM")
    found = given or next(filter(None, map(shutil.which, WHOLE if whole else (SHELL, *WHOLE))), None)
    if found is None:
        raise RuntimeError("the browser tests need Chromium: install it or set HANDRAIL_CHROMIUM")
    return found


@contextmanager
def launched(playwright: Playwright, *, whole: bool = False, back_forward_cache: bool = False) -> Iterator[Browser]:
    """A browser of its own. Drivers of browsers switch off the back/forward cache, unless it is asked for; the
    headless shell has none."""
    path = executable(whole=whole or back_forward_cache)
    without = ["--disable-back-forward-cache"] if back_forward_cache else []
    browser = playwright.chromium.launch(executable_path=path, args=FLAGS, ignore_default_args=without)
    try:
        yield browser
    finally:
        browser.close()


class _Driver:
    """Playwright and one browser for all browser tests of a worker that follow each other: to start them costs more
    than most of these tests. While Playwright's synchronous driver lives, its event loop counts as running in this
    thread, so it ends before another kind of test begins."""

    def __init__(self) -> None:
        self._open = ExitStack()
        self._playwright: Playwright | None = None
        self._browser: Browser | None = None

    def playwright(self) -> Playwright:
        if self._playwright is None:
            self._playwright = self._open.enter_context(sync_playwright())
        return self._playwright

    def browser(self) -> Browser:
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._open.enter_context(launched(self.playwright()))
        return self._browser

    def end(self) -> None:
        self._playwright = self._browser = None
        self._open.close()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        if item.get_closest_marker("browser") is None:
            self.end()


ROOT = Path(__file__).parents[2]
HANDRAIL = Path(sys.executable).with_name("handrail")
START_SECONDS = 150
END_SECONDS = 20


def until(check: Callable[[], Any], seconds: float, what: str) -> Any:
    """The first true value of `check`; fails after the deadline."""
    deadline = time.monotonic() + seconds
    while not (value := check()):
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.2)
    return value


@dataclass(frozen=True)
class Up:
    """A platform that is ready, as `handrail status --json` tells of it."""

    status: dict[str, Any]
    state: Path
    """Its folder: logs, secrets."""

    def pid(self, name: str) -> int:
        """Of a process as it runs now: what was killed has another one."""
        command = [str(HANDRAIL), "status", "--json", "--state", str(self.state)]
        asked = subprocess.run(command, capture_output=True, check=False)
        return next(int(one["pid"]) for one in json.loads(asked.stdout)["processes"] if one["name"] == name)

    def demo(self, tenant: str) -> str:
        return str(self.status["tenants"][tenant]["demo"])

    def read(self, tenant: str, path: str, **query: str) -> list[dict[str, Any]]:
        """A list of the tenant's API, newest first, by its secret key."""
        key = self.status["tenants"][tenant]["secret_key"]
        answer = httpx2.get(f"{self.status['gateway']}{path}", params=query, headers={"X-API-Key": key})
        assert answer.status_code == 200, answer.text
        items: list[dict[str, Any]] = answer.json()["items"]
        return items


@contextmanager
def running(origins: Sequence[str] = ()) -> Iterator[Up]:
    """The platform with the example tenants, from copies of their files that allow these origins as well."""
    # Not below pytest's own folder: PostgreSQL drops to a user who must be able to reach it.
    folder = Path(tempfile.mkdtemp(prefix="handrail-up-"))
    folder.chmod(stat.S_IRWXU | stat.S_IXGRP | stat.S_IXOTH)
    files = [_copied(file, folder, origins) for file in sorted((ROOT / "examples" / "tenants").glob("*.yaml"))]
    state = ["--state", str(folder / "state")]
    log = folder / "up.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [HANDRAIL, "up", *files, "--demo", "--port", str(free_port(set())), *state],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        try:
            ready = until(lambda: _status(process, state, log), START_SECONDS, "handrail up is ready")
            yield Up(ready, folder / "state")
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def _copied(file: Path, folder: Path, origins: Sequence[str]) -> Path:
    """The platform writes into its files when a test edits the config."""
    text = file.read_text()
    given = text.split("  origins: [", 1)[1].split("]", 1)[0]
    wanted = ", ".join([given, *(json.dumps(origin) for origin in origins)])
    copy = folder / file.name
    copy.write_text(text.replace(f"  origins: [{given}]", f"  origins: [{wanted}]", 1))
    return copy


def _status(process: subprocess.Popen[bytes], state: list[str], log: Path) -> dict[str, Any] | None:
    assert process.poll() is None, f"handrail up ended:\n{log.read_text(errors='replace')[-4000:]}"
    # To ask is a process of its own, whose time the platform needs for its start.
    if b"\nready after" not in log.read_bytes():
        return None
    asked = subprocess.run([HANDRAIL, "status", "--json", *state], capture_output=True, check=False)
    if asked.returncode != 0:
        return None
    status: dict[str, Any] = json.loads(asked.stdout)
    return status if status["ready"] and status["demo"] else None


SEES_SECONDS = 30


@dataclass(frozen=True)
class Person:
    """Somebody at a screen: moves, clicks and types, and sees what the page shows. Knows nothing of the snippet."""

    page: Page
    pictures: Path

    def opens(self, address: str) -> None:
        self.page.goto(address)

    def goes_to(self, link: str) -> None:
        """By the product's own navigation."""
        self.clicks(self.page.get_by_role("link", name=link, exact=True))

    def clicks(self, what: Locator, times: int = 1) -> None:
        what.scroll_into_view_if_needed()
        box = what.bounding_box()
        assert box is not None, "nothing to click on"
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self.page.mouse.move(x, y, steps=3)
        for _ in range(times):
            self.page.mouse.click(x, y, delay=20)

    def types(self, field: str, text: str) -> None:
        """Over whatever is there."""
        self.clicks(self.page.get_by_label(field, exact=True))
        self.page.keyboard.press("ControlOrMeta+a")
        self.page.keyboard.type(text, delay=15)

    def sees_help(self) -> Locator:
        """The nudge that comes up, or an error after a while."""
        nudge = self.page.locator("[data-hr-nudge]")
        nudge.wait_for(timeout=SEES_SECONDS * 1000)
        return nudge

    def pictures_it(self, name: str) -> None:
        self.pictures.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.pictures / f"{name}.png", animations="disabled")


@pytest.fixture(scope="session")
def sites() -> Iterator[Sites]:
    """The server of the test sites, before the platform, whose tenants allow its origins."""
    served = Sites()
    try:
        yield served
    finally:
        served.close()


@pytest.fixture(scope="session")
def up(sites: Sites) -> Iterator[Up]:
    with running(sites.origins) as platform:
        yield platform


@pytest.fixture
def site(up: Up, sites: Sites) -> Callable[..., str]:
    """`site("plain", tenant="acme", snippet="tag", options={...}, headers={...}, head="...", host="127.0.0.1")`: the
    address of a test site with the snippet of this worker's platform in it; see sites/README.md."""

    def address(name: str, *, tenant: str = "acme", host: str = "127.0.0.1", **more: Any) -> str:
        key = str(up.status["tenants"][tenant]["publishable_key"])
        mount = Mount(name, gateway=str(up.status["gateway"]), key=key, **{"files": manifest(), **more})
        return sites.mount(mount, host)

    return address


@pytest.fixture(name="until")
def _until() -> Callable[..., Any]:
    return until


@pytest.fixture(scope="session")
def driver(pytestconfig: pytest.Config) -> Iterator[_Driver]:
    found = _Driver()
    pytestconfig.pluginmanager.register(found)
    yield found
    pytestconfig.pluginmanager.unregister(found)
    found.end()


@pytest.fixture
def playwright(driver: _Driver) -> Playwright:
    return driver.playwright()


@pytest.fixture
def browser(driver: _Driver, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """Shared by tests; what they share of it ends with their contexts. One that is marked `whole_browser` has its own,
    with the back/forward cache, and windows that have the focus or have it not."""
    if request.node.get_closest_marker("whole_browser") is None:
        yield driver.browser()
        return
    with launched(driver.playwright(), back_forward_cache=True) as opened:
        yield opened


def _is_fault(line: ConsoleMessage) -> bool:
    """A page that is answered with 422 is the product's own way of saying no."""
    return line.type == "error" and "422" not in line.text


@pytest.fixture
def new_person(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Person]]:
    """Another person with a browser profile of their own, at each call. `quiet`: their console stays free of errors."""
    contexts = []
    faults: list[str] = []

    def make(*, quiet: bool = True) -> Person:
        context = browser.new_context(viewport=VIEW)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.on("console", lambda line: faults.append(line.text) if quiet and _is_fault(line) else None)
        return Person(page, Path(os.environ.get("HANDRAIL_SCREENSHOTS") or tmp_path))

    yield make
    for context in contexts:
        context.close()
    assert faults == []
