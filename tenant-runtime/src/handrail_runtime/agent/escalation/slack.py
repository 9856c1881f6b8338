"""An alert as a Slack message. Pure.

Users write into alerts, so nothing of theirs may be read as markup that pings or links: `&`, `<` and `>` are escaped,
and Slack is told to look for no names and addresses in plain text.
"""

from typing import Any

from handrail_runtime.agent.escalation.alert import Alert

MOST_BLOCKS = 50
LONGEST_HEADER = 150
LONGEST_SECTION = 3000
LONGEST_TEXT = 4000
MOST_LINES = 200
_CUT = " …"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def render(alert: Alert) -> dict[str, Any]:
    """The body for an incoming webhook: blocks, and a text for notifications."""
    blocks: list[dict[str, Any]] = [
        {"type": "header", "text": {"type": "plain_text", "text": escape(alert.subject, LONGEST_HEADER)}}
    ]
    paragraphs = [part.strip("\n") for part in alert.text.split("\n\n")]
    blocks += [{"type": "section", "text": _text(_section(part))} for part in paragraphs if part]
    del blocks[MOST_BLOCKS - 1 :]
    footer = escape(f"Handrail, escalation {alert.escalation_id}", LONGEST_SECTION)
    blocks.append({"type": "context", "elements": [_text(footer)]})
    return {
        "text": escape(alert.subject, LONGEST_TEXT),
        "parse": "none",
        "link_names": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def escape(text: str, longest: int) -> str:
    """Text that Slack shows as it is, at most so long, and never cut within an escape."""
    parts: list[str] = []
    length = 0
    for char in text:
        part = _ENTITIES.get(char, char)
        if length + len(part) > longest - len(_CUT):
            rest = "".join(_ENTITIES.get(char, char) for char in text[len(parts) :][: longest + 1])
            return "".join(parts) + (rest if length + len(rest) <= longest else _CUT)
        parts.append(part)
        length += len(part)
    return "".join(parts)


def _text(text: str) -> dict[str, Any]:
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _section(paragraph: str) -> str:
    """A first line that ends with a colon is a heading; what is indented was said by the user."""
    first, newline, rest = paragraph.partition("\n")
    if newline and first.endswith(":") and not first.startswith(" "):
        return f"*{escape(first[:-1], LONGEST_HEADER)}*\n{escape(rest, LONGEST_SECTION - LONGEST_HEADER - 3)}"
    if first.startswith("  "):
        lines = escape("\n".join(line.strip() for line in paragraph.split("\n")), LONGEST_SECTION // 2).split("\n")
        return "\n".join(f"> {line}" for line in lines[:MOST_LINES])
    return escape(paragraph, LONGEST_SECTION)
