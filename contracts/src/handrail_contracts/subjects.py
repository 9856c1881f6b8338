"""NATS subjects, and how a user id gets into one.

A user id may hold `.`, `*`, `>` or spaces; put into a subject as it is, it would leak one user's nudges to
another. A subject therefore carries a digest, and the payload the id.
"""

from hashlib import sha256

EVENTS = "events.batch"
EVENTS_ALL = "events.>"
EVENTS_RETRY = "events.retry"
"""As `EVENTS`, for dead letters that somebody puts back."""
EVENTS_PROBE = "events.probe"
"""Holds nothing: ingest acknowledges it, and whoever sent it sees that events get through."""
SIGNALS_RESUME = "signals.resume"
"""A signal whose failed run is to be taken up again."""
SIGNALS_ALL = "signals.>"
NUDGES_ALL = "nudges.*"
WAKE_ALL = "wake.*"
OPERATOR_ALL = "operator.*.*"
SHARED_INBOX = "_INBOX"
"""Prefix of where answers went for every user of an account alike; each could hear what others were answered."""


def inbox(user: str) -> str:
    """Prefix of where answers to one user of an account go; never below `SHARED_INBOX`."""
    return f"{SHARED_INBOX}_{user}"


def user_token(user_id: str) -> str:
    """32 hexadecimal characters that stand for a user id within a tenant's account."""
    return sha256(user_id.encode()).hexdigest()[:32]


def signal(kind: str) -> str:
    return f"signals.{kind}"


def nudge(user_id: str) -> str:
    """Tenant's account, core NATS: there is something new for this user (payload: NudgeNotice)."""
    return f"nudges.{user_token(user_id)}"


def wake(tenant: str) -> str:
    """Platform's account, core NATS: this tenant is wanted."""
    return f"wake.{tenant}"


def operator(verb: str, tenant: str) -> str:
    """Platform's account, request and reply: what only the operator may do (see operator_calls)."""
    return f"operator.{verb}.{tenant}"
