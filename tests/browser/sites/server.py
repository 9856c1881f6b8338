"""Serves the test sites: threads of this process, a free port, one address for each call of `mount`."""

import json
import secrets
import threading
import urllib.parse
from collections.abc import Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.browser.sites.pages import BUILT, PAGES, SITES, SNIPPETS, Mount, Visit, headers, render, template

from handrail_cli.embedded.ports import free_port

_TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css"}
SDK = Path(__file__).parents[3] / "gateway" / "src" / "handrail_gateway" / "static" / "sdk"


class Sites:
    """`mount` gives an address; `close` ends all."""

    def __init__(self) -> None:
        self.port = free_port(set())
        self._mounts: list[Mount] = []
        self._posts: dict[int, int] = {}
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.sites = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def origins(self) -> list[str]:
        """Of these pages: the usual one, another one of this machine, and one that is no secure context."""
        return [f"http://{host}:{self.port}" for host in ("127.0.0.1", "localhost", "plain.test")]

    def mount(self, mount: Mount, host: str = "127.0.0.1") -> str:
        """The address of the site's first page; ends with a slash."""
        if mount.site not in SITES:
            raise ValueError(f"no site {mount.site!r}; there are {', '.join(SITES)}")
        if mount.snippet not in SNIPPETS:
            raise ValueError(f"no snippet {mount.snippet!r}; there are {SNIPPETS}")
        if not (BUILT / "npm.js").is_file():
            raise RuntimeError("the test sites are not built: run `make .make/sites`")
        self._mounts.append(mount)
        return f"http://{host}:{self.port}/{len(self._mounts)}/{mount.site}/"

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def page(self, target: str, *, posted: bool) -> tuple[HTTPStatus, Mapping[str, str], bytes]:
        """Status, headers and body of an address."""
        asked = urllib.parse.urlsplit(target)
        parts = asked.path.lstrip("/").split("/", 2)
        if asked.path == "/favicon.ico":
            return HTTPStatus.NO_CONTENT, {}, b""
        if (found := _file(asked.path)) is not None:
            return HTTPStatus.OK, {"content-type": _TYPES[found.suffix]}, found.read_bytes()
        number = int(parts[0]) if parts[0].isdecimal() else 0
        if not 0 < number <= len(self._mounts) or len(parts) < 3:
            return HTTPStatus.NOT_FOUND, {"content-type": "text/plain"}, b"no such page"
        mount = self._mounts[number - 1]
        page = template(mount.site, parts[2])
        if page is None:
            return HTTPStatus.NOT_FOUND, {"content-type": "text/plain"}, b"no such page"
        if posted:
            self._posts[number] = self._posts.get(number, 0) + 1
            return HTTPStatus.SEE_OTHER, {"location": asked.path}, b""
        base = f"/{number}/{mount.site}/"
        query = urllib.parse.parse_qs(asked.query).get("q", [""])[0]
        visit = Visit(
            base=base,
            other=f"http://localhost:{self.port}{base}",
            nonce=secrets.token_urlsafe(16),
            query=query,
            posts=self._posts.get(number, 0),
        )
        sent = {"content-type": _TYPES[".html"], "cache-control": "no-cache", **headers(mount, visit.nonce)}
        return HTTPStatus.OK, sent, render(mount, visit, page.read_text()).encode()


def manifest(folder: Path = SDK) -> dict[str, str]:
    """The newest build of the snippet: name to integrity, and `version`."""
    newest: dict[str, Any] = json.loads(max(folder.glob("*/manifest.json"), key=_stamp).read_bytes())
    return {**newest["files"], "version": newest["version"]}


def _stamp(path: Path) -> int:
    return path.stat().st_mtime_ns


def _file(path: str) -> Path | None:
    """Bundles, and the pages' own scripts and styles."""
    folder, _, name = path.lstrip("/").rpartition("/")
    found = (BUILT if folder == "built" else PAGES / folder) / name
    inside = found.resolve().is_relative_to(BUILT if folder == "built" else PAGES)
    return found if inside and found.suffix in (".js", ".css") and found.is_file() else None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sites: Sites


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30
    server: _Server

    def do_GET(self) -> None:
        self._answer(posted=False)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer(posted=True)

    def _answer(self, *, posted: bool) -> None:
        status, fields, body = self.server.sites.page(self.path, posted=posted)
        self.send_response(status)
        for name, value in fields.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""
