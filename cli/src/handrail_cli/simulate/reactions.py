"""What a user does with a nudge, as the events the snippet would send. Pure."""

from handrail_cli.simulate.personas import Reaction
from handrail_cli.simulate.walk import PlannedEvent
from handrail_contracts.nudges import Nudge


def react(reaction: Reaction, nudge: Nudge, path: str) -> list[PlannedEvent]:
    """Shown, then the reaction; `at` counts from the moment the nudge is shown."""
    shown = _told(0.0, "nudge_shown", nudge, path)
    if reaction == "ignore":
        return [shown]
    if reaction == "complete" and nudge.target:
        used = PlannedEvent(0.4, "click", path, nudge.target, {"reacted": True})
        return [shown, used, _told(0.4, "nudge_completed", nudge, path)]
    if reaction != "dismiss" and nudge.actions:
        # A pressed button is a click, whatever it does.
        action = next((each for each in nudge.actions if each.kind != "dismiss"), nudge.actions[0])
        pressed = _told(0.2, "nudge_clicked", nudge, path, action_id=action.id)
        closed = _told(0.2, "nudge_dismissed", nudge, path, action_id=action.id)
        return [shown, pressed, closed] if action.kind == "dismiss" else [shown, pressed]
    return [shown, _told(0.2, "nudge_dismissed", nudge, path)]


def _told(at: float, event_type: str, nudge: Nudge, path: str, **more: str) -> PlannedEvent:
    return PlannedEvent(at, event_type, path, properties={"nudge_id": nudge.nudge_id, **more})


def leave(path: str) -> PlannedEvent:
    """The tab is put away: from here on, silence means nothing."""
    return PlannedEvent(0.0, "visibility", path, properties={"state": "hidden"})
