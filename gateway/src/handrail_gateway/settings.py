"""What the gateway reads from its environment. Secrets are files in one folder."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from handrail_contracts import frames

Networks = tuple[IPv4Network | IPv6Network, ...]


class Settings(BaseSettings):
    """Environment variables HANDRAIL_..."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on; `::`: all of them, IPv4 and IPv6.")
    port: int = Field(8080, ge=0, le=65535, description="Port of the public door; 0: any free one.")
    admin_port: int | None = Field(
        None, ge=0, le=65535, description="Port of /metrics and /docs. Unset: the public one, in local mode only."
    )
    nats_url: str = Field("nats://127.0.0.1:4222", description="Address of NATS.")
    secrets: Path = Field(Path("secrets"), description="Folder with the files of secrets.")
    local: bool = Field(False, description="Local mode: everything runs on this machine.")
    trusted_proxies: Annotated[Networks, NoDecode] = Field(
        (), description="Addresses or networks, by comma, whose X-Forwarded-For is believed."
    )
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")

    publish_timeout: float = Field(5.0, gt=0, description="Seconds to wait for the stream's acknowledgement.")
    connect_timeout: float = Field(2.0, gt=0, description="Seconds a batch waits for a connection to its tenant.")
    queue_bytes: int = Field(
        16 * 1024 * 1024, ge=1024 * 1024, description="Bytes of batches of one tenant that may wait for the stream."
    )
    work_requests: int = Field(
        4000, ge=100, description="Batches of all tenants in work at once; one tenant alone gets half of it."
    )
    work_bytes: int = Field(
        256 * 1024 * 1024, ge=4 * 1024 * 1024, description="Bytes of them; one tenant alone gets half of it."
    )
    connections_per_address: int | None = Field(
        None, ge=1, description="Open connections of one address, but for trusted proxies [1000; local mode: no bound]."
    )
    head_timeout: float = Field(20.0, gt=0, description="Seconds a request's headers may take to come.")
    body_timeout: float = Field(60.0, gt=0, description="Seconds a request's body may take to come.")
    idle_after: float = Field(300.0, gt=0, description="Seconds after which an unused tenant's connection is closed.")
    ping_every: float = Field(frames.PING_EVERY, gt=0, description="Seconds between pings on a browser's socket.")
    nats_grace: float = Field(10.0, gt=0, description="Seconds NATS may be away before /readyz says 503.")
    relist_every: float = Field(
        30.0, gt=0, description="Seconds between looks whether a change of the tenants was missed."
    )
    key_use_every: float = Field(60.0, gt=0, description="Least seconds between two notes of a key's use.")
    operator_timeout: float = Field(10.0, gt=0, description="Seconds to wait for the operator's answer.")
    relay_timeout: float = Field(30.0, gt=0, description="Seconds to wait for a tenant's realtime.")
    graceful_timeout: int = Field(3, ge=1, le=60, description="Seconds that open requests get when the process ends.")
    sdk_folder: Path = Field(
        Path(__file__).parent / "static" / "sdk", description="Folder with the built snippet, one folder a version."
    )

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _read_networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(ip_network(part.strip(), strict=False) for part in value.split(",") if part.strip())

    def secret(self, name: str) -> bytes:
        """The content of one secret file. Raises MissingSecret."""
        try:
            return (self.secrets / name).read_bytes()
        except OSError as error:
            raise MissingSecret(
                f"the secret file {name} cannot be read from HANDRAIL_SECRETS: {error.strerror}"
            ) from error


class MissingSecret(Exception):
    """A file that should stand in the secrets folder does not."""


def describe() -> str:
    """The variables as `--help` shows them."""
    lines = ["environment variables:"]
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True, validated_data={})
        shown = "" if default in (None, ()) or name == "sdk_folder" else f" [{default}]"
        lines.append(f"  HANDRAIL_{name.upper()}{shown}\n      {field.description}")
    return "\n".join(lines)
