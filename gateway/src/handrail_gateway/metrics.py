"""What the gateway counts. No user id and no free text in a label."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from handrail_gateway.shares import Shares
from handrail_gateway.tallies import Tally, Timings

PREFIX = "handrail_gateway"
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)
_STATUSES = {status: str(status) for status in range(100, 600)}


class Metrics:
    """One process's metrics, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()

        def counter(name: str, about: str, *labels: str) -> Counter:
            return Counter(f"{PREFIX}_{name}", about, labels, registry=registry)

        def gauge(name: str, about: str, *labels: str) -> Gauge:
            return Gauge(f"{PREFIX}_{name}", about, labels, registry=registry)

        self._requests = Tally(f"{PREFIX}_requests", "HTTP requests answered.", ["route", "method", "status"], registry)
        self._request_seconds = Timings(
            f"{PREFIX}_request_seconds", "Time to answer an HTTP request.", "route", _FAST, registry
        )
        self._events = Tally(f"{PREFIX}_events_accepted", "Events on disk.", ["tenant"], registry)
        self.refused = counter("batches_refused", "Batches of events refused, by code.", "code")
        self.unknown = counter(
            "unknown_parts",
            "Fields and event types this version does not know, from other versions of the snippet.",
            "kind",
        )
        self.given_up = counter(
            "snippet_dropped_events",
            "Events that browsers gave up, as they say: no room was left, or the platform would never take them.",
            "tenant",
        )
        self.group_batches = Histogram(
            f"{PREFIX}_publish_group_batches",
            "Batches that shared one publish.",
            buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
            registry=registry,
        )
        self.publish_seconds = Histogram(
            f"{PREFIX}_publish_seconds", "Time until the stream acknowledged.", buckets=_FAST, registry=registry
        )
        self.publish_failures = counter("publish_failures", "Publishes not acknowledged.", "code")
        self.queue_bytes = gauge("publish_queue_bytes", "Batches waiting for a publish.")
        self.connections = gauge("publish_connections", "Open connections to tenants.")
        self.sockets = gauge("sockets", "Browsers' sockets open.", "tenant")
        self.socket_closes = counter("socket_closes", "Sockets closed by the gateway, by code.", "code")
        self.frames = counter("socket_frames", "Frames relayed.", "direction")
        self.links = gauge("links", "Links to realtime instances that are up.")
        self.link_frames = gauge("link_waiting_frames", "Frames of browsers waiting for links, all links.")
        self.link_frames_bound = gauge(
            "link_waiting_bound_frames", "The most that may wait for one link; beyond it the link is made anew."
        )
        self.dropped_frames = counter(
            "dropped_frames",
            "Frames dropped: link_full (the link is made anew and the browsers are attached again), held_too_many "
            "(a browser said too much while its link was down), browser_slow (it did not read and was let go).",
            "why",
        )
        self.socket_bytes = gauge("socket_unread_bytes", "Bytes that browsers have not read yet, all sockets.")
        self.socket_bytes_bound = gauge(
            "socket_unread_bound_bytes",
            "The most one browser may leave unread before it is let go; see dropped_frames.",
        )
        self.keys = gauge("keys", "Live keys in the directory, all tenants.")
        self.key_use = gauge("key_use_waiting", "Keys whose use is not noted yet; at most one for each live key.")
        self.queue_bound = gauge(
            "publish_queue_bound_bytes",
            "The most one tenant's batches waiting for a publish may hold; refusals: publish_failures, queue_full.",
        )
        self.tenants = gauge("tenants", "Tenants in the directory.")
        self.platform_connected = gauge("platform_connected", "1 while the platform's NATS account is connected.")

        self.http_connections = gauge("http_connections", "Open connections of clients, sockets included.")
        self.refused_connections = counter("refused_connections", "Connections refused: their address holds too many.")
        self.unreadable_requests = counter(
            "unreadable_requests", "Requests that are no HTTP, or whose head is too large."
        )
        self.limited = counter("limited_requests", "Requests answered 429, by the limit that was met.", "limit")
        self._table_entries = gauge("limiter_entries", "Rates that have not recovered, by limit.", "limit")
        self._table_bound = gauge(
            "limiter_bound_entries", "The most a limiter's table holds; beyond it the oldest start anew.", "limit"
        )
        self._share_used = gauge(
            "work_used", "In work for all tenants together, in the unit that the label names.", "unit"
        )
        self._share_bound = gauge(
            "work_bound",
            "The most that may be in work, in the unit that the label names; refusals: limited_requests.",
            "unit",
        )
        self._share_tenants = gauge("work_tenants", "Tenants that have something in work.", "unit")

    def watch_table(self, limit: str, size: Callable[[], int], most: int) -> None:
        """Shows a limiter's table."""
        self._table_entries.labels(limit).set_function(lambda: float(size()))
        self._table_bound.labels(limit).set(most)

    def watch_share(self, unit: str, shares: Shares) -> None:
        """Shows what is divided among tenants."""
        self._share_used.labels(unit).set_function(lambda: float(shares.used))
        self._share_bound.labels(unit).set(shares.total)
        self._share_tenants.labels(unit).set_function(lambda: float(len(shares)))

    def count_request(self, route: str, method: str, status: int, seconds: float) -> None:
        """An HTTP request was answered."""
        self._requests.add((route, method, _STATUSES[status]))
        self._request_seconds.add(route, seconds)

    def count_events(self, tenant: str, count: int) -> None:
        """So many of a tenant's events are on disk."""
        self._events.add((tenant,), count)

    def render(self) -> bytes:
        """Prometheus text."""
        return generate_latest(self.registry)
