"""What a runtime process reads from its environment. Secrets are files in one folder."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from handrail_contracts import names
from handrail_contracts.outbound_policy import Allowed
from handrail_contracts.tenant_spec import SecretRef
from handrail_runtime import mail_server


class Settings(BaseSettings):
    """Environment variables HANDRAIL_…"""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    tenant: str = Field(pattern=names.TENANT_NAME_PATTERN, description="Name of the tenant this process serves.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(0, ge=0, le=65535, description="Port of probes, metrics, API and link; 0: any free one.")
    nats_url: str = Field("nats://127.0.0.1:4222", description="Address of NATS.")
    secrets: Path = Field(description="Folder with the files of secrets.")
    redis_prefix: str = Field("", description="Prefix of every Redis key of this tenant.")
    outbound_allowed: str = Field(
        "",
        description="Hosts, host:port and networks (CIDR), by commas, that webhooks and models may be reached at, "
        "although they are private, such as on-premises ones.",
    )
    smtp_url: str = Field(
        "", description="Mail server of the platform: smtp://, smtps:// or smtp+starttls://host:port; empty: no mail."
    )
    mail_from: str = Field("handrail@localhost", description="Sender of the platform's mail.")
    fault_after: int = Field(0, ge=0, description="For tests: the process kills itself after so many effects.")
    log_format: Literal["console", "json"] = Field("console", description="Lines for people or for machines.")

    @field_validator("outbound_allowed")
    @classmethod
    def _readable_list(cls, value: str) -> str:
        Allowed.parse(value)
        return value

    @field_validator("smtp_url")
    @classmethod
    def _readable_server(cls, value: str) -> str:
        if value:
            mail_server.parse(value)
        return value

    @field_validator("mail_from")
    @classmethod
    def _an_address(cls, value: str) -> str:
        return mail_server.address(value)

    def secret(self, name: str) -> str:
        """The text of one secret file. Raises MissingSecret."""
        path = self.secrets / name
        try:
            return path.read_text().strip()
        except OSError as error:
            raise MissingSecret(f"the secret file {name} is missing from HANDRAIL_SECRETS: {error.strerror}") from error

    def secret_ref(self, reference: SecretRef) -> str:
        """The value a secret reference means now: read anew each time, for it is replaced in place. Raises
        MissingSecret."""
        return self.secret(names.secret_ref_file(reference.name, reference.key))


class MissingSecret(Exception):
    """A file that should stand in the secrets folder does not."""
