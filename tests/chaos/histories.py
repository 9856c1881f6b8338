"""What users do: numbered, and such that the platform's answer to it is known beforehand."""

from typing import Any

from tests.chaos.crowd import Batch

BATCHES = 6
PER_BATCH = 5
RAGE_IN = 2
"""The batch in which a user hammers on a button."""

SPEC: dict[str, Any] = {
    "origins": ["https://app.test"],
    "baselines": [
        {
            "name": "first-project",
            "success": {"event": "submit", "selector": "form#project"},
            "steps": [
                {"name": "open-projects", "event": "page_view", "path": "/projects"},
                {"name": "new-project", "event": "click", "selector": "#new-project"},
            ],
        }
    ],
    "detectors": {name: {"enabled": False} for name in
                  ("inactivity", "deadClick", "backAndForth", "repeatedError", "offBaseline")},
}  # fmt: skip
"""One detector, which looks at nothing but the events' own times: how long the platform was away changes nothing."""

SIGNALS = {"rage_click": 1}
"""Of each user."""


def numbered(number: int) -> list[Batch]:
    """Page views, and once a burst of clicks on one element."""
    del number
    return [_views(at) if at != RAGE_IN else _clicks(at) for at in range(BATCHES)]


def _views(batch: int) -> Batch:
    return [
        {
            "event_type": "page_view",
            "timestamp": (at - PER_BATCH) * 0.05,
            "url": "https://app.test/projects",
            "properties": {"title": f"{batch}.{at}"},
        }
        for at in range(PER_BATCH)
    ]


def _clicks(batch: int) -> Batch:
    return [
        {
            "event_type": "click",
            "timestamp": (at - PER_BATCH) * 0.15,
            "url": "https://app.test/projects",
            "target_element": {"selector": "#settings-icon", "tag": "button"},
            "properties": {"reacted": True, "number": f"{batch}.{at}"},
        }
        for at in range(PER_BATCH)
    ]
