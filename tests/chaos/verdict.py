"""What stands in a tenant's database, held against what its users did and saw."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import asyncpg
from tests.chaos.crowd import Ledger

IN_FLIGHT = timedelta(seconds=2)
"""A frame may have been on its way while the acknowledgement of another was written."""


@dataclass
class Verdict:
    """Counts, and what is wrong: empty lists are what is wanted."""

    accepted: int = 0
    stored: int = 0
    lost: list[str] = field(default_factory=list)
    """Event ids that got 202 and are nowhere."""
    foreign: list[str] = field(default_factory=list)
    """Stored events that none of these users ever sent."""
    dead_letters: int = 0
    failed_runs: int = 0
    signals: Counter[tuple[str, str]] = field(default_factory=Counter)
    """(user, kind) -> how many."""
    unpublished: int = 0
    undecided: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Outcome and reason of the decisions."""
    nudges: int = 0
    shown: int = 0
    twice: list[str] = field(default_factory=list)
    """Nudges that came again after the platform knew that they had been shown."""
    unshown: list[str] = field(default_factory=list)
    """Pending nudges whose users did not see them."""

    @property
    def settled(self) -> bool:
        """Whether nothing is on its way any more."""
        return not (self.lost or self.unpublished or self.undecided or self.unshown)

    def kinds(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for (_, kind), count in self.signals.items():
            found[kind] += count
        return found


async def judge(database: asyncpg.Connection, ledger: Ledger) -> Verdict:
    stored = {str(row["event_id"]) for row in await database.fetch("SELECT event_id FROM events")}
    verdict = Verdict(accepted=len(ledger.accepted), stored=len(stored))
    verdict.lost = sorted(ledger.accepted.keys() - stored)
    verdict.foreign = sorted(stored - ledger.offered)
    verdict.dead_letters = await database.fetchval("SELECT count(*) FROM dead_letters")
    verdict.failed_runs = await database.fetchval("SELECT count(*) FROM failed_runs")
    for row in await database.fetch("SELECT user_id, kind, count(*) AS n FROM signals GROUP BY 1, 2"):
        verdict.signals[row["user_id"], row["kind"]] = row["n"]
    verdict.unpublished = await database.fetchval("SELECT count(*) FROM signals WHERE published_at IS NULL")
    verdict.undecided = await database.fetchval(
        "SELECT count(*) FROM signals s WHERE NOT EXISTS (SELECT FROM decisions d WHERE d.signal_id = s.signal_id)"
    )
    for row in await database.fetch("SELECT outcome, reason, count(*) AS n FROM decisions GROUP BY 1, 2"):
        verdict.outcomes[f"{row['outcome']}:{row['reason']}"] = row["n"]
    nudges = await database.fetch("SELECT nudge_id, user_id, acknowledged_at, status FROM nudges")
    _nudges(verdict, nudges, ledger)
    return verdict


def _nudges(verdict: Verdict, nudges: list[Any], ledger: Ledger) -> None:
    seen: dict[str, list[datetime]] = {}
    for frame in ledger.frames:
        seen.setdefault(frame.nudge_id, []).append(frame.at)
    verdict.nudges = len(nudges)
    verdict.shown = len(seen)
    for row in nudges:
        nudge, acknowledged = str(row["nudge_id"]), row["acknowledged_at"]
        times = seen.pop(nudge, [])
        if not times and row["status"] == "pending":
            verdict.unshown.append(nudge)
        if acknowledged is not None and any(at > acknowledged + IN_FLIGHT for at in times):
            verdict.twice.append(nudge)
    # Shown, and in no table: a nudge that nobody decided on.
    verdict.twice += seen
