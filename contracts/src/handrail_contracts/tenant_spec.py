"""The tenant as its owner describes it: `OnboardingTenant`, its spec with defaults and bounds.

The same models serve `handrail up`, the API, the custom resource and the runtime. Every list and text is bounded,
so that a spec stays small; every field has a description with its unit.
"""

import re
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic.alias_generators import to_camel

from handrail_contracts import names
from handrail_contracts.durations import Long, Medium, Short
from handrail_contracts.lenient_json import has_surrogate

MAX_REPLICAS = 50
PLATFORM_FIELDS = ("plan", "runtime", "suspend", "deletionPolicy")
"""Top-level fields that a tenant's key or login may not change."""

_HOST = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
"""As a browser writes it: names in ASCII (xn--... for others), IPv6 in brackets, which are off here."""
_PORT = r"(:([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?"
_ORIGIN = rf"^(\*|https?://([a-z0-9._-]+|\[[0-9a-f:.]*:[0-9a-f:.]*\]){_PORT})$"
_AMOUNT = r"^(1000000(\.0{1,2})?|[0-9]{1,6}(\.[0-9]{1,2})?)$"
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Sentence = Annotated[str, Field(max_length=1000)]


def _rule(rule: str, message: str) -> dict[str, Any]:
    """What a validator of a model checks, for the API server (CEL)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message}]}


def _keys(*names: str) -> dict[str, Any]:
    """A list of objects that are told apart by these fields: each writer owns its own (server-side apply)."""
    return {_LIST_TYPE: "map", _MAP_KEYS: list(names)}


_LIST_TYPE = "x-kubernetes-list-type"
_MAP_KEYS = "x-kubernetes-list-map-keys"
_SET: dict[str, Any] = {_LIST_TYPE: "set"}
_UNREACHABLE = "nudges.maxPerStuckPoint must not be below afterNudges: escalation would never be reached"


def _refuse_twice(values: list[Any], keys: Any) -> None:
    found = [tuple(getattr(value, key) for key in keys) if keys else (value,) for value in values]
    if twice := sorted({entry for entry in found if found.count(entry) > 1}):
        what = "/".join(keys) if keys else "entry"
        raise ValueError(
            f"each {what} must be unique; twice: {', '.join('/'.join(map(str, entry)) for entry in twice)}"
        )


class _Model(BaseModel):
    # Strict, as the API server is with the same file: "false" is no boolean, 300 no duration, "7" no number.
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, strict=True)

    @field_validator("*")
    @classmethod
    def _nothing_twice(cls, value: Any, info: ValidationInfo) -> Any:
        """What a list's schema says of its entries."""
        extra = cls.model_fields[info.field_name or ""].json_schema_extra
        if isinstance(extra, dict) and _LIST_TYPE in extra:
            _refuse_twice(value, extra.get(_MAP_KEYS))
        return value


def _seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def check_origin(value: str) -> str:
    """Exactly `scheme://host[:port]`, as a browser sends it, or `*`."""
    if value == "*":
        return value
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise ValueError("an origin like https://app.example.com is wanted") from error
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else parts.hostname
    exact = f"{parts.scheme}://{host}" + (f":{port}" if port is not None else "")
    host_fits = _HOST.fullmatch(parts.hostname or "") is not None
    if parts.scheme not in ("http", "https") or not host_fits or value != exact:
        raise ValueError(
            "an origin like https://app.example.com is wanted, exactly scheme://host[:port], in lower case"
        )
    return value


Origin = Annotated[str, Field(max_length=300, json_schema_extra={"pattern": _ORIGIN}), AfterValidator(check_origin)]


class Tone(_Model):
    """How nudges sound."""

    voice: Literal["friendly", "formal", "playful", "concise"] = Field(
        "friendly", description="The voice of every nudge."
    )
    language: str = Field(
        "en",
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$",
        max_length=35,
        description="BCP 47 tag of the language nudges are written in.",
    )
    instructions: str = Field("", max_length=4000, description="Words to use and to avoid, in plain language.")


class Step(_Model):
    """One step on the path of users who succeeded."""

    name: Name = Field(description="Unique within its baseline.")
    event: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Type of the event that completes the step.")
    path: str = Field("", max_length=1000, description="Path of the page, exact or with * for one part; empty: any.")
    selector: str = Field("", max_length=1000, description="CSS selector of the element; empty: any.")
    within: Medium | None = Field(
        None, description="Time users usually need since the step before; a duration like 2m."
    )


class Success(_Model):
    """What ends a baseline well."""

    event: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$", description="Type of the event that means success.")
    path: str = Field("", max_length=1000, description="Path of the page, exact or with * for one part; empty: any.")
    selector: str = Field("", max_length=1000, description="CSS selector of the element; empty: any.")


class Baseline(_Model):
    """A path that users who succeeded took."""

    name: Name = Field(description="Unique within the tenant.")
    success: Success = Field(description="The event that ends the path well.")
    steps: list[Step] = Field(
        default_factory=list, max_length=50, description="In order.", json_schema_extra=_keys("name")
    )


