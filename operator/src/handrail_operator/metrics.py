"""What the operator counts. No tenant's name in a label: there may be thousands, and they come and go."""

from collections.abc import Callable, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from handrail_operator.watching.queue import State

PREFIX = "handrail_operator"
_LOOKS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_CALLS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Metrics:
    """One process's, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = made = CollectorRegistry()
        self._looks = Histogram(
            f"{PREFIX}_reconcile_seconds", "Time of a look at a tenant.", buckets=_LOOKS, registry=made
        )
        self._failures = Counter(
            f"{PREFIX}_reconcile_errors", "Looks that failed, by reason.", ["reason"], registry=made
        )
        self._calls = Counter(
            f"{PREFIX}_api_calls",
            "Calls to the API server, without those of Kopf's watches. Code 0: no answer.",
            ["verb", "kind", "code"],
            registry=made,
        )
        self._call_seconds = Histogram(
            f"{PREFIX}_api_call_seconds", "Time of one try of a call.", ["verb"], buckets=_CALLS, registry=made
        )
        self._tenants = Gauge(f"{PREFIX}_tenants", "Tenants by the status of Ready.", ["ready"], registry=made)
        self._servers = Gauge(
            f"{PREFIX}_server_up", "1 where NATS, PostgreSQL or Redis answers the leader.", ["component"], registry=made
        )

    def looked(self, seconds: float, failed: BaseException | None) -> None:
        """After each look."""
        self._looks.observe(seconds)
        if failed is not None:
            self._failures.labels(getattr(failed, "reason", None) or type(failed).__name__).inc()

    def called(self, verb: str, kind: str, code: int, seconds: float) -> None:
        """After each try of a call to the API server."""
        self._calls.labels(verb, kind, str(code)).inc()
        if verb != "watch":
            self._call_seconds.labels(verb).observe(seconds)

    def watch_queue(self, state: Callable[[], State]) -> None:
        """Read whenever the metrics are."""
        for name, text, read in (
            ("queue_depth", "Tenants that wait for a look.", lambda: state().waiting),
            ("queue_oldest_seconds", "How long the one that waits longest does.", lambda: state().oldest),
            ("queue_running", "Tenants that are looked at now.", lambda: state().running),
        ):
            self.watch(name, text, read)

    def watch(self, name: str, text: str, read: Callable[[], float]) -> None:
        """A figure that is read whenever the metrics are."""
        Gauge(f"{PREFIX}_{name}", text, registry=self.registry).set_function(read)

    def note(self, tenants: Mapping[str, int], servers: Mapping[str, object | None]) -> None:
        """Right before the text is made. `servers`: why one is not there."""
        for ready, count in tenants.items():
            self._tenants.labels(ready).set(count)
        for component, trouble in servers.items():
            self._servers.labels(component).set(trouble is None)

    def text(self) -> bytes:
        """As Prometheus reads it."""
        return generate_latest(self.registry)
