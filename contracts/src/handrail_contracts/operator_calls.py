"""What the gateway asks of the operator by NATS request (subjects `operator.<verb>.<tenant>`).

The config and the keys have one home, and only the operator (on one machine: `handrail up`) may write there. The
answer is an OperatorReply: a value, or a problem to be passed on as it is.
"""

from typing import Any, Literal

import msgspec

from handrail_contracts.api_keys import KeyKind

VERB_CONFIG = "config"
VERB_HAND_BACK = "hand-back"
VERB_KEY_CREATE = "key-create"
VERB_KEY_REVOKE = "key-revoke"
VERB_DELETE = "delete"


class ConfigEdit(msgspec.Struct):
    """Change the spec. `if_match` is checked against the spec as the operator sees it."""

    mode: Literal["replace", "merge"]
    """`replace`: `body` is the whole spec. `merge`: a JSON merge patch (RFC 7396)."""
    body: dict[str, Any]
    if_match: str | None = None
    by: str = ""
    """Who asks, e.g. the key id; for the revision's history."""
    platform: bool = False
    """Whether platform fields may change."""
    take_over: bool = False
    """Whether fields that others own (Git, kubectl) may change; they are the dashboard's from then on."""


class HandBack(msgspec.Struct):
    """Give up what the dashboard owns of the spec; the values stay until another owner sets them."""

    fields: list[list[str | int]]
    """Places in the spec, with all that is below them; [] means all. An entry of a list goes by its index or its
    name, a value of a set by itself."""
    by: str = ""
    """As in ConfigEdit."""


class KeyCreate(msgspec.Struct):
    kind: KeyKind


class KeyRevoke(msgspec.Struct):
    key_id: str


class TenantDelete(msgspec.Struct):
    data: bool = False
    """Also destroy the tenant's data."""


class ReplyProblem(msgspec.Struct):
    code: str
    detail: str = ""
    errors: list[dict[str, Any]] = []


class OperatorReply(msgspec.Struct):
    """Either `value` or `problem`. The value of config: {"spec", "etag"}; of hand-back: {"fields"}, the places that
    were given up; of key-create: {"key_id", "kind", "created_at", "key"}."""

    value: dict[str, Any] | None = None
    problem: ReplyProblem | None = None


encode = msgspec.json.encode
_reply_decoder = msgspec.json.Decoder(OperatorReply)


def decode_reply(data: bytes) -> OperatorReply:
    """Raises msgspec.MsgspecError."""
    return _reply_decoder.decode(data)
