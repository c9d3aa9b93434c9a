"""What stands around a record's value: headers and times, which anybody may have written in any way.

A header may have no value at all, and a timestamp may be -1 (none was given) or count microseconds. They are read here,
within bounds; what cannot be is as if it were not there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

from streams import times

Header = tuple[str, bytes | None]
Headers = Sequence[Header]

EARLIEST: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""Before it there was no order that could come back: an older time is a slip or a clock that was never set."""

AHEAD: Final = timedelta(days=1)
"""How far a sender's clock may be ahead of ours."""

BROKERS_PATIENCE: Final = timedelta(hours=1)
"""How far ahead of a broker's clock a record may be dated (`message.timestamp.after.max.ms` since Kafka 4.0)."""

RECEIVED_AT: Final = "received-at"


def named(headers: Iterable[Header]) -> dict[str, str]:
    """The headers by name as text: of equal names the last one counts, one without a value is empty."""
    return {name: text_of(value) for name, value in headers}


def header(headers: Iterable[Header], name: str) -> str:
    """One header as text; empty when it is not there or has no value. Of equal names the first one counts."""
    return next((text_of(value) for each, value in headers if each == name), "")


def text_of(value: bytes | None) -> str:
    return "" if value is None else value.decode(errors="replace")


def record_time(timestamp_ms: int) -> datetime | None:
    """A record's timestamp as a time; None for what cannot be one."""
    try:
        moment = datetime.fromtimestamp(timestamp_ms / 1000, tz=UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment >= EARLIEST else None


def received_at(headers: Iterable[Header], timestamp_ms: int, now: datetime) -> datetime:
    """When a record was taken in: by the gateway's header, else by its timestamp, else now."""
    for moment in (_moment(header(headers, RECEIVED_AT)), record_time(timestamp_ms)):
        if moment is not None and EARLIEST <= moment <= now + AHEAD:
            return moment
    return now


def datable(timestamp_ms: int, now: datetime) -> int:
    """A record's timestamp where a broker takes it for another record too, else now."""
    latest = int((now + BROKERS_PATIENCE).timestamp() * 1000)
    return timestamp_ms if 0 <= timestamp_ms <= latest else int(now.timestamp() * 1000)


def _moment(text: str) -> datetime | None:
    try:
        return times.read(text)
    except times.InvalidTime:
        return None
