"""Figures of ingest."""

from prometheus_client import Counter, Gauge, Histogram

EVENTS = Counter("handrail_ingest_events_total", "Events that came, by what became of them.", ["outcome"])
BATCHES = Counter("handrail_ingest_batches_total", "Transactions, by how they ended.", ["outcome"])
BATCH_SIZE = Histogram(
    "handrail_ingest_batch_events", "Events in one transaction.", buckets=(1, 3, 10, 30, 100, 300, 1000, 3000, 10000)
)
DURATION = Histogram(
    "handrail_ingest_batch_duration_seconds",
    "From taking a batch to its acknowledgement.",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
)
STORED_SECONDS = Histogram(
    "handrail_ingest_stored_seconds",
    "From the gateway's receipt of the oldest event of a batch to the batch's acknowledgement.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600),
)
LAG = Gauge("handrail_ingest_lag_seconds", "Age of the newest message stored, on its arrival in the database.")
PENDING = Gauge("handrail_ingest_pending_messages", "Messages in the stream that wait behind the newest one taken.")
DEAD_LETTERS = Counter(
    "handrail_ingest_dead_letters_total", "Events, batches and messages put aside: poison or bug.", ["class"]
)
for _class in ("poison", "bug"):
    DEAD_LETTERS.labels(_class)
OPEN_DEAD_LETTERS = Gauge(
    "handrail_ingest_open_dead_letters", "Dead letters that nobody has dealt with yet.", ["class"]
)
SIGNALS = Counter("handrail_ingest_signals_total", "New signals.", ["kind"])
PUBLISHED = Counter("handrail_ingest_published_signals_total", "Signals that JetStream has acknowledged.")
PUBLISH_ERRORS = Counter("handrail_ingest_publish_errors_total", "Groups of signals that were not all taken.")
REDIS_ERRORS = Counter("handrail_ingest_redis_errors_total", "Operations that Redis did not answer.")
MISSING_TARGETS = Gauge(
    "handrail_ingest_missing_targets",
    "Elements of the config that are missing on a page where they should be, when last looked for.",
)
