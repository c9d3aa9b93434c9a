"""Calls per window (P01): no interval ever holds more than the limit, and the limit is used while work waits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gate.window import Window


def most_in_any_interval(arrivals: list[float], seconds: float) -> int:
    """The vendor's view: the most arrivals in any half-open interval of this length."""
    return max((sum(start <= other < start + seconds for other in arrivals) for start in arrivals), default=0)


calls = st.tuples(
    st.integers(0, 40),  # ticks before we try to begin
    st.integers(0, 60),  # how long the call lasts, in ticks
    st.integers(0, 100),  # where between begin and end it arrives, per cent
)


@given(st.integers(1, 6), st.integers(1, 80), st.lists(calls, max_size=60))
def test_no_interval_holds_more_than_the_limit(limit: int, seconds: int, script: list[tuple[int, int, int]]) -> None:
    """Arbitrary schedules, durations and network delays: counted where the vendor counts, the limit holds."""
    window = Window(limit, seconds)
    now = 0.0
    open_until: list[float] = []
    arrivals: list[float] = []
    for wait, lasts, where in script:
        now += wait
        for end in sorted(end for end in open_until if end <= now):
            window.end(end)
            open_until.remove(end)
        if window.begin(now):
            open_until.append(now + lasts)
            arrivals.append(now + lasts * where / 100)
        else:
            assert window.opens_at(now) > now
    assert most_in_any_interval(arrivals, seconds) <= limit


@given(st.integers(1, 20), st.integers(1, 20))
def test_the_whole_limit_is_used_while_work_waits(limit: int, windows: int) -> None:
    """Instant calls sent whenever the window opens: exactly the limit in each window, no sleep too long."""
    window = Window(limit, 10)
    now, sent = 0.0, 0
    while now < windows * 10:
        if window.begin(now):
            window.end(now)
            sent += 1
        else:
            now = window.opens_at(now)
    assert sent == limit * windows


def test_only_the_end_of_a_call_opens_a_window_full_of_calls_in_flight() -> None:
    """While both places are in flight no moment can be named."""
    window = Window(2, 10)
    assert window.begin(0)
    assert window.begin(0)
    assert window.opens_at(100) == math.inf
    window.end(100)
    assert window.opens_at(100) == 110


def test_a_call_that_was_not_sent_gives_its_place_back() -> None:
    """The lease was lost before the send: the vendor saw nothing."""
    window = Window(1, 10)
    assert window.begin(0)
    window.give_back()
    assert window.begin(0)


def test_no_limit_lets_everything_pass() -> None:
    """A limit of 0 is none."""
    window = Window(0, 0)
    assert all(window.begin(0) for _ in range(10_000))


def test_after_a_take_over_the_window_counts_as_used() -> None:
    """What the predecessor sent is not known; nothing is sent before its calls have left the window."""
    window = Window(3, 10)
    assert window.begin(0)
    window.end(0)
    window.fill(8)
    assert not window.begin(17.9)
    assert [window.begin(18) for _ in range(4)] == [True, True, True, False]


def test_a_window_without_length_is_a_mistake() -> None:
    """Ten calls in no seconds cannot be held."""
    with pytest.raises(ValueError, match="not a window"):
        Window(10, 0)
