"""Counts and times of what happens for every request: plain numbers of one thread, read when they are asked for.

The client library's own take a lock and walk through all buckets at each turn, which costs more than the checks of
a request.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate

from prometheus_client.metrics_core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector, CollectorRegistry


class Tally(Collector):
    """A counter with labels."""

    def __init__(self, name: str, about: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._about = name, about, labels
        self._counts: dict[tuple[str, ...], int] = {}
        registry.register(self)

    def add(self, labels: tuple[str, ...], count: int = 1) -> None:
        self._counts[labels] = self._counts.get(labels, 0) + count

    def collect(self) -> Iterator[Metric]:
        name, about, labels = self._about
        family = CounterMetricFamily(name, about, labels=labels)
        for values, count in self._counts.items():
            family.add_metric(values, count)
        yield family


class Timings(Collector):
    """A histogram of seconds, with one label."""

    def __init__(self, name: str, about: str, label: str, bounds: Sequence[float], registry: CollectorRegistry) -> None:
        self._about = name, about, [label]
        self._bounds = bounds
        self._found: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def add(self, label: str, seconds: float) -> None:
        found = self._found.get(label)
        if found is None:
            # The last is for what is beyond all bounds.
            found = self._found[label] = [0] * (len(self._bounds) + 1)
            self._sums[label] = 0.0
        found[bisect_left(self._bounds, seconds)] += 1
        self._sums[label] += seconds

    def collect(self) -> Iterator[Metric]:
        name, about, labels = self._about
        family = HistogramMetricFamily(name, about, labels=labels)
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for label, counts in self._found.items():
            buckets = list(zip(names, accumulate(counts), strict=True))
            family.add_metric([label], buckets, self._sums[label])
        yield family
