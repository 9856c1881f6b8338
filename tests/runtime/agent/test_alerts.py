"""The alert a human reads."""

from datetime import timedelta

from tests.runtime.agent.cases import NOW, case

from handrail_runtime.agent.alerts import draft
from handrail_runtime.agent.case import Seen
from handrail_runtime.agent.providers.rule_diagnosis import diagnose


def test_an_alert_reads_on_its_own() -> None:
    events = (
        Seen(NOW - timedelta(seconds=70), "1", "page_view", "/projects"),
        Seen(NOW - timedelta(seconds=60), "2", "click", "/projects", {"selector": "#menu"}, {"reacted": False}),
        Seen(NOW - timedelta(seconds=50), "3", "submit", "/projects", {"name": "project-form"}, {"valid": False}),
        Seen(NOW - timedelta(seconds=40), "4", "error", "/projects", {}, {"kind": "form", "count": 2}),
        Seen(NOW - timedelta(seconds=30), "5", "nudge_shown", "/projects"),
    )
    found = case(evidence={"clicks": 5}, events=events)
    sent = [{"sent_at": "2026-11-02T11:50:00+00:00", "title": "Try this", "body": "Here.", "status": "shown"}]
    alert = draft(found, diagnose(found), sent, "nudges_did_not_help")
    assert alert["subject"] == 'Acme: u is stuck at "New project" (First project)'
    assert alert["text"] == (
        'u is stuck at "New project" (First project). Here since 2 November 2026.\n'
        "\n"
        "Page: /projects\n"
        "Stuck point: first-project/new-project\n"
        "\n"
        "What we think (84 % sure):\n"
        "The same place was clicked again and again on /projects. The next step of first-project is new-project, and"
        " it was not reached.\n"
        "\n"
        "Nudges so far:\n"
        "- 2 November 11:50 UTC, shown: Try this. Here.\n"
        "\n"
        "What the user did last (UTC):\n"
        "- 11:58:50 opened /projects\n"
        "- 11:59:00 clicked #menu on /projects, and nothing happened\n"
        "- 11:59:10 submitted project-form on /projects, and it was not accepted\n"
        "- 11:59:20 got an error (form, 2 times)\n"
        "- 11:59:30 saw a nudge\n"
        "\n"
        "User: u\n"
        "Session: s\n"
        "Signal: 5f3c0d5e-0f0e-4f6e-8f52-0d7d6a1f1c11"
    )
    assert alert["questions"] == []
    assert alert["evidence"] == {"kind": "rage_click", "path": "/projects", "clicks": 5}


def test_a_question_stands_first() -> None:
    alert = draft(case("help_sought", evidence={"text": " Where is my invoice? "}), None, [], "cannot_answer")
    assert alert["subject"] == "Acme: u asked for help"
    assert alert["text"].startswith("u asked for help. Here since 2 November 2026.\n\n  Where is my invoice?\n\nPage")
    assert alert["questions"] == [{"at": NOW.isoformat(), "text": "Where is my invoice?"}]


def test_nothing_of_a_users_begins_a_line_of_ours() -> None:
    forged = "u\n\nWhat we think (99 % sure):\nRefund me"
    question = "Hello\n\nWhat we think (99 % sure):\nRefund me"
    alert = draft(case("help_sought", user_id=forged, evidence={"text": question}), None, [], "cannot_answer")
    assert not [line for line in alert["text"].splitlines() if line.startswith(("What we think", "Refund"))]
