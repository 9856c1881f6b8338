"""How an alert looks to people and to programs."""

import base64
import json
from datetime import UTC, datetime
from email import message_from_bytes, policy
from typing import Any
from uuid import UUID

import pytest
from standardwebhooks import Webhook

from handrail_contracts import webhook_secret
from handrail_runtime.agent.escalation import mail, slack, webhook
from handrail_runtime.agent.escalation.alert import Alert

AT = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
TEXT = """u is stuck at "New project" (First project).

What we think (84 % sure):
Clicked <Export> & nothing happened.

User: u"""
SECRET = "whsec_" + base64.b64encode(bytes(range(24))).decode()


def alert(subject: str = "Acme: u is stuck", text: str = TEXT, **more: Any) -> Alert:
    draft = {"subject": subject, "text": text, "reason": "nudges_did_not_help", "nudges": []} | more
    return Alert("acme", UUID(int=5), "webhook:support", "u", "s", "first-project/new", AT, draft)


def _mrkdwn(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def test_a_slack_message() -> None:
    assert slack.render(alert()) == {
        "text": "Acme: u is stuck",
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "header", "text": {"type": "plain_text", "text": "Acme: u is stuck"}},
            {"type": "section", "text": _mrkdwn('u is stuck at "New project" (First project).')},
            {
                "type": "section",
                "text": _mrkdwn("*What we think (84 % sure)*\nClicked &lt;Export&gt; &amp; nothing happened."),
            },
            {"type": "section", "text": _mrkdwn("User: u")},
            {
                "type": "context",
                "elements": [_mrkdwn("Handrail, escalation 00000000-0000-0000-0000-000000000005")],
            },
        ],
    }


@pytest.mark.parametrize(
    "said", ["<!channel>", "<!here|x>", "<@U123>", "<https://evil.test|click>", "&lt;!channel&gt;"]
)
def test_nothing_a_user_writes_pings_or_links(said: str) -> None:
    rendered = json.dumps(slack.render(alert(f"Acme: {said}", f"u asked for help.\n\n  {said}\n\n{said}:\n{said}")))
    for mark in ("<", ">"):
        assert mark not in rendered.replace('"> ', "")
    assert said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;") in rendered


@pytest.mark.parametrize("char", ["a", "&", "\n", "<", "💥", ":"])
def test_slacks_limits_are_kept_whatever_the_length(char: str) -> None:
    for text in (char * 9000, "\n\n".join([char * 40] * 200), f"  {char * 6000}", f"{char * 200}:\n{char * 6000}"):
        rendered = slack.render(alert(char * 5000, text))
        assert len(rendered["blocks"]) <= 50
        assert len(rendered["text"]) <= 4000
        for block in rendered["blocks"]:
            found = block["elements"][0] if block["type"] == "context" else block["text"]
            assert len(found["text"]) <= (150 if block["type"] == "header" else 3000)
            # No escape was cut.
            assert found["text"].count("&") == found["text"].count(";")


def test_the_json_webhook() -> None:
    assert json.loads(webhook.body(alert(), "json")) == {
        "type": "escalation.opened",
        "timestamp": "2026-11-02T12:00:00+00:00",
        "data": {
            "tenant": "acme",
            "escalation_id": "00000000-0000-0000-0000-000000000005",
            "user_id": "u",
            "session_id": "s",
            "stuck_point": "first-project/new",
            "subject": "Acme: u is stuck",
            "text": TEXT,
            "reason": "nudges_did_not_help",
            "nudges": [],
        },
    }


@pytest.mark.parametrize("secret", [SECRET, SECRET.removeprefix("whsec_"), f" {SECRET.rstrip('=')}\n"])
def test_a_signature_that_the_public_library_accepts(secret: str) -> None:
    content = webhook.body(alert(), "slack")
    first = webhook.headers(alert(), content, secret, datetime.now(UTC))
    assert Webhook(SECRET).verify(content, first)["text"] == "Acme: u is stuck"
    assert webhook.headers(alert(), content, secret, AT)["webhook-id"] == first["webhook-id"]


@pytest.mark.parametrize("secret", ["", "whsec_", "hush hush", "whsec_not/base64!", "c2hvcnQ="])
def test_a_secret_that_cannot_sign_is_told_without_it(secret: str) -> None:
    with pytest.raises(webhook_secret.BadSigningSecret) as caught:
        webhook.headers(alert(), b"{}", secret, AT)
    assert not secret.strip("whsec_") or secret not in str(caught.value)


def test_a_mail() -> None:
    message = message_from_bytes(mail.render(alert(), "handrail@acme.test", ["a@b.test", "c@d.test"]).as_bytes())
    assert dict(message.items()) == {
        "From": "Handrail <handrail@acme.test>",
        "To": "a@b.test, c@d.test",
        "Subject": "Acme: u is stuck",
        "Date": "Mon, 02 Nov 2026 12:00:00 +0000",
        "Message-ID": f"<{alert().message_id}@acme.test>",
        "Auto-Submitted": "auto-generated",
        "X-Handrail-Escalation": "00000000-0000-0000-0000-000000000005",
        "Content-Type": 'text/plain; charset="utf-8"',
        "Content-Transfer-Encoding": "7bit",
        "MIME-Version": "1.0",
    }
    assert (
        str(message.get_payload()).replace("\r\n", "\n")
        == f"{TEXT}\n\n-- \nHandrail, escalation 00000000-0000-0000-0000-000000000005\n"
    )


@pytest.mark.parametrize("breaker", ["\r\n", "\n", "\r", "\x0b", "\x85", "\u2028", "\r\n\r\n"])
def test_a_subject_begins_no_header(breaker: str) -> None:
    content = mail.render(alert(f"Acme: u{breaker}Bcc: evil@evil.test{breaker}is stuck"), "h@a.test", ["a@b.test"])
    message = message_from_bytes(content.as_bytes(), policy=policy.default)
    assert message["Bcc"] is None
    assert message["Subject"] == "Acme: u Bcc: evil@evil.test is stuck"


@pytest.mark.parametrize("address", ["a\n@b.test", "a@b.test\r\nBcc: c@d.test", '"@b.test', "a@[", "@b.test"])
def test_an_address_that_is_none(address: str) -> None:
    with pytest.raises(ValueError):
        mail.render(alert(), "h@a.test", [address])
