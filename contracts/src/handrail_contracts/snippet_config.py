"""What the snippet may do, as it is told by `/sdk/v1/config` and the socket."""

from typing import Literal

from pydantic import BaseModel, Field

from handrail_contracts.targets import TargetRule, looked_for
from handrail_contracts.tenant_spec import TenantSpec


class CaptureRules(BaseModel):
    """What may be captured."""

    text: bool = Field(False, description="Text of elements and titles.")
    query_parameters: list[str] = Field(default_factory=list, description="Query parameters whose values may be kept.")


class Look(BaseModel):
    """How nudges look: the tenant's theme."""

    accent: str = Field("", description="#rrggbb, or empty for the default.")
    background: str = Field("", description="#rrggbb, or empty for the scheme's.")
    text: str = Field("", description="#rrggbb, or empty for what is best read.")
    scheme: Literal["auto", "light", "dark"] = "auto"
    radius: int = Field(12, description="Pixels.")
    position: Literal["end", "start"] = Field("end", description="Of the chat, along the line.")


class SnippetConfig(BaseModel):
    """Everything in here is public: any visitor can read it."""

    enabled: bool = Field(True, description="The kill switch: false stops capture, socket and nudges.")
    sample_rate: float = Field(1.0, ge=0, le=1, description="Share of users who are captured.")
    flush_interval_ms: int = Field(5000, description="Longest time an event waits in the browser.")
    flush_count: int = Field(10, description="Events that are sent at once.")
    identity_enforced: bool = True
    language: str = Field("en", description="BCP 47 tag of the user interface's own words.")
    capture: CaptureRules = Field(default_factory=CaptureRules)
    targets: list[TargetRule] = Field(default_factory=list, description="Elements to look for in the page.")
    target_share: float = Field(0.0, ge=0, le=1, description="Share of visits in which they are looked for.")
    theme: Look = Field(default_factory=Look)


def from_spec(spec: TenantSpec) -> SnippetConfig:
    return SnippetConfig(
        enabled=spec.snippet.enabled,
        sample_rate=spec.snippet.sample_percent / 100,
        identity_enforced=spec.identity.enforce,
        language=spec.tone.language,
        capture=CaptureRules(text=spec.privacy.capture_text, query_parameters=list(spec.privacy.query_parameters)),
        targets=looked_for(spec),
        target_share=spec.targets.share_percent / 100,
        theme=Look(**spec.theme.model_dump()),
    )
