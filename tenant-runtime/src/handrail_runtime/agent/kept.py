"""Runs that were given up: one row each in `failed_runs`, at the node that failed, with all that was found until then.

The row goes with the decision that ends the run (see perform.py), in the same transaction.
"""

import re
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import msgspec

from handrail_contracts import signals
from handrail_contracts.signals import Signal
from handrail_runtime.agent.state import State

MOST = 500
"""Characters of an error's message."""

_FIND = "SELECT node, signal::text AS signal, state::text AS state FROM failed_runs WHERE run_id = $1"
_ATTEMPTS = "SELECT attempts FROM failed_runs WHERE run_id = $1"
_KEEP = """
INSERT INTO failed_runs (run_id, node, error, signal, state, attempts)
VALUES ($1, $2, $3, $4::text::jsonb, $5::text::jsonb, $6)
"""
_FORGET = "DELETE FROM failed_runs WHERE run_id = $1"
_SECRETS = re.compile(
    r"(?<=://)[^/@\s]+@"  # user and password of an address
    r"|\b(?:[ps]k_|sk-)[\w-]{6,}"
    r"|\bbearer\s+\S+"
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"
    r"|(?<=password=)\S+",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Kept:
    """Where a run is to be taken up."""

    signal: Signal
    node: str
    state: State


async def find(connection: asyncpg.Connection, run_id: str) -> Kept | None:
    rows = await connection.fetch(_FIND, UUID(run_id))
    if not rows:
        return None
    row = rows[0]
    return Kept(signals.decode(row["signal"].encode()), row["node"], msgspec.json.decode(row["state"], type=State))


async def attempts(connection: asyncpg.Connection, run_id: str) -> int:
    """How often the run was tried before it was given up; 0 where it was not."""
    return await connection.fetchval(_ATTEMPTS, UUID(run_id)) or 0


async def keep(connection: asyncpg.Connection, kept: Kept, error: BaseException, tried: int) -> None:
    """Where no row of this run stands."""
    signal, state = signals.encode(kept.signal).decode(), msgspec.json.encode(kept.state).decode()
    await connection.execute(_KEEP, UUID(kept.signal.signal_id), kept.node, said(error), signal, state, tried)


async def forget(connection: asyncpg.Connection, run_id: str) -> None:
    await connection.execute(_FORGET, UUID(run_id))


def said(error: BaseException) -> str:
    """Kind and message, as far as it may be shown: NUL and what looks like a secret are left out."""
    text = _SECRETS.sub("***", str(error).replace("\0", ""))
    return f"{type(error).__name__}: {text}"[:MOST]
