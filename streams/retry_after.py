"""How long a vendor asks us to stay away, read from the headers of its answer: five styles, or nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from streams.adapter import RetryAfter

LONGEST_SECONDS = 3600.0
"""No pause is longer: a wrong unit or a vendor's wrong clock must not park an account for days, and asking once an hour
costs nobody anything. The longest window that a vendor publishes is one hour (Centra's hourly buckets)."""

_EARLIEST_UNIX_SECONDS = 1e9
"""A number from here on is a moment (9 September 2001 or later), not a pause of thirty years."""

_EARLIEST_UNIX_MILLISECONDS = 1e11
"""In seconds this would be the year 5138, in milliseconds it is 1973: from here on the unit is milliseconds."""

_SECONDS_HEADERS = ("retry-after",)
_MILLISECONDS_HEADERS = ("retry-after-ms", "x-rate-limit-time-reset-ms")  # the second is BigCommerce's

_NUMBER = re.compile(r"[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)


def parse(headers: Mapping[str, str], now: datetime) -> RetryAfter:
    """The pause that the headers ask for, from `now` (aware): 0 to `LONGEST_SECONDS`, or None when they do not say.

    `Retry-After` may hold seconds or an HTTP date (RFC 9110 10.2.3), and, as some vendors send it, a Unix or an
    ISO 8601 timestamp. Of several headers the longest pause stands. What cannot be read counts as absent; a moment in
    the past is 0.
    """
    wanted: list[float] = []
    for name, value in headers.items():
        text = value.strip()
        if name.lower() in _SECONDS_HEADERS:
            seconds = _seconds(text, now)
        elif name.lower() in _MILLISECONDS_HEADERS:
            seconds = _milliseconds(text, now)
        else:
            continue
        if seconds is not None:
            wanted.append(min(max(seconds, 0.0), LONGEST_SECONDS))
    return RetryAfter(max(wanted, default=None))


def _seconds(text: str, now: datetime) -> float | None:
    if _NUMBER.fullmatch(text):
        number = float(text)
        if number >= _EARLIEST_UNIX_MILLISECONDS:
            return number / 1000 - now.timestamp()
        if number >= _EARLIEST_UNIX_SECONDS:
            return number - now.timestamp()
        return number
    moment = _iso(text) or _http_date(text)
    return None if moment is None else (moment - now) / timedelta(seconds=1)


def _milliseconds(text: str, now: datetime) -> float | None:
    if not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number / 1000 - now.timestamp() if number >= _EARLIEST_UNIX_MILLISECONDS else number / 1000


def _iso(text: str) -> datetime | None:
    # fromisoformat also reads a bare date ("2026-11-01"): that is no moment to come back at.
    if len(text) <= len("2026-11-01"):
        return None
    try:
        return _aware(datetime.fromisoformat(text))
    except ValueError:
        return None


def _http_date(text: str) -> datetime | None:
    try:
        return _aware(parsedate_to_datetime(text))
    except (ValueError, TypeError, IndexError, OverflowError):  # hostile text reaches the parser's insides
        return None


def _aware(moment: datetime) -> datetime:
    # A time without a zone is UTC: HTTP dates always are, and no vendor documents local time here.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
