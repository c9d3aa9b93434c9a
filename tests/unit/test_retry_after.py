"""The pause a vendor asks for (P01, E02): each style is read, nothing hostile is believed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from streams.retry_after import LONGEST_SECONDS, parse

NOW = datetime(2026, 11, 27, 9, 30, 0, tzinfo=UTC)
UNIX = int(NOW.timestamp())


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7),
        ({"RETRY-AFTER": " 7 "}, 7),
        ({"Retry-After": "0"}, 0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "Fri, 27 Nov 2026 09:30:40 GMT"}, 40),
        ({"Retry-After": "Friday, 27-Nov-26 09:30:40 GMT"}, 40),
        ({"Retry-After": "Fri Nov 27 09:30:40 2026"}, 40),
        ({"Retry-After": str(UNIX + 12)}, 12),
        ({"Retry-After": str((UNIX + 12) * 1000 + 500)}, 12.5),
        ({"Retry-After": "2026-11-27T09:30:09Z"}, 9),
        ({"Retry-After": "2026-11-27T10:30:09.250+01:00"}, 9.25),
        ({"Retry-After": "2026-11-27 09:30:09"}, 9),
        ({"X-Rate-Limit-Time-Reset-Ms": "15000"}, 15),
        ({"retry-after-ms": "250"}, 0.25),
        ({"Retry-After": "1", "Retry-After-Ms": "250"}, 1),
        ({"Retry-After": "rubbish", "Retry-After-Ms": "250"}, 0.25),
    ],
)
def test_each_style_is_read(headers: dict[str, str], seconds: float) -> None:
    """Seconds, HTTP dates, Unix and ISO timestamps, milliseconds; header names in any case."""
    assert parse(headers, NOW).seconds == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "soon",
        "-5",
        "nan",
        "inf",
        "1e9999",
        "٧",
        "7 s",
        "2026-11-27",
        "9" * 40,
        "\x00",
        "0x10",
        "T",
    ],
)
def test_what_cannot_be_read_counts_as_absent(value: str) -> None:
    """Garbage is not a pause of zero: the gate then paces itself."""
    assert parse({"Retry-After": value}, NOW).seconds is None
    assert parse({"Retry-After-Ms": value}, NOW).seconds is None


def test_absent_header_says_nothing() -> None:
    """NetSuite sends 429 without any header."""
    assert parse({"Content-Type": "application/json"}, NOW).seconds is None


@pytest.mark.parametrize("value", ["86400", "Fri, 27 Nov 2099 09:30:40 GMT", "2099-01-01T00:00:00Z", str(UNIX + 9**9)])
def test_no_pause_is_longer_than_the_cap(value: str) -> None:
    """A wrong unit or a wrong clock does not park the account for days."""
    assert parse({"Retry-After": value}, NOW).seconds == LONGEST_SECONDS


@pytest.mark.parametrize("value", ["Fri, 27 Nov 2026 09:29:00 GMT", str(UNIX - 60), "2026-11-27T09:29:59Z"])
def test_a_moment_in_the_past_is_zero(value: str) -> None:
    """Never a negative pause."""
    assert parse({"Retry-After": value}, NOW).seconds == 0


@given(st.integers(0, 3600))
def test_the_styles_agree(seconds: int) -> None:
    """The same pause reads the same in every style."""
    due = NOW + timedelta(seconds=seconds)
    styles = [
        {"retry-after": str(seconds)},
        {"retry-after": format_datetime(due, usegmt=True)},
        {"retry-after": str(UNIX + seconds)},
        {"retry-after": due.isoformat()},
        {"x-rate-limit-time-reset-ms": str(seconds * 1000)},
    ]
    assert {parse(headers, NOW).seconds for headers in styles} == {float(seconds)}


@given(
    st.sampled_from(["Retry-After", "Retry-After-Ms", "X-Rate-Limit-Time-Reset-Ms"]),
    st.text() | st.from_regex(r"[0-9T:.+Z, a-zA-Z-]{1,40}", fullmatch=True) | st.floats().map(str),
)
@example("Retry-After", "Mon, 99 Nov 99999 99:99:99 GMT")
@example("Retry-After", "0001-01-01T00:00:00+14:00")
@example("Retry-After", "9999-12-31T23:59:59-14:00")
def test_no_text_breaks_it(name: str, value: str) -> None:
    """Whatever a vendor sends is a pause within bounds, or nothing; never an error."""
    seconds = parse({name: value}, NOW).seconds
    assert seconds is None or 0 <= seconds <= LONGEST_SECONDS
