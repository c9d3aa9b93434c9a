"""The freeze (E02, I14): a throttled account is left alone as long as it asks, and longer each time it does not say."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from agents.gate.pause import Freeze, GrowingPause


def make(seed: int = 1) -> Freeze:
    return Freeze(GrowingPause(1, 60, random.Random(seed)))


def test_the_vendors_word_stands() -> None:
    """Thirty seconds are thirty seconds."""
    freeze = make()
    freeze.throttled(now=100, started=99, said=30)
    assert freeze.until == 130


def test_the_latest_moment_named_stands() -> None:
    """A shorter pause named by a call of the same round trip does not thaw what a longer one froze."""
    freeze = make()
    freeze.throttled(now=100, started=99, said=30)
    freeze.throttled(now=101, started=99, said=5)
    assert freeze.until == 130
    freeze.throttled(now=101, started=99, said=60)
    assert freeze.until == 161


@given(st.integers(0, 2**32))
def test_unsaid_pauses_grow_to_a_minute(seed: int) -> None:
    """Each round trip that is throttled doubles the pause, from 1 s up to 60 s."""
    freeze = make(seed)
    now = 0.0
    for n in range(10):
        freeze.throttled(now=now, started=now - 0.1 if n == 0 else now, said=None)
        pause = freeze.until - now
        assert min(2.0**n, 30) - 1e-6 <= pause <= min(2.0 ** (n + 1), 60) + 1e-6
        now = freeze.until + 0.1


def test_one_round_trip_makes_one_pause() -> None:
    """Fifteen calls throttled together are one reason to wait, not fifteen."""
    freeze = make()
    for n in range(15):
        freeze.throttled(now=1 + n / 100, started=0.5, said=None)
    assert freeze.until <= 3


def test_success_makes_the_next_pause_short_again() -> None:
    """But not the success of a call that was sent before the freeze."""
    freeze = make()
    for now in (1.0, 11.0, 31.0):
        freeze.throttled(now=now, started=now - 0.5, said=None)
    freeze.succeeded(started=30)
    freeze.throttled(now=101, started=100, said=None)
    assert freeze.until - 101 >= 8
    freeze.succeeded(started=102)
    freeze.throttled(now=201, started=200, said=None)
    assert freeze.until - 201 <= 2


def test_a_pause_of_zero_counts_as_unsaid() -> None:
    """A timestamp read against a slow clock is in the past: hammering would not help."""
    freeze = make()
    freeze.throttled(now=10, started=9, said=0.0)
    assert freeze.until >= 11
