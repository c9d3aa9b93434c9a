"""The stop for a bad deploy (E09): it counts only what is our own doing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.gate.dead_ratio import DeadRatio


def test_a_bad_deploy_stops_after_twenty_records() -> None:
    """Everything dies from the first record on: nineteen go by, the twentieth stops it and says why."""
    ratio = DeadRatio()
    assert [ratio.note(bug=1) for _ in range(19)] == [None] * 19
    stop = ratio.note(bug=1)
    assert stop is not None
    assert stop.reason.startswith("20 of the last 20 records could not be processed (20 by a fault in this software, 0")


def test_a_bad_deploy_after_good_days_stops_when_half_of_the_last_records_are_dead() -> None:
    """A good past does not hide a bad present."""
    ratio = DeadRatio()
    for _ in range(10_000):
        assert ratio.note(good=1) is None
    assert [bool(ratio.note(bug=1)) for _ in range(100)] == [False] * 99 + [True]


def test_a_few_dead_records_do_not_stop_a_stream() -> None:
    """Every third record poison, for ever: dead-lettered, not stopped."""
    ratio = DeadRatio()
    assert not any(ratio.note(good=2, poison=1) for _ in range(1000))


def test_nineteen_poison_records_alone_do_not_stop() -> None:
    """A small burst of rubbish on a quiet topic is dead-lettered."""
    assert DeadRatio().note(poison=19) is None


def test_whoever_has_looked_may_let_it_go_on() -> None:
    """Rubbish that a producer has sent stays rubbish, however often the worker is started again."""
    ratio = DeadRatio(stops=False)
    assert [ratio.note(poison=50) for _ in range(10)] == [None] * 10


def test_one_large_batch_is_judged_as_a_whole() -> None:
    """The lane notes batches: 500 good before 400 dead in one batch is under half."""
    ratio = DeadRatio()
    assert ratio.note(good=500, poison=400) is None
    assert ratio.note(poison=400) is not None


batches = st.lists(st.tuples(st.integers(0, 50), st.integers(0, 30), st.integers(0, 30)), max_size=60)


@given(batches)
def test_it_stops_exactly_by_the_rule(script: list[tuple[int, int, int]]) -> None:
    """Against a plain model: the shortest run of latest batches that holds at least 200 records."""
    ratio = DeadRatio()
    noted: list[tuple[int, int]] = []
    for good, bug, poison in script:
        stop = ratio.note(good=good, bug=bug, poison=poison)
        noted.append((good, bug + poison))
        dead = records = 0
        for batch_good, batch_dead in reversed(noted):
            if records >= 200:
                break
            dead, records = dead + batch_dead, records + batch_good + batch_dead
        assert (stop is not None) == (dead >= 20 and dead >= records / 2)


def test_a_rule_that_could_never_stop_is_refused() -> None:
    """Thirty dead of the last ten is a mistake in the settings."""
    with pytest.raises(ValueError, match="not a stop rule"):
        DeadRatio(last=10, least_dead=30)
