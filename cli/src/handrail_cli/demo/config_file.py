"""Which tenants there are: a JSON file that `handrail up` writes, read again when it changed."""

from pathlib import Path

import msgspec
import structlog

log = structlog.get_logger()


class DemoTenant(msgspec.Struct, frozen=True):
    publishable_key: str
    display_name: str


class DemoConfig(msgspec.Struct, frozen=True):
    gateway: str = ""
    """Address of the gateway as browsers see it."""
    tenants: dict[str, DemoTenant] = {}


_decoder = msgspec.json.Decoder(DemoConfig)


class ConfigFile:
    """The file's newest good content. A missing or half-written one leaves what was."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self._config = DemoConfig()

    def read(self) -> DemoConfig:
        try:
            stat = self._path.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp != self._stamp:
                self._config = _decoder.decode(self._path.read_bytes())
                self._stamp = stamp
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("the demo's config cannot be read", error=str(error))
        return self._config
