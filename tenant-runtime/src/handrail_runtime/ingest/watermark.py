"""Up to which time every event that came has been stored. Silence is only known that far."""

from bisect import bisect_right
from collections import deque

KEEP = 4096


class Watermark:
    """Remembers when messages were put on the stream, by their sequence."""

    def __init__(self) -> None:
        self._sequences: deque[int] = deque(maxlen=KEEP)
        self._times: deque[int] = deque(maxlen=KEEP)

    @property
    def newest(self) -> int:
        """The stream's time for the newest message taken, microseconds; 0 where none was."""
        return self._times[-1] if self._times else 0

    def note(self, sequence: int, stored_at: int) -> None:
        """A message's sequence and the stream's own time for it, microseconds. One that comes again says nothing."""
        if not self._sequences or sequence > self._sequences[-1]:
            self._sequences.append(sequence)
            self._times.append(stored_at)

    def known_until(self, *, now: int, floor: int, waiting: int) -> int:
        """Everything that came before this time has been stored; 0 where nothing is known.

        `floor`: all messages up to this sequence are acknowledged. `waiting`: messages that are not, delivered or
        not. `now`: a time before these two were asked for.
        """
        if not waiting:
            return now
        at = bisect_right(self._sequences, floor)
        return self._times[at - 1] if at else 0
