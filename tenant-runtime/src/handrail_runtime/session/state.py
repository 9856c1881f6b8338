"""What is known of a session, kept in `sessions.state` (JSON) and advanced by its new events. Pure."""

from collections.abc import Sequence

import msgspec

from handrail_runtime.session.progress import Progress, Standing
from handrail_runtime.session.seen import Seen


class SessionState(msgspec.Struct, omit_defaults=True):
    """Times are microseconds since 1970; fields may be added with a default."""

    last_at: int = 0
    """Newest event."""
    last_id: str = ""
    last_type: str = ""
    path: str = ""
    """Page of the newest event that had one."""
    active_at: int = 0
    """Newest event a person made."""
    active_id: str = ""
    active_stale: bool = False
    hidden: bool = False
    hidden_at: int = 0
    """When visibility was last known."""
    simulated: bool = False
    trace: dict[str, str] = {}
    """As in `Signal.trace`: of the batch that brought the newest event."""
    progress: dict[str, Progress] = {}
    done: list[str] = []
    """Baselines this user ended well, in this session or before."""
    told: dict[str, int] = {}
    """Episodes already told of, by kind and key: until when they went on."""
    idle_told: str = ""
    """The active event after which inactivity was told."""
    nudges: dict[str, int] = {}
    """Nudges sent to the user, by stuck point."""

    @property
    def standing(self) -> Standing:
        return Standing(self.progress, frozenset(self.done))


_decoder = msgspec.json.Decoder(SessionState)


def decode(text: str | None) -> SessionState:
    """A state as it was stored; what cannot be read (an older version's) begins anew."""
    if not text:
        return SessionState()
    try:
        return _decoder.decode(text)
    except msgspec.MsgspecError:
        return SessionState()


def encode(state: SessionState) -> str:
    return msgspec.json.encode(state).decode()


def moved(state: SessionState, events: Sequence[Seen]) -> SessionState:
    """`state` after `events` (in order of time, one at least). Events older than what is known change nothing."""
    new = msgspec.structs.replace(state)
    newest = events[-1]
    if newest.at >= new.last_at:
        new.last_at, new.last_id, new.last_type = newest.at, newest.event_id, newest.event_type
        new.path = newest.path or new.path
    # The newest of a kind is nearly always among the last.
    active = next((event for event in reversed(events) if event.active), None)
    if active is not None and active.at >= new.active_at:
        new.active_at, new.active_id, new.active_stale = active.at, active.event_id, active.stale
    told = next((event for event in reversed(events) if event.active or event.visible is False), None)
    if told is not None and told.at >= new.hidden_at:
        new.hidden, new.hidden_at = told.visible is False, told.at
    return new
