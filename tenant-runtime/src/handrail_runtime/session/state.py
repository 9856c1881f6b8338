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
    """`state` after `events` (in order of time). Events older than what is known change nothing."""
    new = msgspec.structs.replace(state)
    for event in events:
        if event.at >= new.last_at:
            new.last_at, new.last_id, new.last_type = event.at, event.event_id, event.event_type
            new.path = event.path or new.path
        if event.active and event.at >= new.active_at:
            new.active_at, new.active_id, new.active_stale = event.at, event.event_id, event.stale
        if (event.active or event.visible is False) and event.at >= new.hidden_at:
            new.hidden, new.hidden_at = event.visible is False, event.at
    return new
