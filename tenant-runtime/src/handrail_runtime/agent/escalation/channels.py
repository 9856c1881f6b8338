"""One attempt to deliver an alert over one channel. Whatever happens becomes a Result; no text of it holds a secret."""

import asyncio
import re
from collections.abc import Callable
from datetime import UTC, datetime

import aiosmtplib
import httpx2

from handrail_contracts.tenant_spec import Escalation, SecretRef, Webhook
from handrail_contracts.webhook_secret import BadSigningSecret
from handrail_runtime import mail_server, retry_after
from handrail_runtime.agent.escalation import mail, retries, webhook
from handrail_runtime.agent.escalation.alert import Alert
from handrail_runtime.agent.escalation.retries import Result
from handrail_runtime.outbound import Guard, OutboundRefused
from handrail_runtime.settings import MissingSecret

LIMIT = 20.0
"""Seconds for one attempt."""
LONGEST_ANSWER = 64 * 1024
EMAIL = "email"
_WEBHOOK = "webhook:"
_WORDS = re.compile(r"[a-zA-Z_ ]{1,60}")
"""An answer's text that may be kept, such as Slack's `invalid_payload`."""


def wanted(escalation: Escalation) -> list[str]:
    """The channels every alert goes to."""
    return [*(f"{_WEBHOOK}{hook.name}" for hook in escalation.webhooks), *([EMAIL] if escalation.email.to else [])]


def kind(channel: str, escalation: Escalation) -> str:
    """slack, json or email; gone where the config has no such channel any more."""
    if channel == EMAIL:
        return EMAIL
    hook = _hook(channel, escalation)
    return hook.format if hook else "gone"


def _hook(channel: str, escalation: Escalation) -> Webhook | None:
    name = channel.removeprefix(_WEBHOOK)
    return next((hook for hook in escalation.webhooks if hook.name == name), None)


class Channels:
    """`secret` gives a reference's value or raises MissingSecret. `smtp_url`: the platform's mail server, if any."""

    def __init__(self, guard: Guard, secret: Callable[[SecretRef], str], smtp_url: str, mail_from: str) -> None:
        self._secret = secret
        self._client = guard.http_client(timeout=LIMIT, body_limit=LONGEST_ANSWER)
        self._mail_server = mail_server.parse(smtp_url) if smtp_url else None
        self._mail_from = mail_from

    async def aclose(self) -> None:
        await self._client.aclose()

    async def send(self, alert: Alert, escalation: Escalation) -> Result:
        """One attempt. The config counts as it is now."""
        if alert.channel == EMAIL:
            if not escalation.email.to:
                return Result("refused", error="the config names nobody to write to any more")
            return await self._mail(alert, escalation.email.to)
        hook = _hook(alert.channel, escalation)
        if hook is None:
            return Result("refused", error="the config has no such webhook any more")
        try:
            return await self._post(alert, hook)
        except _Unset as error:
            return Result("waiting", error=str(error))

    def _value(self, reference: SecretRef) -> str:
        try:
            value = self._secret(reference)
        except MissingSecret:
            value = ""
        if not value:
            raise _Unset(f"the Secret {reference.name} has no value for the key {reference.key} yet")
        return value

    async def _post(self, alert: Alert, hook: Webhook) -> Result:
        now = datetime.now(UTC)
        url = self._value(hook.url_secret_ref)
        signing = self._value(hook.signing_secret_ref) if hook.signing_secret_ref else None
        content = webhook.body(alert, hook.format)
        try:
            headers = webhook.headers(alert, content, signing, now)
            async with (
                asyncio.timeout(LIMIT + 5),
                self._client.stream("POST", url, content=content, headers=headers) as answer,
            ):
                said = await _beginning(answer)
        except (OutboundRefused, BadSigningSecret) as error:
            return Result("refused", error=str(error))
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, ValueError):
            ref = hook.url_secret_ref
            return Result("refused", error=f"the Secret {ref.name} holds no https:// address under {ref.key}")
        except (TimeoutError, httpx2.TimeoutException):
            return Result("failed", error="no answer in time")
        except httpx2.ConnectError as error:
            return Result("failed", error=f"no connection: {str(error)[:200]}")
        except httpx2.HTTPError as error:
            return Result("failed", error=f"the answer broke off ({type(error).__name__})")
        wait = retry_after.seconds(answer.headers.get("retry-after"), now)
        return retries.of_status(answer.status_code, wait, said)

    async def _mail(self, alert: Alert, to: list[str]) -> Result:
        server = self._mail_server
        if server is None:
            return Result("waiting", error="the platform has no mail server (HANDRAIL_SMTP_URL)")
        try:
            message = mail.render(alert, self._mail_from, to)
        except ValueError as error:
            return Result("refused", error=f"an address is none: {error}")
        try:
            async with asyncio.timeout(LIMIT):
                refused, said = await aiosmtplib.send(
                    message,
                    sender=self._mail_from,
                    recipients=to,
                    hostname=server.host,
                    port=server.port,
                    use_tls=server.tls,
                    start_tls=server.start_tls,
                    username=server.username,
                    password=server.password,
                    timeout=LIMIT,
                )
        except aiosmtplib.SMTPAuthenticationError as error:
            return Result("failed", error.code, "the mail server refused the platform's login")
        except aiosmtplib.SMTPRecipientsRefused as error:
            return _answered([(one.code, one.message) for one in error.recipients])
        except aiosmtplib.SMTPResponseException as error:
            return _answered([(error.code, error.message)])
        except (TimeoutError, aiosmtplib.SMTPTimeoutError):
            return Result("failed", error="the mail server did not answer in time")
        except (OSError, aiosmtplib.SMTPException) as error:
            return Result("failed", error=f"no connection to the mail server: {str(error)[:200]}")
        code = int(said[:3]) if said[:3].isdigit() else 250
        return Result("delivered", code, f"not taken for {', '.join(sorted(refused))}" if refused else "")


class _Unset(Exception):
    """Something must be set up first."""


async def _beginning(answer: httpx2.Response) -> str:
    """A short plain text, if the answer is one; its end is not waited for where the status says enough."""
    if answer.is_success:
        return ""
    found = (await answer.aread()).decode(errors="replace").strip()
    return found if _WORDS.fullmatch(found) else ""


def _answered(answers: list[tuple[int, str]]) -> Result:
    """What the mail server said to all of it: worth another attempt where any code says for now."""
    code, said = min(answers)
    outcome: retries.Outcome = "failed" if code < 500 else "refused"
    return Result(outcome, code, f"the mail server answered {code}: {' '.join(said.split())[:200]}")
