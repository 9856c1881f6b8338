"""What a user does with a nudge, as the events the snippet would send. Pure."""

from handrail_cli.simulate.personas import Reaction
from handrail_cli.simulate.walk import PlannedEvent
from handrail_contracts.nudges import Nudge


def react(reaction: Reaction, nudge: Nudge, path: str) -> list[PlannedEvent]:
    """Shown, then the reaction; `at` counts from the moment the nudge is shown."""
    about = {"nudge_id": nudge.nudge_id}
    shown = PlannedEvent(0.0, "nudge_shown", path, properties=dict(about))
    if reaction == "ignore":
        return [shown]
    action = next((each for each in nudge.actions if each.kind != "dismiss"), None)
    clicked = PlannedEvent(0.2, "nudge_clicked", path, properties={**about, "action_id": action.id if action else ""})
    if reaction == "complete" and nudge.target:
        return [
            shown,
            *([clicked] if action else []),
            PlannedEvent(0.4, "click", path, nudge.target, {"reacted": True}),
            PlannedEvent(0.4, "nudge_completed", path, nudge.target, dict(about)),
        ]
    if reaction in ("complete", "click") and action:
        return [shown, clicked]
    ending = next((each.id for each in nudge.actions if each.kind == "dismiss"), "")
    return [shown, PlannedEvent(0.2, "nudge_dismissed", path, properties={**about, "action_id": ending})]


def leave(path: str) -> PlannedEvent:
    """The tab is put away: from here on, silence means nothing."""
    return PlannedEvent(0.0, "visibility", path, properties={"state": "hidden"})
