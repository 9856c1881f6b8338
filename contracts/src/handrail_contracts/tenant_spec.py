"""The tenant as its owner describes it: `OnboardingTenant`, its spec with defaults and bounds.

The same models serve `handrail up`, the API, the custom resource and the runtime. Every list and text is bounded,
so that a spec stays small; every field has a description with its unit.
"""

from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from handrail_contracts import names, patterns
from handrail_contracts.baselines import Baseline
from handrail_contracts.detectors import Detectors
from handrail_contracts.durations import Long
from handrail_contracts.spec_fields import (
    SET,
    Money,
    Name,
    Origin,
    StrictModel,
    refuse_nul,
    rule,
    told_apart_by,
)

MAX_REPLICAS = 50
PLATFORM_FIELDS = ("plan", "runtime", "suspend", "deletionPolicy")
"""Top-level fields that a tenant's key or login may not change."""

_UNREACHABLE = "nudges.maxPerStuckPoint must not be below afterNudges: escalation would never be reached"


class Tone(StrictModel):
    """How nudges sound."""

    voice: Literal["friendly", "formal", "playful", "concise"] = Field(
        "friendly", description="The voice of every nudge."
    )
    language: str = Field(
        "en",
        pattern=patterns.LANGUAGE,
        max_length=35,
        description="BCP 47 tag of the language nudges are written in.",
    )
    instructions: str = Field("", max_length=4000, description="Words to use and to avoid, in plain language.")


class AttentionBudget(StrictModel):
    """How often a user may be spoken to at all."""

    nudges: int = Field(5, ge=0, le=1000, description="Nudges of any kind for one user.")
    per: Long = Field(timedelta(hours=24), description="In this time; a duration like 24h.")


class Nudges(StrictModel):
    """When a nudge may be sent."""

    confidence_threshold: float = Field(0.6, ge=0, le=1, description="A diagnosis below this ends the run (0 to 1).")
    max_per_stuck_point: int = Field(
        3, ge=0, le=100, description="Nudges to one user at one stuck point; then escalation takes over."
    )
    cooldown: Long = Field(
        timedelta(minutes=5), description="Least time between two nudges to one user; a duration like 5m."
    )
    attention_budget: AttentionBudget = Field(default_factory=AttentionBudget)
    holdout_percent: float = Field(
        0, ge=0, le=50, description="Share of users who get no nudge, to measure uplift (percent)."
    )
    expires_after: Long = Field(
        timedelta(minutes=30), description="A nudge not shown by then is dropped; a duration like 30m."
    )


Colour = Annotated[str, Field(max_length=7, pattern=patterns.COLOUR)]
"""`#rrggbb`, or empty for the default."""


class Theme(StrictModel):
    """How nudges look. Whatever is given, texts stay readable: a colour too close to what it stands on gives way."""

    accent: Colour = Field("#4f46e5", description="Buttons and links, as #rrggbb; empty: the default.")
    background: Colour = Field("", description="Behind texts, as #rrggbb; empty: white, or dark on dark pages.")
    text: Colour = Field("", description="Texts, as #rrggbb; empty: what is best read on the background.")
    scheme: Literal["auto", "light", "dark"] = Field("auto", description="auto follows the page.")
    radius: int = Field(12, ge=0, le=24, description="Of corners, in pixels.")
    position: Literal["end", "start"] = Field(
        "end", description="The lower corner the chat stands in: where lines end (right, in English) or start."
    )


class SecretRef(StrictModel):
    """A value in a Secret of the tenant's own namespace, labelled handrail.dev/use: tenant."""

    name: str = Field(pattern=patterns.SECRET_NAME, max_length=253, description="Name of the Secret.")
    key: str = Field(
        pattern=patterns.SECRET_KEY,
        max_length=253,
        description="Key within the Secret.",
    )


class Webhook(StrictModel):
    """Where an alert is posted."""

    name: Name = Field(description="Unique within the tenant.")
    format: Literal["slack", "json"] = Field("json", description="Body of the request.")
    url_secret_ref: SecretRef = Field(description="Holds the address.")
    signing_secret_ref: SecretRef | None = Field(None, description="Holds the Standard Webhooks signing secret.")


class Email(StrictModel):
    """Who is written to."""

    to: list[Annotated[str, Field(pattern=patterns.EMAIL, max_length=254)]] = Field(
        default_factory=list, max_length=20, description="Addresses.", json_schema_extra=SET
    )


class Escalation(StrictModel):
    """When and where a human is alerted."""

    after_nudges: int = Field(
        3,
        ge=0,
        le=100,
        description="Nudges at one stuck point without completion after which the next trigger escalates.",
    )
    webhooks: list[Webhook] = Field(
        default_factory=list,
        max_length=10,
        description="Each gets every alert.",
        json_schema_extra=told_apart_by("name"),
    )
    email: Email = Field(default_factory=Email)


class Llm(StrictModel):
    """Who writes the nudges."""

    provider: Literal["rules", "openai"] = Field(
        "rules", description="rules needs no key; openai is any compatible endpoint."
    )
    model: str = Field("", max_length=200, description="Name of the model; empty: the provider's default.")
    base_url: str = Field(
        "",
        alias="baseURL",
        max_length=1000,
        pattern=patterns.ADDRESS,
        description="Address of a compatible endpoint; empty: the provider's own.",
    )
    api_key_secret_ref: SecretRef | None = Field(None, description="Holds the API key.")
    monthly_budget: Money = Field(
        Decimal("50.00"),
        ge=0,
        le=1_000_000,
        decimal_places=2,
        description="US dollars a month.",
        json_schema_extra={"type": "string", "pattern": patterns.AMOUNT, "maxLength": 10},
    )
    on_failure: Literal["none", "rules"] = Field(
        "none", description="What happens when the provider fails or the budget is spent."
    )


