"""Times from outside: read once, into years that can be reckoned with whatever is added to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

FIRST_YEAR: Final = 1970
LAST_YEAR: Final = 9998  # a deadline or an offset added to it is still a date


class InvalidTime(ValueError):
    """A value is not a time; the message goes on after its name."""


def read(value: Any) -> datetime:
    """The moment that an RFC 3339 text with an offset names, in UTC; raises `InvalidTime`."""
    if not isinstance(value, str):
        raise InvalidTime(f"is not a time: {shown(value)}; send RFC 3339 text such as 2026-11-27T09:30:00Z")
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise InvalidTime(f"is not an RFC 3339 time: {shown(value)}") from None
    if moment.tzinfo is None:
        raise InvalidTime(f"has no time zone: {shown(value)}; end it with Z or an offset")
    try:
        moment = moment.astimezone(UTC)
    except (OverflowError, ValueError):
        raise InvalidTime(f"is out of range: {shown(value)}") from None
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise InvalidTime(f"is out of range: {shown(value)}; years go from {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def fixed(moment: datetime) -> str:
    """Fixed-width UTC text, so that text order is time order."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def plain(moment: datetime) -> str:
    """The shortest RFC 3339 text in UTC: what a sender writes who means the same moment."""
    whole, _, fraction = moment.strftime("%Y-%m-%dT%H:%M:%S.%f").partition(".")
    fraction = fraction.rstrip("0")
    return f"{whole}.{fraction}Z" if fraction else f"{whole}Z"


def shown(value: Any, most: int = 60) -> str:
    """A value as a sentence may repeat it."""
    text = repr(value)
    return text if len(text) <= most else text[: most - 3] + "..."
