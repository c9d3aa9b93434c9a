"""The time that the simulated systems live in: the machine's, or one that is handed in."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Clock:
    """`monotonic` in seconds, for waits, fault windows and lagging reads; `now` in UTC, for what is written down."""

    monotonic: Callable[[], float] = time.monotonic
    now: Callable[[], datetime] = _now


MACHINE = Clock()


def stamp(moment: datetime, timespec: str = "milliseconds") -> str:
    """RFC 3339 text in UTC."""
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")
