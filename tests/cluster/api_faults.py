"""What may go wrong between a client and the API server, and when. Pure: the same seed, the same faults for the same
calls, in whatever order they come."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.cluster.api_calls import Call


class Fault(StrEnum):
    """One thing that goes wrong."""

    CONFLICT = "409"
    INVALID = "422"
    THROTTLED = "429"
    """With Retry-After."""
    ERROR = "500"
    UNAVAILABLE = "503"
    RESET_BEFORE = "reset before"
    """The connection is reset, the request never reached the server."""
    RESET_AFTER = "reset after"
    """The connection is reset, what was asked for has been done."""
    HANG_BEFORE = "hang before"
    """No answer ever, nothing done."""
    HANG_AFTER = "hang after"
    """No answer ever, what was asked for has been done."""
    SLOW = "slow"
    WATCH_CLOSED = "watch closed"
    """Ends soon, as if its time were over."""
    WATCH_GONE = "watch gone"
    """Ends soon with the event ERROR 410."""
    WATCH_STALLED = "watch stalled"
    """Says nothing any more and stays open."""


ANSWERED = (Fault.THROTTLED, Fault.ERROR, Fault.UNAVAILABLE)
ON_WRITES = (Fault.CONFLICT, Fault.INVALID)
LOST = (Fault.RESET_BEFORE, Fault.RESET_AFTER)
HANGS = (Fault.HANG_BEFORE, Fault.HANG_AFTER)
OF_WATCHES = (Fault.WATCH_CLOSED, Fault.WATCH_GONE, Fault.WATCH_STALLED)
ALL = tuple(Fault)

REASONS = {
    Fault.CONFLICT: (409, "Conflict", "the object has been modified; apply your changes to the latest version"),
    Fault.INVALID: (422, "Invalid", "injected: the object is invalid"),
    Fault.THROTTLED: (429, "TooManyRequests", "injected: too many requests, please try again later"),
    Fault.ERROR: (500, "InternalError", "injected: an error on the server"),
    Fault.UNAVAILABLE: (503, "ServiceUnavailable", "injected: the server is currently unable to handle the request"),
}


def fits(fault: Fault, call: Call) -> bool:
    """Whether a real server could do so to such a call."""
    if fault in OF_WATCHES:
        return call.verb == "watch"
    if fault in ON_WRITES:
        return call.writes
    return fault is not Fault.RESET_AFTER or call.verb != "watch"


@dataclass
class Rule:
    """A fault for the calls that `when` picks: lets `skip` of them pass, then meets `times` (None: all)."""

    fault: Fault
    when: Callable[[Call], bool]
    skip: int = 0
    times: int | None = 1
    met: int = 0
    """How many it picked so far, those let pass included."""

    def meets(self, call: Call) -> bool:
        if not self.when(call):
            return False
        self.met += 1
        return self.met > self.skip and (self.times is None or self.met <= self.skip + self.times)


@dataclass
class Chance:
    """At random: of each call a share of `rate`. One call's fate hangs on the seed, on what it does and on how often
    the like was done before, on nothing else."""

    rate: float
    seed: int
    faults: Sequence[Fault] = ALL
    _seen: dict[str, int] = field(default_factory=dict)

    def draw(self, call: Call) -> Fault | None:
        count = self._seen[call.place] = self._seen.get(call.place, -1) + 1
        dice = random.Random(f"{self.seed} {call.place} {count}")
        if dice.random() >= self.rate:
            return None
        fitting = [fault for fault in self.faults if fits(fault, call)]
        return dice.choice(fitting) if fitting else None


@dataclass
class Plan:
    """Rules first, in their order; then chance."""

    rules: list[Rule] = field(default_factory=list)
    chance: Chance | None = None

    def draw(self, call: Call) -> Fault | None:
        met = [rule.fault for rule in self.rules if rule.meets(call)]
        if met:
            return met[0]
        return self.chance.draw(call) if self.chance else None
