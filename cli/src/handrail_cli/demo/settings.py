"""What the demo reads from its environment."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Environment variables HANDRAIL_..."""

    model_config = SettingsConfigDict(env_prefix="HANDRAIL_", extra="ignore")

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8090, ge=0, le=65535, description="Port to listen on; 0: any free one.")
    demo_config: Path = Field(description="JSON file with the gateway's address and each tenant's publishable key.")
