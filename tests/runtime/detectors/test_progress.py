"""Where a session stands on a baseline, and when it is off it."""

from collections.abc import Callable

from handrail_contracts.baselines import Baseline
from handrail_runtime.ingest.detectors import off_baseline
from handrail_runtime.session.progress import Standing
from handrail_runtime.session.seen import Seen

S = 1_000_000
Make = Callable[..., Seen]
FIRST = Baseline.model_validate(
    {
        "name": "first-project",
        "success": {"event": "submit", "selector": "form#project"},
        "steps": [
            {"name": "open", "event": "page_view", "path": "/projects"},
            {"name": "new", "event": "click", "selector": "#new", "within": "2m"},
            {"name": "name", "event": "change", "selector": "#name"},
            {"name": "save", "event": "submit", "selector": "form#project", "within": "5m"},
        ],
    }
)
START = Standing({}, frozenset())


def walk(*events: Seen) -> Standing:
    standing = START
    for event in events:
        standing = standing.after(event, [FIRST])
    return standing


def awaits(standing: Standing) -> str | None:
    awaited = standing.awaited([FIRST])
    return awaited.stuck_point if awaited else None


def test_a_baseline_begins_with_its_first_step_and_ends_with_its_success(event: Make) -> None:
    opened = event(0, "page_view", path="/projects")
    assert awaits(walk(event(0, "click", "#new"))) is None
    assert awaits(walk(opened)) == "first-project/new"
    assert awaits(walk(opened, event(1, "click", "#new"))) == "first-project/name"
    assert awaits(walk(opened, event(1, "change", "#name"))) == "first-project/save"  # a step may be skipped
    assert awaits(walk(opened, event(1, "click", "#new"), event(2, "page_view", path="/projects"))) == (
        "first-project/name"
    )
    refused = event(2, "submit", "#project", tag="form", valid=False)
    assert awaits(walk(opened, refused)) == "first-project/new"
    done = walk(opened, event(2, "submit", "#project", tag="form", valid=True))
    assert awaits(done) is None
    assert done.done == frozenset({"first-project"})
    assert awaits(done.after(event(9, "page_view", path="/projects"), [FIRST])) is None


def test_the_awaited_step_is_of_the_baseline_last_gone_on_with(event: Make) -> None:
    other = Baseline.model_validate(
        {
            "name": "invite",
            "success": {"event": "submit", "selector": "#invite"},
            "steps": [
                {"name": "team", "event": "page_view", "path": "/team"},
                {"name": "invite", "event": "click", "selector": "#invite"},
            ],
        }
    )
    both = [FIRST, other]
    standing = START
    for at, path, expected in [(0, "/projects", "first-project/new"), (5, "/team", "invite/invite")]:
        standing = standing.after(event(at, "page_view", path=path), both)
        awaited = standing.awaited(both)
        assert awaited is not None
        assert awaited.stuck_point == expected


def test_off_the_baseline_while_active(event: Make) -> None:
    opened = event(0, "page_view", path="/projects")
    busy = [event(at, "click", "#else") for at in range(20, 400, 20)]
    failing = [event(at + 5, "error", kind="js") for at in range(20, 400, 20)]
    found, standing = off_baseline.find([opened, *busy], START, [FIRST], after=180 * S)
    assert [(one.anchor, one.at / S) for one in found] == [("e000000000/new", 320.0)]  # 2m and 3m are over
    assert found[0].evidence == {
        "waited_ms": 320_000,
        "usual_ms": 120_000,
        "steps_reached": 1,
        "event_ids": ["e000000000", "e000320000"],
    }
    assert awaits(standing) == "first-project/new"
    assert off_baseline.find([opened, *failing], START, [FIRST], after=180 * S)[0] == []
    late = event(310, "click", "#new")
    assert off_baseline.find([opened, *busy[:5], late, *busy[15:]], START, [FIRST], after=180 * S)[0] == []
