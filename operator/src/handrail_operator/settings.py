"""What the operator reads from its environment. Secrets are files in one folder."""

import os
import socket
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class MissingSecret(Exception):
    """A file that should stand in the secrets folder does not."""


class SecretInvalid(Exception):
    """A secret file holds something else."""


def check_address(name: str, text: str, *schemes: str) -> None:
    """Whether the text of a secret file is the URL of a server. Raises SecretInvalid, which does not quote it."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        wanted = f"{schemes[0]}://user:password@host:port"
        raise SecretInvalid(f"the secret file {name} holds no address such as {wanted}, percent-encoded")


class Settings(BaseSettings):
    """Environment variables HANDRAIL_…; the API server as kubectl finds it: KUBECONFIG, else the pod's account."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    namespace: str = Field("handrail", description="Namespace of the platform: Lease, keyrings.")
    identity: str = Field(
        default_factory=lambda: f"{socket.gethostname()}-{os.getpid()}", description="Name in the Lease."
    )
    installation: Path = Field(description="File with the plans, the runtime's image and the network.")
    secrets: Path = Field(
        description="Folder with platform.json, postgres-url, admin-redis-url; smtp-url where alerts go by mail; "
        "registries/NAME.json for each of the installation's pullSecrets."
    )
    nats_url: str = Field(
        "nats://127.0.0.1:4222",
        pattern=r"^(nats|tls)://[^\s/]+$",
        description="Address of NATS, for the operator and the tenants: nats:// or tls://.",
    )
    host: str = Field("127.0.0.1", description="Address of the probes and metrics.")
    port: int = Field(8080, ge=0, le=65535, description="Port of /livez, /readyz and /metrics; 0: any free one.")
    concurrency: int = Field(10, ge=1, le=200, description="Tenants worked on at once.")
    requests_per_second: float = Field(100, gt=0, description="Calls to the API server, over time.")
    requests_burst: int = Field(200, ge=1, description="Calls to the API server at once.")
    resync: float = Field(300, gt=0, description="Seconds after which a tenant that is well is looked at again.")
    first_retry: float = Field(5, gt=0, description="Seconds until a tenant that failed is tried again; then doubled.")
    longest_retry: float = Field(600, gt=0, description="Seconds between tries at most.")
    lease: str = Field("handrail-operator", description="Name of the Lease by which one operator leads.")
    lease_duration: float = Field(15, gt=0, description="Seconds a leader that is not heard of keeps the lead.")
    renew_deadline: float = Field(10, gt=0, description="Seconds of failing to renew after which it gives up.")
    retry_period: float = Field(2, gt=0, description="Seconds between tries to get or renew the Lease.")
    canary_every: float = Field(60, gt=0, description="Seconds between looks whether the watch still tells all.")
    deletion_timeout: float = Field(300, gt=0, description="Seconds a deletion waits for servers that are away.")
    fault_after: int = Field(0, ge=0, description="For tests: the process kills itself after so many API calls.")
    log_format: Literal["console", "json"] = Field("json", description="Lines for people or for machines.")

    @model_validator(mode="after")
    def _lease_in_order(self) -> "Settings":
        if not self.lease_duration > self.renew_deadline > self.retry_period:
            raise ValueError("lease_duration > renew_deadline > retry_period is wanted")
        return self

    @property
    def registries(self) -> Path:
        """Folder with a file for each of the installation's pullSecrets."""
        return self.secrets / "registries"

    def secret(self, name: str) -> str:
        """The text of one secret file. Raises MissingSecret."""
        try:
            return (self.secrets / name).read_text().strip()
        except OSError as error:
            raise MissingSecret(f"the secret file {name} is missing from HANDRAIL_SECRETS: {error.strerror}") from error

    def address(self, name: str, *schemes: str) -> str:
        """The URL of a server in a secret file. Raises MissingSecret, and SecretInvalid, which does not quote it."""
        text = self.secret(name)
        check_address(name, text, *schemes)
        return text

    def optional_secret(self, name: str) -> str:
        """As `secret`; nothing where there is no such file. One that cannot be read is no reason to go on without."""
        return self.secret(name) if (self.secrets / name).exists() else ""