class _Detector(_Model):
    enabled: bool = Field(True, description="false switches this detector off.")


class Inactivity(_Detector):
    """Nothing happens although the page is open."""

    after: Medium = Field(_seconds(60), description="Time without an event; a duration like 60s.")


class RageClick(_Detector):
    """The same place is clicked again and again, fast."""

    count: int = Field(4, ge=2, le=50, description="Clicks on one element.")
    within: Short = Field(_seconds(1), description="Time in which they fall; a duration like 1s.")


class DeadClick(_Detector):
    """Clicks after which nothing changes."""

    count: int = Field(3, ge=1, le=50, description="Clicks without a reaction on one page.")
    within: Short = Field(_seconds(10), description="Time in which they fall; a duration like 10s.")


class BackAndForth(_Detector):
    """The user goes between the same two pages."""

    times: int = Field(3, ge=2, le=50, description="Returns to a page just left.")
    within: Medium = Field(_seconds(60), description="Time in which they fall; a duration like 60s.")


class RepeatedError(_Detector):
    """The same kind of error comes again."""

    count: int = Field(3, ge=2, le=50, description="Errors of one kind on one page.")
    within: Medium = Field(_seconds(300), description="Time in which they fall; a duration like 5m.")


class OffBaseline(_Detector):
    """Active, but the next step of a begun baseline does not come."""

    after: Medium = Field(
        _seconds(180),
        description="Time since the last step reached, beyond its `within`; a duration like 3m.",
    )


class Detectors(_Model):
    """What is looked for. Each may be switched off."""

    inactivity: Inactivity = Field(default_factory=Inactivity)
    rage_click: RageClick = Field(default_factory=RageClick)
    dead_click: DeadClick = Field(default_factory=DeadClick)
    back_and_forth: BackAndForth = Field(default_factory=BackAndForth)
    repeated_error: RepeatedError = Field(default_factory=RepeatedError)
    off_baseline: OffBaseline = Field(default_factory=OffBaseline)


class AttentionBudget(_Model):
    """How often a user may be spoken to at all."""

    nudges: int = Field(5, ge=0, le=1000, description="Nudges of any kind for one user.")
    per: Long = Field(timedelta(hours=24), description="In this time; a duration like 24h.")


class Nudges(_Model):
    """When a nudge may be sent."""

    confidence_threshold: float = Field(0.6, ge=0, le=1, description="A diagnosis below this ends the run (0 to 1).")
    max_per_stuck_point: int = Field(
        3, ge=0, le=100, description="Nudges to one user at one stuck point; then escalation takes over."
    )
    cooldown: Long = Field(_seconds(300), description="Least time between two nudges to one user; a duration like 5m.")
    attention_budget: AttentionBudget = Field(default_factory=AttentionBudget)
    holdout_percent: float = Field(
        0, ge=0, le=50, description="Share of users who get no nudge, to measure uplift (percent)."
    )
    expires_after: Long = Field(
        timedelta(minutes=30), description="A nudge not shown by then is dropped; a duration like 30m."
    )


class SecretRef(_Model):
    """A value in a Secret of the tenant's own namespace, labelled handrail.dev/use: tenant."""

    name: str = Field(pattern=r"^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$", description="Name of the Secret.")
    key: str = Field(
        # Each key becomes a file's name: neither `.` nor `..`, nor what begins with `..`, as Kubernetes has it, too.
        pattern=r"^\.?[-_a-zA-Z0-9][-._a-zA-Z0-9]*$",
        max_length=253,
        description="Key within the Secret.",
    )


class Webhook(_Model):
    """Where an alert is posted."""

    name: Name = Field(description="Unique within the tenant.")
    format: Literal["slack", "json"] = Field("json", description="Body of the request.")
    url_secret_ref: SecretRef = Field(description="Holds the address.")
    signing_secret_ref: SecretRef | None = Field(None, description="Holds the Standard Webhooks signing secret.")


class Email(_Model):
    """Who is written to."""

    to: list[Annotated[str, Field(pattern=r"^[^@\s,;<>]+@[^@\s,;<>]+$", max_length=254)]] = Field(
        default_factory=list, max_length=20, description="Addresses.", json_schema_extra=_SET
    )


class Escalation(_Model):
    """When and where a human is alerted."""

    after_nudges: int = Field(
        3,
        ge=0,
        le=100,
        description="Nudges at one stuck point without completion after which the next trigger escalates.",
    )
    webhooks: list[Webhook] = Field(
        default_factory=list, max_length=10, description="Each gets every alert.", json_schema_extra=_keys("name")
    )
    email: Email = Field(default_factory=Email)


def _money(value: Decimal) -> str:
    return f"{value:.2f}"


