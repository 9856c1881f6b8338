"""What the role counts. No user id and no free text in a label."""

from prometheus_client import Counter, Gauge, Histogram

PREFIX = "handrail_realtime"
_FAST = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

LINKS = Gauge(f"{PREFIX}_links", "Links of gateways that are open.")
SOCKETS = Gauge(f"{PREFIX}_sockets", "Browsers' sockets attached.")
USERS = Gauge(f"{PREFIX}_users", "Users with at least one socket attached.")
FRAMES = Counter(f"{PREFIX}_frames_sent", "Frames queued for browsers.", ["type"])
REFUSED_FRAMES = Counter(f"{PREFIX}_frames_refused", "Frames of browsers that could not be read.")
REFUSED_LINKS = Counter(f"{PREFIX}_links_refused", "Links without a valid principal.")
BROKEN_LINKS = Counter(f"{PREFIX}_links_closed", "Links closed from this side.", ["reason"])
NOTICES = Counter(f"{PREFIX}_notices", "Notices of new nudges heard.")
MISSED = Counter(f"{PREFIX}_notices_missed", "Nudges found by looking, whose notice had not come.")
NOTICE_SECONDS = Histogram(f"{PREFIX}_notice_seconds", "From the notice's stamp to its nudge queued.", buckets=_FAST)
NUDGE_SECONDS = Histogram(
    f"{PREFIX}_nudge_seconds",
    "From the event that led to a nudge, by its own time, to the nudge queued for the browser.",
    buckets=(*_FAST, 30, 60, 300),
)
LOOK_USERS = Histogram(
    f"{PREFIX}_look_users",
    "Users whose nudges were read in one query.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
LOOK_SECONDS = Histogram(f"{PREFIX}_look_seconds", "Time of one query for nudges.", buckets=_FAST)
ACKS = Counter(f"{PREFIX}_acks", "Acknowledgements of browsers.")
EXPIRED = Counter(f"{PREFIX}_nudges_expired", "Nudges marked as expired.")
FAILURES = Counter(f"{PREFIX}_failures", "Failed attempts, by what was away.", ["what"])
API_SECONDS = Histogram(f"{PREFIX}_api_seconds", "Time to answer a read.", ["list"], buckets=_FAST)
