"""The path that users of most tests here are on."""

from typing import Any


def first_project(within: str = "2m") -> dict[str, Any]:
    """Over three steps to a form that is submitted. `within`: how soon users click the second one."""
    return {
        "name": "first-project",
        "success": {"event": "submit", "selector": "form#project"},
        "steps": [
            {"name": "open-projects", "event": "page_view", "path": "/projects"},
            {"name": "new-project", "event": "click", "selector": "#new-project", "within": within},
            {"name": "save", "event": "submit", "selector": "form#project", "within": "5m"},
        ],
    }