def _read_money(value: object) -> object:
    """Money is a text: a number of YAML or JSON would be rounded before it is seen."""
    if isinstance(value, Decimal):
        return value
    if not isinstance(value, str) or not re.fullmatch(_AMOUNT, value):
        raise ValueError('an amount from "0" to "1000000" is wanted, such as "50.00", in quotes')
    return Decimal(value)


class Llm(_Model):
    """Who writes the nudges."""

    provider: Literal["rules", "openai"] = Field(
        "rules", description="rules needs no key; openai is any compatible endpoint."
    )
    model: str = Field("", max_length=200, description="Name of the model; empty: the provider's default.")
    base_url: str = Field(
        "",
        alias="baseURL",
        max_length=1000,
        pattern=r"^(https?://\S+)?$",
        description="Address of a compatible endpoint; empty: the provider's own.",
    )
    api_key_secret_ref: SecretRef | None = Field(None, description="Holds the API key.")
    monthly_budget: Annotated[Decimal, BeforeValidator(_read_money), PlainSerializer(_money, return_type=str)] = Field(
        Decimal("50.00"),
        ge=0,
        le=1_000_000,
        decimal_places=2,
        description="US dollars a month.",
        json_schema_extra={"type": "string", "pattern": _AMOUNT},
    )
    on_failure: Literal["none", "rules"] = Field(
        "none", description="What happens when the provider fails or the budget is spent."
    )


class Privacy(_Model):
    """What is captured and how long it is kept."""

    capture_text: bool = Field(False, description="Whether the text of elements and titles may be sent.")
    query_parameters: list[Annotated[str, Field(min_length=1, max_length=100)]] = Field(
        default_factory=list,
        max_length=50,
        description="Query parameters whose values may be kept.",
        json_schema_extra=_SET,
    )
    retention_days: int = Field(90, ge=1, le=3650, description="Days after which events go.")


class Identity(_Model):
    """How users who are not anonymous prove who they are."""

    enforce: bool = Field(True, description="Whether a named user needs a signed identity token.")
    signing_secret_refs: list[SecretRef] = Field(
        default_factory=list,
        max_length=5,
        description="Several are live at once, for rotation; none: the platform makes one.",
        json_schema_extra=_keys("name", "key"),
    )


class Replicas(_Model):
    """How many run."""

    model_config = ConfigDict(
        json_schema_extra=_rule("self.maxReplicas >= self.replicas", "maxReplicas must not be below replicas")
    )

    replicas: int = Field(1, ge=0, le=MAX_REPLICAS, description="At least this many.")
    max_replicas: int = Field(1, ge=1, le=MAX_REPLICAS, description="At most this many, by load.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.max_replicas < self.replicas:
            raise ValueError("maxReplicas must not be below replicas")
        return self


class Runtime(_Model):
    """Size of each role."""

    ingest: Replicas = Field(default_factory=Replicas)
    agent: Replicas = Field(default_factory=Replicas)
    realtime: Replicas = Field(default_factory=Replicas)


class TenantSpec(_Model):
    """A tenant's spec: everything its owner decides."""

    model_config = ConfigDict(
        json_schema_extra=_rule("self.nudges.maxPerStuckPoint >= self.escalation.afterNudges", _UNREACHABLE)
    )

    display_name: str = Field(min_length=1, max_length=200, description="Name for people.")
    plan: Name = Field("standard", description="One of the platform's plans.")
    origins: list[Origin] = Field(
        min_length=1,
        max_length=50,
        description="Origins whose pages may use the publishable key; * in local mode only.",
        json_schema_extra=_SET,
    )
    tone: Tone = Field(default_factory=Tone)
    baselines: list[Baseline] = Field(
        default_factory=list,
        max_length=20,
        description="Paths of users who succeeded.",
        json_schema_extra=_keys("name"),
    )
    detectors: Detectors = Field(default_factory=Detectors)
    nudges: Nudges = Field(default_factory=Nudges)
    escalation: Escalation = Field(default_factory=Escalation, validate_default=True)
    llm: Llm = Field(default_factory=Llm)
    privacy: Privacy = Field(default_factory=Privacy)
    identity: Identity = Field(default_factory=Identity)
    runtime: Runtime = Field(default_factory=Runtime)
    suspend: bool = Field(False, description="true stops the runtime; events are still taken.")
    deletion_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="What happens to the data when the tenant is deleted."
    )

    @model_validator(mode="before")
    @classmethod
    def _no_nul(cls, value: Any) -> Any:
        _refuse_nul(value)
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


def _refuse_nul(value: Any) -> None:
    """NUL and lone surrogates can be kept nowhere behind this door."""
    if isinstance(value, str):
        if "\0" in value or has_surrogate(value):
            raise ValueError("texts must hold neither NUL nor lone surrogates")
    elif isinstance(value, dict):
        for key, child in value.items():
            _refuse_nul(key)
            _refuse_nul(child)
    elif isinstance(value, list):
        for child in value:
            _refuse_nul(child)


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
