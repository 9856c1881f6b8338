"""The mail server as its address names it. Pure."""

from dataclasses import dataclass, field
from email.errors import MessageError
from email.headerregistry import Address
from urllib.parse import unquote, urlsplit

_PORTS = {"smtp": 25, "smtps": 465, "smtp+starttls": 587}


@dataclass(frozen=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    tls: bool
    """From the first byte."""
    start_tls: bool
    username: str | None = None
    password: str | None = field(default=None, repr=False)


def parse(url: str) -> MailServer:
    """From `smtp://`, `smtps://` or `smtp+starttls://[user:password@]host[:port]`. Raises ValueError, which never
    holds the address. A password is never said in clear: with one, `smtp://` insists on STARTTLS too."""
    wrong = "a mail server is wanted as smtp://host:port, smtps://host:port or smtp+starttls://host:port"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError(wrong) from None
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError(wrong)
    return MailServer(
        parts.hostname,
        port or _PORTS[parts.scheme],
        tls=parts.scheme == "smtps",
        start_tls=parts.scheme == "smtp+starttls" or (parts.scheme == "smtp" and bool(parts.username)),
        username=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


def address(text: str) -> str:
    """A sender's address as it is. Raises ValueError where it is none."""
    try:
        found = Address(addr_spec=text)
    except (ValueError, IndexError, AttributeError, MessageError):
        found = None
    if found is None or not found.domain:
        raise ValueError("a mail address is wanted, like handrail@example.com")
    return text
