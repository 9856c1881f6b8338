"""The event batch, twice: msgspec types for the hot path, Pydantic models for the public description.

`decode` is the fast way and says only yes or no; `explain` is the slow way, which names every bad place. A
property test holds both to the same verdict. Whatever PostgreSQL or JSON cannot hold is refused here, so that
nothing unstorable is ever acknowledged.
"""

import re
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticCustomError

from handrail_contracts import lenient_json, times
from handrail_contracts.lenient_json import depth_within, holds_surrogate, is_utf8, unkeepable
from handrail_contracts.problems import ProblemItem

MAX_BODY = 512 * 1024
MAX_EVENTS = 500
MAX_ID = 200
MAX_PROPERTIES = 16 * 1024
MAX_DEPTH = 8
MAX_URL = 8192
MAX_TOKEN = 4096
MAX_ERRORS = 1000
MAX_DROPPED = 1_000_000
# No JSON number grows more than this when written again ("1E15" -> "1000000000000000.0"), nothing else grows.
_GROWTH = 5

EVENT_ID_PATTERN = r"^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-7[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}\Z"
EVENT_TYPE_PATTERN = r"^[a-z][a-z0-9_]{0,63}\Z"
EVENT_TYPES = frozenset(
    {
        "page_view", "click", "change", "focus", "submit", "error", "visibility", "identify", "custom",
        "nudge_shown", "nudge_dismissed", "nudge_clicked", "nudge_completed", "nudge_target_missing",
        "user_message", "target_check",
    }
)  # fmt: skip
"""The types this version knows. Others are stored too: an older server must serve a newer snippet."""

_EVENT_ID = re.compile(EVENT_ID_PATTERN)
_EVENT_TYPE = re.compile(EVENT_TYPE_PATTERN)
_NUL_ESCAPE = b"\\u0000"
_BACKSLASH = ord("\\")
_DOTS = frozenset({".", ".."})

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID)]


def _nested(levels: int) -> Any:
    """JSON of so many levels as a type: the decoder finds what is deeper while it reads."""
    value: Any = None | bool | int | float | str
    for _ in range(levels):
        value = None | bool | int | float | str | list[value] | dict[str, value]
    return value


if TYPE_CHECKING:
    Properties = dict[str, Any]
else:
    Properties = dict[str, _nested(MAX_DEPTH - 1)]


class Target(msgspec.Struct, gc=False):
    """The element an event happened on."""

    selector: Annotated[str, msgspec.Meta(max_length=2048)] | None = None
    tag: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    role: Annotated[str, msgspec.Meta(max_length=100)] | None = None
    name: Annotated[str, msgspec.Meta(max_length=200)] | None = None


class Event(msgspec.Struct, gc=False):
    """One thing a user did."""

    event_id: Annotated[str, msgspec.Meta(pattern=EVENT_ID_PATTERN)]
    event_type: Annotated[str, msgspec.Meta(pattern=EVENT_TYPE_PATTERN)]
    user_id: Id
    session_id: Id
    timestamp: times.Rfc3339
    url: Annotated[str, msgspec.Meta(max_length=MAX_URL)] = ""
    target_element: Target | None = None
    properties: Properties = {}


class Context(msgspec.Struct, gc=False):
    """Where the batch comes from."""

    time_zone: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    locale: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    simulated: bool = False
    dropped: Annotated[int, msgspec.Meta(ge=0, le=MAX_DROPPED)] = 0


class Batch(msgspec.Struct, gc=False):
    """The body of `POST /api/v1/events`."""

    events: Annotated[list[Event], msgspec.Meta(min_length=1, max_length=MAX_EVENTS)]
    sent_at: times.Rfc3339 | None = None
    sdk_version: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN)] | None = None
    api_key: Annotated[str, msgspec.Meta(max_length=MAX_ID)] | None = None
    context: Context | None = None


_decoder = msgspec.json.Decoder(Batch)
encode = msgspec.json.encode


class Refused(Exception):
    """A batch that must not be acknowledged. `errors` names each bad place."""

    def __init__(self, errors: list[ProblemItem]) -> None:
        super().__init__(f"{len(errors)} places are wrong")
        self.errors = errors


