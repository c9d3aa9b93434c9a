"""The gateway's log: JSON lines, and never a word of what senders wrote."""

from __future__ import annotations

import logging
import sys

import structlog
from aiohttp.http_exceptions import HttpProcessingError


class _WithoutWire(logging.Filter):
    """aiohttp logs an unreadable request with the bytes it choked on; who may send anything may send personal data."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args, record.exc_info = f"unreadable request: {type(error).__name__}", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


def configure_logs() -> None:
    """Send this process's logs, structlog's and the libraries', to standard output as JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.getLogger("aiohttp.server").addFilter(_WithoutWire())
    # While no broker answers, aiokafka says so many times a second; our own `kafka_not_reached` says it once a try.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
