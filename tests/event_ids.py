import os
from datetime import UTC, datetime

from handrail_contracts.event_ids import uuid7


def event_id() -> str:
    """A new one, of now."""
    return uuid7(datetime.now(UTC), os.urandom(10))
