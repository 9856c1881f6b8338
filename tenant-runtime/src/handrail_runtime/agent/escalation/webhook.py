"""The request that tells of an alert: its body, and its headers by the Standard Webhooks specification. Pure."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from standardwebhooks import Webhook

from handrail_contracts import webhook_secret
from handrail_runtime.agent.escalation import slack
from handrail_runtime.agent.escalation.alert import Alert

TYPE = "escalation.opened"


def body(alert: Alert, form: Literal["slack", "json"]) -> bytes:
    return msgspec.json.encode(slack.render(alert) if form == "slack" else render(alert))


def render(alert: Alert) -> dict[str, Any]:
    """`{type, timestamp, data}`; `data` is the escalation with all that its draft holds."""
    data = {
        "tenant": alert.tenant,
        "escalation_id": str(alert.escalation_id),
        "user_id": alert.user_id,
        "session_id": alert.session_id,
        "stuck_point": alert.stuck_point,
    }
    return {"type": TYPE, "timestamp": alert.created_at.isoformat(), "data": data | alert.draft}


def headers(alert: Alert, content: bytes, secret: str | None, now: datetime) -> dict[str, str]:
    """The id is the same at every attempt, the time is the attempt's. Raises BadSigningSecret."""
    found = {"Content-Type": "application/json", "User-Agent": "Handrail", "webhook-id": str(alert.message_id)}
    found["webhook-timestamp"] = str(int(now.timestamp()))
    if secret is not None:
        signer = Webhook(webhook_secret.key(secret))
        found["webhook-signature"] = signer.sign(str(alert.message_id), now.astimezone(UTC), content.decode())
    return found
