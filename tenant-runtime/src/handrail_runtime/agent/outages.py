"""What waiting may cure."""

from nats.errors import Error as NatsError

from handrail_runtime.data import raw


def is_outage(error: BaseException) -> bool:
    """Whether PostgreSQL or NATS may be away, rather than something wrong with this signal or with us."""
    return isinstance(error, NatsError) or raw.is_outage(error) or any(map(_is_of_driver, type(error).__mro__))


def _is_of_driver(kind: type) -> bool:
    """By name, for psycopg is imported with the graph, not before."""
    return kind.__module__.startswith("psycopg") and kind.__name__ in ("OperationalError", "PoolTimeout", "PoolClosed")
