"""Log lines: for people on a terminal, JSON for machines; the libraries' own in the same form. Never a secret."""

import logging
import sys
from typing import Literal

import structlog


def configure(log_format: Literal["console", "json"], **bound: str) -> None:
    """Sets up structlog for this process; `bound` stands on every line."""
    own = [structlog.contextvars.merge_contextvars, structlog.processors.add_log_level]
    shared: list[structlog.typing.Processor] = [
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    last: list[structlog.typing.Processor] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
        if log_format == "json"
        # The default shows the values of variables, and keys and tokens are among them.
        else [
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        ]
    )
    structlog.configure(
        processors=[*own, *shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            # A library logs from its own threads and tasks, so what is bound is put on again.
            foreign_pre_chain=[_bind(bound), structlog.stdlib.add_logger_name, *own, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last],
        )
    )
    # Below this level libraries log addresses with their queries.
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    # What is refused at a handshake says so itself.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "completing handshake" not in record.getMessage())
    structlog.contextvars.bind_contextvars(**bound)


def _bind(bound: dict[str, str]) -> structlog.typing.Processor:
    def put(
        _logger: structlog.typing.WrappedLogger, _name: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        return {**bound, **event}

    return put