def decode(body: bytes) -> Batch:
    """The batch in `body` (JSON). Raises Refused. This is the hot path: one pass for a good batch."""
    try:
        batch = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise explain(body, str(error)) from error
    if not _storable(batch, body):
        raise explain(body)
    return batch


def _storable(batch: Batch, body: bytes) -> bool:
    """What types alone do not say: UTF-8 everywhere, one user, times in range, size, NUL."""
    if not body.isascii() and not is_utf8(body):
        return False
    user_id = batch.events[0].user_id
    if user_id in _DOTS:
        return False
    earliest, latest = times.EPOCH, times.LATEST
    # Written out, for this runs for every event there is.
    for event in batch.events:
        if event.user_id != user_id or event.session_id in _DOTS or not earliest <= event.timestamp < latest:
            return False
    if len(body) * _GROWTH > MAX_PROPERTIES and not _are_small(batch.events):
        return False
    if batch.sent_at is not None and not times.in_range(batch.sent_at):
        return False
    # The escape may itself be escaped or stand in a field nobody keeps, so it only calls for the slow look.
    # Most bodies have no escape at all, which a search for one byte finds many times faster.
    return _BACKSLASH not in body or _NUL_ESCAPE not in body or not faults(lenient_json.read(body))


def _are_small(events: list[Event]) -> bool:
    """Whether the properties of each are small enough; most often those of all together are."""
    properties = [event.properties for event in events]
    return len(encode(properties)) <= MAX_PROPERTIES or all(len(encode(one)) <= MAX_PROPERTIES for one in properties)


def properties_fault(properties: dict[str, Any], *, measure: bool = True) -> str | None:
    """Why these properties cannot be taken, or None. `measure=False` where they are known to be small."""
    for value in properties.values():
        if isinstance(value, (dict, list)) and not depth_within(value, MAX_DEPTH - 1):
            return f"nested deeper than {MAX_DEPTH}"
    if measure and len(encode(properties)) > MAX_PROPERTIES:
        return f"larger than {MAX_PROPERTIES} bytes"
    return None


# --- the public models -------------------------------------------------------------------------------------


def _fail(message: str) -> PydanticCustomError:
    return PydanticCustomError("handrail", "{message}", {"message": message})


def _check_text(value: str) -> str:
    if fault := unkeepable(value):
        raise _fail(fault)
    return value


def _check_id(value: str) -> str:
    if value in _DOTS:
        raise _fail("must not be . or ..")
    return _check_text(value)


def _check_form(pattern: re.Pattern[str], wanted: str) -> AfterValidator:
    def check(value: str) -> str:
        if pattern.search(value) is None:
            raise _fail(wanted)
        return value

    return AfterValidator(check)


def _read_time(value: object) -> datetime:
    if not isinstance(value, str):
        raise _fail("an RFC 3339 time is wanted")
    try:
        read = times.parse(value)
    except ValueError as error:
        raise _fail(str(error)) from error
    if not times.in_range(read):
        raise _fail("must be from 1970 to 2100")
    return read


def _check_properties(value: dict[str, Any]) -> dict[str, Any]:
    fault = properties_fault(value, measure=False) or unkeepable(value) or properties_fault(value)
    if fault:
        raise _fail(fault)
    return value


Text = Annotated[str, AfterValidator(_check_text)]
PublicId = Annotated[str, Field(min_length=1, max_length=MAX_ID), AfterValidator(_check_id)]
PublicTime = Annotated[datetime, BeforeValidator(_read_time)]


