"""The neighbour's server: its bundle, a config with everything optional switched off, and a sink for its events."""

import gzip
import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.browser.sites.pages import BUILT

from handrail_cli.embedded.ports import free_port

KEY = "phc_bench"
_CONFIG = json.dumps(
    {
        "token": KEY,
        "supportedCompression": ["gzip-js"],
        "autocapture_opt_out": False,
        "sessionRecording": False,
        "surveys": False,
        "heatmaps": False,
        "capturePerformance": False,
        "autocaptureExceptions": False,
        "captureDeadClicks": False,
        "siteApps": [],
        "hasFeatureFlags": False,
        "flags": {},
        "featureFlags": {},
        "featureFlagPayloads": {},
        "defaultIdentifiedOnly": True,
    }
)
_CONFIG_SCRIPT = f"(window._POSTHOG_REMOTE_CONFIG ??= {{}}).{KEY} = {{config: {_CONFIG}, siteApps: []}}"


def markup(origin: str) -> str:
    """For a page's head, as the docs of the package have it."""
    options = {
        "key": KEY,
        "api_host": origin,
        "defaults": "2026-01-30",
        "person_profiles": "identified_only",
        # A further script, which the page would ask for whatever the config says.
        "disable_surveys": True,
        # It leaves out what it takes for a robot; this is its own switch for tests.
        "opt_out_useragent_filter": True,
    }
    return (
        f'<script type="application/json" id="posthog-options">{json.dumps(options)}</script>'
        f'<script type="module" nonce="{{{{nonce}}}}" src="{origin}/built/posthog.js"></script>'
    )


class Sink:
    """`clicks`: of autocapture, as they came in."""

    def __init__(self) -> None:
        self.port = free_port(set())
        self.events: list[dict[str, Any]] = []
        self.unread: list[str] = []
        """Posts whose bodies could not be read."""
        self._server = _Server(("127.0.0.1", self.port), _Handler)
        self._server.sink = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def clicks(self) -> int:
        return sum(
            event.get("event") == "$autocapture" and event["properties"].get("$event_type") == "click"
            for event in self.events
        )

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def take(self, path: str, body: bytes) -> None:
        if "/flags" in path or "/decide" in path:
            return
        try:
            data = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            found = json.loads(data)
            self.events += found if isinstance(found, list) else found.get("batch", [found])
        except (ValueError, OSError) as error:
            self.unread.append(f"{path} {error!r} {body[:80]!r}")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sink: Sink


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        path = urllib.parse.urlsplit(self.path).path
        bundle = BUILT / path.rpartition("/")[2]
        if path.startswith("/built/") and bundle.is_file():
            self._send(200, gzip.compress(bundle.read_bytes(), 9), "text/javascript", zipped=True)
        elif path.endswith("config"):
            self._send(200, _CONFIG.encode())
        elif path.endswith("config.js"):
            self._send(200, _CONFIG_SCRIPT.encode(), "text/javascript")
        else:
            self._send(404, b"")

    def do_POST(self) -> None:
        self.server.sink.take(self.path, self.rfile.read(int(self.headers.get("content-length", 0))))
        self._send(200, _CONFIG.encode() if "/flags" in self.path else b'{"status":1}')

    def do_OPTIONS(self) -> None:
        self._send(204, b"")

    def _send(self, status: int, body: bytes, media_type: str = "application/json", *, zipped: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        # As from its own edge: kept by the browser.
        self.send_header("cache-control", "public, max-age=3600" if zipped else "no-store")
        if zipped:
            self.send_header("content-encoding", "gzip")
        self.send_header("access-control-allow-origin", "*")
        self.send_header("access-control-allow-headers", "content-type")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        """Says nothing."""
