"""Nudges at rest: what is pending for whom, and what has ended. Every call is one statement for many users."""

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

# No transaction around: each statement stands for itself, and a look costs one round trip.
_LOOK = text(
    """
    SELECT wanted.user_id, coalesce(users.last_seq, 0), nudges.seq, nudges.content::text
    FROM unnest(CAST(:users AS text[])) AS wanted(user_id)
    LEFT JOIN users ON users.user_id = wanted.user_id
    LEFT JOIN nudges ON nudges.user_id = wanted.user_id AND nudges.status = 'pending' AND nudges.expires_at > now()
    ORDER BY wanted.user_id, nudges.seq
    """
)
# Shown and clicked come by the user's events, which may have overtaken the acknowledgement: they stay.
_ACKNOWLEDGE = text(
    """
    UPDATE nudges
    SET acknowledged_at = now(), status = CASE WHEN status IN ('pending', 'expired') THEN 'acknowledged' ELSE status END
    FROM unnest(CAST(:users AS text[]), CAST(:seqs AS bigint[])) AS told(user_id, seq)
    WHERE nudges.user_id = told.user_id AND nudges.seq = told.seq AND nudges.acknowledged_at IS NULL
    """
)
_EXPIRE = text("UPDATE nudges SET status = 'expired' WHERE status = 'pending' AND expires_at <= now()")
_OPEN = text("SELECT user_id, seq FROM nudges WHERE status = 'pending' AND expires_at > now()")


@dataclass
class Standing:
    """One user as the table has it: the last seq given out, and what is pending as (seq, JSON of the nudge)."""

    last_seq: int = 0
    pending: list[tuple[int, str]] = field(default_factory=list)


class NudgeTable:
    """Raises one of raw.DATABASE_ERRORS; nothing is lost then, the caller asks again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def look(self, user_ids: Collection[str]) -> dict[str, Standing]:
        """Where each of these users stands."""
        found: dict[str, Standing] = {}
        async with self._engine.connect() as connection:
            rows = await connection.execute(_LOOK, {"users": list(user_ids)})
        for user_id, last_seq, seq, content in rows:
            standing = found.setdefault(user_id, Standing(last_seq))
            if seq is not None:
                standing.pending.append((seq, content))
        return found

    async def acknowledge(self, told: Collection[tuple[str, int]]) -> None:
        """Ends these nudges on all devices. Told again, or of no such nudge: nothing happens."""
        users, seqs = zip(*told, strict=True)
        async with self._engine.connect() as connection:
            await connection.execute(_ACKNOWLEDGE, {"users": list(users), "seqs": list(seqs)})

    async def expire(self) -> int:
        """Marks what nobody saw in time. Returns how many."""
        async with self._engine.connect() as connection:
            return (await connection.execute(_EXPIRE)).rowcount

    async def open_nudges(self) -> list[tuple[str, int]]:
        """(user, seq) of every pending nudge: few, for they expire."""
        async with self._engine.connect() as connection:
            return [(user_id, seq) for user_id, seq in await connection.execute(_OPEN)]
