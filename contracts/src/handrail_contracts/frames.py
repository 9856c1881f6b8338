"""Socket frames: JSON text between the platform and a browser."""

from typing import Annotated, Any, Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from handrail_contracts.nudges import Nudge
from handrail_contracts.snippet_config import SnippetConfig

MAX_FRAME = 4096
"""Bytes of a frame from the browser; more closes with 4413."""
PING_EVERY = 20.0
"""Seconds between the server's pings; two unanswered close with 4408."""

SUBPROTOCOL = "handrail.v1"
KEY_PROTOCOL = "key."
TOKEN_PROTOCOL = "tok."  # noqa: S105 - a prefix

CLOSE_TOKEN = 4401
CLOSE_FORBIDDEN = 4403
CLOSE_PING = 4408
CLOSE_TOO_MANY = 4409
CLOSE_TOO_LARGE = 4413
CLOSE_TOO_FAST = 4429
CLOSE_RESTART = 1012


class _Frame(BaseModel):
    model_config = ConfigDict(extra="ignore")


class Hello(_Frame):
    """First of all. `seq` is the user's last one and is not consumed."""

    type: Literal["hello"] = "hello"
    seq: int
    config: SnippetConfig


class NudgeFrame(_Frame):
    """Something to show; comes again until it is acknowledged or expires."""

    type: Literal["nudge"] = "nudge"
    seq: int
    nudge: Nudge


class MessageFrame(_Frame):
    """Something said to the user."""

    type: Literal["message"] = "message"
    seq: int
    message_id: str
    text: str
    sender: Literal["agent", "human"] = Field(alias="from")
    in_reply_to: str | None = None


class ConfigFrame(_Frame):
    """The snippet's config changed."""

    type: Literal["config"] = "config"
    seq: int
    config: SnippetConfig


ServerFrame = Annotated[Hello | NudgeFrame | MessageFrame | ConfigFrame, Field(discriminator="type")]


class Ack(msgspec.Struct, tag="ack", tag_field="type"):
    """Displayed, or given up; ends it on all devices."""

    seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class Resume(msgspec.Struct, tag="resume", tag_field="type"):
    """Send what is unacknowledged above this."""

    last_seq: Annotated[int, msgspec.Meta(ge=0, le=2**53)]


_client_decoder: msgspec.json.Decoder[Ack | Resume] = msgspec.json.Decoder(Ack | Resume)


def decode_client(text: str) -> Ack | Resume:
    """A frame from a browser. Raises msgspec.MsgspecError."""
    return _client_decoder.decode(text)


class AckFrame(_Frame):
    """The public form of `Ack`."""

    type: Literal["ack"] = "ack"
    seq: int = Field(ge=0, le=2**53)


class ResumeFrame(_Frame):
    """The public form of `Resume`."""

    type: Literal["resume"] = "resume"
    last_seq: int = Field(ge=0, le=2**53)


ClientFrame = Annotated[AckFrame | ResumeFrame, Field(discriminator="type")]
SERVER_FRAME: TypeAdapter[Any] = TypeAdapter(ServerFrame)
CLIENT_FRAME: TypeAdapter[Any] = TypeAdapter(ClientFrame)