class Privacy(StrictModel):
    """What is captured and how long it is kept."""

    capture_text: bool = Field(False, description="Whether the text of elements and titles may be sent.")
    query_parameters: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list,
        max_length=50,
        description="Query parameters whose values may be kept.",
        json_schema_extra=SET,
    )
    retention_days: int = Field(90, ge=1, le=3650, description="Days after which events go.")


class Snippet(StrictModel):
    """What runs in the pages at all."""

    enabled: bool = Field(True, description="false stops capture, sockets and nudges in open pages within seconds.")
    sample_percent: float = Field(
        100,
        ge=0,
        le=100,
        description="Share of visitors who are captured and helped (percent), always the same ones.",
    )


class Targets(StrictModel):
    """Looking in the pages for the elements that baselines name, so that a renamed one is noticed."""

    share_percent: float = Field(
        20, ge=0, le=100, description="Share of visits in which browsers look (percent); 0 switches it off."
    )


class Identity(StrictModel):
    """How users who are not anonymous prove who they are."""

    enforce: bool = Field(True, description="Whether a named user needs a signed identity token.")
    signing_secret_refs: list[SecretRef] = Field(
        default_factory=list,
        max_length=5,
        description="Several are live at once, for rotation; none: the platform makes one.",
        json_schema_extra=told_apart_by("name", "key"),
    )


class Replicas(StrictModel):
    """How many run."""

    model_config = ConfigDict(
        json_schema_extra=rule("self.maxReplicas >= self.replicas", "maxReplicas must not be below replicas")
    )

    replicas: int = Field(1, ge=0, le=MAX_REPLICAS, description="At least this many.")
    max_replicas: int = Field(1, ge=1, le=MAX_REPLICAS, description="At most this many, by load.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_replicas < self.replicas:
            raise ValueError("maxReplicas must not be below replicas")
        return self


class Runtime(StrictModel):
    """Size of each role."""

    ingest: Replicas = Field(default_factory=Replicas)
    agent: Replicas = Field(default_factory=Replicas)
    realtime: Replicas = Field(default_factory=Replicas)


class TenantSpec(StrictModel):
    """A tenant's spec: everything its owner decides."""

    model_config = ConfigDict(
        json_schema_extra=rule("self.nudges.maxPerStuckPoint >= self.escalation.afterNudges", _UNREACHABLE)
    )

    display_name: str = Field(min_length=1, max_length=200, description="Name for people.")
    plan: Name = Field("standard", description="One of the platform's plans.")
    origins: list[Origin] = Field(
        min_length=1,
        max_length=50,
        description="Origins whose pages may use the publishable key; * in local mode only.",
        json_schema_extra=SET,
    )
    tone: Tone = Field(default_factory=Tone)
    baselines: list[Baseline] = Field(
        default_factory=list,
        max_length=20,
        description="Paths of users who succeeded.",
        json_schema_extra=told_apart_by("name"),
    )
    detectors: Detectors = Field(default_factory=Detectors)
    nudges: Nudges = Field(default_factory=Nudges)
    theme: Theme = Field(default_factory=Theme)
    escalation: Escalation = Field(default_factory=Escalation, validate_default=True)
    llm: Llm = Field(default_factory=Llm)
    privacy: Privacy = Field(default_factory=Privacy)
    snippet: Snippet = Field(default_factory=Snippet)
    targets: Targets = Field(default_factory=Targets)
    identity: Identity = Field(default_factory=Identity)
    runtime: Runtime = Field(default_factory=Runtime)
    suspend: bool = Field(False, description="true stops the runtime; events are still taken.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to the data when the tenant is deleted."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        refuse_nul(value)
        return value

    @field_validator("escalation")
    @classmethod
    def _escalation_reachable(cls, value: Escalation, info: ValidationInfo) -> Escalation:
        nudges = info.data.get("nudges")
        if nudges is not None and nudges.max_per_stuck_point < value.after_nudges:
            raise ValueError(_UNREACHABLE)
        return value

    def dump(self) -> dict[str, Any]:
        """The spec as JSON values under its public names, defaults included, absent references left out."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    def etag(self) -> str:
        """A strong entity tag: the same for the same spec everywhere, quotes included."""
        canonical = self.model_dump_json(by_alias=True, exclude_none=True)
        return f'"{sha256(canonical.encode()).hexdigest()[:32]}"'


class Metadata(BaseModel):
    """The part of Kubernetes' object metadata that Handrail reads."""

    model_config = ConfigDict(extra="ignore")

    name: str = Field(pattern=names.TENANT_NAME_PATTERN, description="The tenant's id.")
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class OnboardingTenant(BaseModel):
    """The whole document."""

    model_config = ConfigDict(populate_by_name=True, extra="forbid")

    api_version: Literal["handrail.dev/v1alpha1"] = Field(alias="apiVersion")
    kind: Literal["OnboardingTenant"]
    metadata: Metadata
    spec: TenantSpec
    status: dict[str, Any] | None = None
