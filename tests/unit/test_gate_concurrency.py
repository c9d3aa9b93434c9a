"""Adaptive concurrency (P01): the account's limit is used whole, never passed, and cut once a round trip."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gate.concurrency import Concurrency


def test_it_starts_at_the_ceiling() -> None:
    """The limit is declared and has one owner: nothing is gained by creeping up to it."""
    assert Concurrency(15).limit == 15


def test_one_round_trip_of_throttles_is_one_cut() -> None:
    """Fifteen calls in flight that are all throttled cut 15 to 10, not to 1."""
    concurrency = Concurrency(15)
    for n in range(15):
        concurrency.overloaded(now=1 + n / 100, started=0.5)
    assert concurrency.limit == 10
    assert concurrency.cuts == 1
    concurrency.overloaded(now=2.5, started=2)
    assert concurrency.limit == 7


def test_one_more_for_each_round_of_successes() -> None:
    """From 10: ten successes make 11, eleven more make 12."""
    concurrency = Concurrency(15)
    concurrency.overloaded(now=1, started=0)
    limits = []
    for _ in range(21):
        concurrency.succeeded(started=2)
        limits.append(concurrency.limit)
    assert limits == [10] * 9 + [11] * 11 + [12]


def test_successes_sent_before_the_cut_do_not_raise_it() -> None:
    """They were sent under the old limit."""
    concurrency = Concurrency(15)
    concurrency.overloaded(now=1, started=0)
    for _ in range(100):
        concurrency.succeeded(started=0.9)
    assert concurrency.limit == 10


@given(st.integers(1, 50), st.lists(st.tuples(st.booleans(), st.floats(0, 2), st.floats(0, 2)), max_size=200))
def test_never_below_one_nor_above_the_ceiling(ceiling: int, calls: list[tuple[bool, float, float]]) -> None:
    """Whatever happens, and a cut always cuts while there is anything to cut."""
    concurrency = Concurrency(ceiling)
    now = 0.0
    for good, step, lasted in calls:
        now += step
        before = concurrency.limit
        if good:
            concurrency.succeeded(now - lasted)
            assert before <= concurrency.limit <= before + 1
        elif concurrency.overloaded(now, now - lasted):
            assert concurrency.limit < before or before == 1
        assert 1 <= concurrency.limit <= ceiling


@given(st.integers(1, 40), st.integers(0, 12))
def test_it_comes_back_to_the_ceiling_when_trouble_ends(ceiling: int, cuts: int) -> None:
    """Liveness (I14): successes alone bring the whole limit back."""
    concurrency = Concurrency(ceiling)
    for n in range(cuts):
        concurrency.overloaded(now=n + 1, started=n + 0.5)
    for _ in range(ceiling * (ceiling + 1) // 2):
        concurrency.succeeded(started=100)
    assert concurrency.limit == ceiling


def test_an_account_without_any_concurrency_is_a_mistake() -> None:
    """A limit of 0 would wait for ever: it is refused at the start."""
    with pytest.raises(ValueError, match="at least one"):
        Concurrency(0)
