"""How each process of ours logs: one form for our lines and the libraries', JSON off a terminal, `warn` for trouble."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog
from aiohttp.http_exceptions import HttpProcessingError

LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "crit": logging.CRITICAL,
}


class _WithoutWire(logging.Filter):
    """aiohttp logs an unreadable request with the bytes it choked on; who may send anything may send personal data."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, HttpProcessingError):
            record.msg, record.args, record.exc_info = f"unreadable request: {type(error).__name__}", (), None
            record.levelno, record.levelname = logging.INFO, "INFO"
        return True


class _Everyday(logging.Filter):
    """What libraries warn of and happens on healthy days is information: a rebalance because a worker joined or left.

    Nothing is logged on a healthy system at `warn`, so that whoever is woken by one looks at something.
    """

    SAYINGS = (
        "because it is rebalancing",
        "generation id is not  current",  # the two blanks are aiokafka's
        "member_id was not recognized",
        "woke up too late",
        "woke up too early",
    )

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno == logging.WARNING and any(saying in str(record.msg) for saying in self.SAYINGS):
            record.levelno, record.levelname = logging.INFO, "INFO"
            return logging.getLogger().isEnabledFor(logging.INFO)
        return True


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send this process's logs, structlog's and the libraries', to `stream` (standard output)."""
    stream = stream or sys.stdout
    shared: list[structlog.typing.Processor] = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.StackInfoRenderer(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendered(stream)],
        )
    )
    handler.addFilter(_Everyday())
    logging.getLogger("aiohttp.server").addFilter(_WithoutWire())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(LEVELS[level])


def quiet_about_the_broker() -> None:
    """While no broker answers, aiokafka says so many times a second; the gateway says it once a try by itself."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def for_worker(level: str) -> Callable[[], None]:
    """What a worker calls once its loop is set up. Raises `ValueError` for a level that is none."""
    if level not in LEVELS:
        raise ValueError(f"the log level is one of {', '.join(LEVELS)}, not {level!r}")
    return lambda: configure(level)


def _rendered(stream: TextIO) -> list[structlog.typing.Processor]:
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        colors = not os.environ.get("NO_COLOR")
        # Stacks without the values of variables: they are long, and hold personal data.
        return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback)]
    return [structlog.processors.format_exc_info, _ordered, structlog.processors.JSONRenderer()]


def _ordered(_logger: Any, _name: str, line: MutableMapping[str, Any]) -> dict[str, Any]:
    """When, how bad, who and what first: lines are read by people too."""
    first = {name: line.pop(name) for name in ("timestamp", "level", "logger", "event") if name in line}
    return {**first, **line}
