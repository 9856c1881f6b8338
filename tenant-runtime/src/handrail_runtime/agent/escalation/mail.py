"""An alert as a mail. Pure."""

from collections.abc import Sequence
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from handrail_runtime.agent.escalation.alert import Alert

LONGEST_SUBJECT = 200


def render(alert: Alert, sender: str, to: Sequence[str]) -> EmailMessage:
    """Plain text. The id is the same at every attempt. Raises ValueError for an address that is none."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Handrail", addr_spec=sender)
    message["To"] = tuple(_address(address) for address in to)
    message["Subject"] = _line(alert.subject)[:LONGEST_SUBJECT]
    message["Date"] = format_datetime(alert.created_at)
    message["Message-ID"] = f"<{alert.message_id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Handrail-Escalation"] = str(alert.escalation_id)
    message.set_content(f"{_printable(alert.text)}\n\n-- \nHandrail, escalation {alert.escalation_id}\n")
    return message


def _address(text: str) -> Address:
    try:
        return Address(addr_spec=text)
    except (MessageError, IndexError, AttributeError):  # the parser fails in many ways
        raise ValueError(f"{text!r} is no mail address") from None


def _line(text: str) -> str:
    """No control character begins another header."""
    return " ".join(_printable(text).split())


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() or char == "\n" else " " for char in text)
