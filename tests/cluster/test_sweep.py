"""The operator dies at each call of a reconcile in turn, and the next one always comes to the same end.

A clean run's calls are recorded; then, for each of them, a tenant of its own is worked on by an operator that is
killed right after the API server answered that call, before the operator hears of it. Tenants whose turn is over are
paused, so that the next operator meets its own tenant alone. In the end one operator brings all of them to their end.
"""

import contextlib
import itertools
import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from tests.cluster import kube_api
from tests.cluster.api_calls import Call
from tests.cluster.end_state import differences
from tests.cluster.kube_api import eventually
from tests.cluster.operators import Operator
from tests.cluster.proxy import Proxy
from tests.cluster.stage import PATIENT, Stage

from handrail_operator.kube import kinds

pytestmark = pytest.mark.cluster

Point = tuple[str, int]
"""What is called, and for the how-manieth time."""
_LAST_CALLS = 3.0
"""Seconds."""
_RANDOM = re.compile(r"[0-9a-f]{8,}")


def what(call: Call, tenant: str) -> str | None:
    """The call as every run makes it; None: it is not about the tenant."""
    if call.verb == "watch" or (tenant not in call.name and tenant not in call.namespace):
        return None
    return _RANDOM.sub("#", f"{call.verb} {call.kind} {call.name.replace(tenant, 'TENANT')}")


def points(calls: list[Call], tenant: str) -> list[Point]:
    seen: Counter[str] = Counter()
    found = []
    for call in calls:
        if (known := what(call, tenant)) is not None:
            seen[known] += 1
            found.append((known, seen[known]))
    return found


def one_of_each(every: list[Point]) -> list[Point]:
    """The first write of each kind, and the first read of each."""
    kept: dict[tuple[str, ...], Point] = {}
    for known, number in every:
        kept.setdefault(tuple(known.split()[:2]), (known, number))
    return list(kept.values())


@contextmanager
def dies_at(proxy: Proxy, tenant: str, point: Point, operator: Callable[[], Operator]) -> Iterator[list[Call]]:
    """Kills the operator at that point. The list holds the call, once it was met."""
    met: list[Call] = []
    left = itertools.count(point[1] - 1, -1)

    def answered(call: Call) -> None:
        if not met and what(call, tenant) == point[0] and next(left) == 0:
            met.append(call)
            os.kill(operator().pid, signal.SIGKILL)

    proxy.answered = answered
    try:
        yield met
    finally:
        proxy.answered = None


class Sweep:
    """A way that a tenant goes: from where, by what change, until when."""

    def __init__(
        self, stage: Stage, begins: Callable[[str], None], is_done: Callable[[str], bool], *, prepared: bool
    ) -> None:
        """`prepared`: it is ready before the change."""
        self.stage = stage
        self._begins = begins
        self._is_done = is_done
        self._prepared = prepared

    def run(self, chosen: Callable[[list[Point]], list[Point]]) -> None:
        expected, every = self._recorded()
        tried = chosen(every)
        assert len(tried) >= 5, every
        tenants = self._tenants(len(tried))
        with self.stage.proxy() as proxy:
            died = [self._died(proxy, name, point) for name, point in zip(tenants, tried, strict=True)]
        for name in tenants:
            self._free(name)
        with self.stage.operator():
            for name in tenants:
                eventually(lambda name=name: self._is_done(name), f"{name} comes to its end", PATIENT)  # type: ignore[misc]
        for name, point in zip(tenants, tried, strict=True):
            assert differences(self.stage.looker.of(name), expected) == [], f"killed after {point}"
        # What hangs on time may be called in one run and not in the next; most is not so.
        assert sum(died) >= 0.8 * len(tried), [point for point, met in zip(tried, died, strict=True) if not met]

    def _recorded(self) -> tuple[object, list[Point]]:
        """The end, and every call on the way to it."""
        (name,) = self._tenants(1)
        self._free(name)
        with self.stage.proxy() as proxy:
            with self.stage.operator(proxy):
                self._begins(name)
                eventually(lambda: self._is_done(name), f"{name} comes to its end", PATIENT)
            return self.stage.looker.of(name), points(proxy.calls(), name)

    def _tenants(self, count: int) -> list[str]:
        """Paused ones, as they are before the change."""
        if not self._prepared:
            return [self.stage.name() for _ in range(count)]
        made = [self.stage.tenant() for _ in range(count)]
        with self.stage.operator():
            self.stage.await_settled(*made)
        for name in made:
            self.stage.pause(name)
        return made

    def _died(self, proxy: Proxy, name: str, point: Point) -> bool:
        """Whether the operator met the point."""
        self._free(name)
        self._begins(name)
        running: list[Operator] = []
        with dies_at(proxy, name, point, lambda: running[0]) as met, self.stage.operator(proxy) as operator:
            running.append(operator)
            eventually(lambda: operator.process.poll() is not None or self._is_done(name), f"{name}: {point}", PATIENT)
            # What comes after the last word of the status.
            with contextlib.suppress(subprocess.TimeoutExpired):
                operator.process.wait(_LAST_CALLS)
        if self.stage.get(name) is not None:
            self.stage.pause(name)
        return bool(met)

    def _free(self, name: str) -> None:
        if self.stage.get(name) is not None:
            self.stage.pause(name, paused=False)


def creation(stage: Stage) -> Sweep:
    return Sweep(stage, lambda name: _apply(stage, name), stage._is_settled, prepared=False)


def suspension(stage: Stage) -> Sweep:
    return Sweep(stage, lambda name: _apply(stage, name, suspend=True), stage._is_settled, prepared=True)


def another_plan(stage: Stage) -> Sweep:
    """One process for all roles becomes one for each: every Deployment is new, and the old one goes."""
    return Sweep(stage, lambda name: _apply(stage, name, plan="standard"), stage._is_settled, prepared=True)


def deletion(stage: Stage) -> Sweep:
    return Sweep(stage, lambda name: stage.api.delete(kinds.TENANT, None, name), stage._is_gone, prepared=True)


def _apply(stage: Stage, name: str, **spec: object) -> None:
    stage.api.apply(kube_api.tenant(name, **spec))


def test_a_tenant_is_made_whatever_call_its_operator_dies_at(stage: Stage):
    """Each kind of call once."""
    before = stage.looker.databases()
    creation(stage).run(one_of_each)
    kept = {keyring.database for name in stage.made if (keyring := stage.looker.keyring(name)) is not None}
    assert stage.looker.databases() - before == kept, "no database was made that nobody knows of"


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("way", [creation, suspension, another_plan, deletion])
def test_every_call_of_a_way(stage: Stage, way: Callable[[Stage], Sweep]):
    way(stage).run(lambda every: every)
