"""One readable stream from many processes: each line says whose it is."""

import contextlib
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import IO, Any, Literal

LogFormat = Literal["console", "json"]
_WIDTH = 16
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)


class LogStream:
    """Writes to a terminal or a file. `on_closed`, where set, is called when nobody reads any more."""

    def __init__(self, log_format: LogFormat, out: IO[str] = sys.stdout) -> None:
        self._json = log_format == "json"
        self._out = out
        self._colour = log_format == "console" and out.isatty()
        self._names: dict[str, int] = {}
        self.on_closed: Callable[[], None] | None = None

    def line(self, process: str, text: str) -> None:
        """A line a child wrote."""
        if not self._json:
            self._write(f"{self._label(process)} | {text}")
            return
        with contextlib.suppress(ValueError):
            if isinstance(value := json.loads(text), dict):
                self._record({"process": process, **value})
                return
        self._record({"timestamp": _now(), "process": process, "level": "info", "event": text})

    def say(self, event: str, text: str | None = None, *, level: str = "info", **values: Any) -> None:
        """Our own word: `text` for people (None: the event itself), event and values for machines."""
        if self._json:
            self._record({"timestamp": _now(), "process": "handrail", "level": level, "event": event, **values})
        else:
            self._write(text if text is not None else event)

    def _label(self, process: str) -> str:
        number = self._names.setdefault(process, len(self._names))
        padded = process.ljust(_WIDTH)
        return f"\x1b[{_COLOURS[number % len(_COLOURS)]}m{padded}\x1b[0m" if self._colour else padded

    def _record(self, value: dict[str, Any]) -> None:
        self._write(json.dumps(value, ensure_ascii=False, default=str))

    def _write(self, text: str) -> None:
        try:
            self._out.write(text + "\n")
            self._out.flush()
        except (OSError, ValueError):
            # Nobody reads: `handrail up | head`. The platform has no business going on unseen.
            if self.on_closed is not None:
                self.on_closed()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