class _Public(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class TargetModel(_Public):
    """The element an event happened on. Text of the page is never in here unless the tenant allows it."""

    selector: Text | None = Field(None, max_length=2048, description="CSS selector, unique in the page.")
    tag: Text | None = Field(None, max_length=100)
    role: Text | None = Field(None, max_length=100, description="ARIA role.")
    name: Text | None = Field(None, max_length=200, description="The value of data-hr-name.")


class EventModel(_Public):
    """One thing a user did."""

    event_id: Annotated[
        str,
        _check_form(_EVENT_ID, "a UUIDv7 is wanted"),
        Field(
            description="UUIDv7 made by the client; sent again unchanged.",
            json_schema_extra={"format": "uuid"},
        ),
    ]
    event_type: Annotated[
        str,
        _check_form(_EVENT_TYPE, "lower-case letters, digits and _ are wanted, at most 64"),
        Field(description="See the table of event types; others are stored too."),
    ]
    user_id: PublicId
    session_id: PublicId
    timestamp: PublicTime = Field(description="RFC 3339, from 1970 to 2100, by the client's clock.")
    url: Text = Field("", max_length=MAX_URL)
    target_element: TargetModel | None = None
    properties: Annotated[dict[str, Any], AfterValidator(_check_properties)] = Field(
        default_factory=dict, description="At most 16 KiB, at most 8 levels."
    )


class ContextModel(_Public):
    """Where the batch comes from."""

    time_zone: Text | None = Field(None, max_length=64, description="IANA name.")
    locale: Text | None = Field(None, max_length=64, description="BCP 47.")
    simulated: bool = False
    dropped: int = Field(
        0, ge=0, le=MAX_DROPPED, description="How many events the snippet had to give up since it last said so."
    )


class EventBatch(_Public):
    """The body of `POST /api/v1/events`: 1 to 500 events of one user, at most 512 KiB."""

    events: list[EventModel] = Field(min_length=1, max_length=MAX_EVENTS)
    sent_at: PublicTime | None = Field(None, description="RFC 3339; corrects the client's clock.")
    sdk_version: Text | None = Field(None, max_length=64)
    token: Text | None = Field(None, max_length=MAX_TOKEN, description="The user token from identify.")
    api_key: Text | None = Field(None, max_length=MAX_ID, description="Instead of the header X-API-Key.")
    context: ContextModel | None = None


def explain(body: bytes, hint: str = "") -> Refused:
    """Every reason why `body` is refused, as a Refused to raise. `hint` is used where none else is found."""
    try:
        if not is_utf8(body):
            return Refused([ProblemItem(loc=[], msg="not UTF-8")])
        value = lenient_json.read(body)
    except RecursionError:
        return Refused([ProblemItem(loc=[], msg="nested too deeply")])
    except msgspec.MsgspecError as error:
        return Refused([ProblemItem(loc=[], msg=f"not JSON that can be kept: {error}")])
    return Refused(faults(value) or [ProblemItem(loc=[], msg=f"not a batch of events: {hint}".rstrip(": "))])


def faults(value: object) -> list[ProblemItem]:
    """What is wrong with a decoded batch by the public models; empty where nothing is."""
    try:
        batch = EventBatch.model_validate(value)
    except ValidationError as error:
        return problem_items(error)
    strangers = [
        ProblemItem(loc=["events", at, "user_id"], msg="a batch holds the events of one user")
        for at, event in enumerate(batch.events)
        if event.user_id != batch.events[0].user_id
    ]
    return strangers or _unreadable(value)


def _unreadable(batch: Any) -> list[ProblemItem]:
    """Where a good batch has a lone surrogate in a field nobody keeps: such a body is no UTF-8 for anybody."""
    if not holds_surrogate(batch):
        return []
    msg = "must not hold a lone surrogate"
    named = [
        ProblemItem(loc=["events", at], msg=msg) for at, event in enumerate(batch["events"]) if holds_surrogate(event)
    ]
    return named or [ProblemItem(loc=[], msg=msg)]


def problem_items(error: ValidationError) -> list[ProblemItem]:
    """Pydantic's errors in the form of the problem body; the input itself is not repeated."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return [ProblemItem(loc=list(item["loc"]), msg=item["msg"]) for item in found[:MAX_ERRORS]]


def unknown_fields(body: bytes) -> int:
    """How many fields of a good batch this version does not know (a newer snippet sends them)."""
    value = lenient_json.read(body)
    count = len(value.keys() - _BATCH_FIELDS)
    if isinstance(context := value.get("context"), dict):
        count += len(context.keys() - _CONTEXT_FIELDS)
    for event in value["events"]:
        count += len(event.keys() - _EVENT_FIELDS)
        if isinstance(target := event.get("target_element"), dict):
            count += len(target.keys() - _TARGET_FIELDS)
    return count


# Asking a model for its fields costs more than the comparison.
_BATCH_FIELDS = EventBatch.model_fields.keys()
_CONTEXT_FIELDS = ContextModel.model_fields.keys()
_EVENT_FIELDS = EventModel.model_fields.keys()
_TARGET_FIELDS = TargetModel.model_fields.keys()
