"""A batch that stays in hand is told once in five minutes; a healthy partition never."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from faust.types import TP

from agents.lane.stuck import StuckWatch

ONE, TWO = TP("events.reveni", 0), TP("events.reveni", 1)


def windows(**ends: int | None) -> Any:
    """By partition: the end of the oldest open batch, None where nothing is open."""
    named = {"one": ONE, "two": TWO}
    return {
        named[name]: SimpleNamespace(open=[] if end is None else [SimpleNamespace(end=end)])
        for name, end in ends.items()
    }


def test_a_partition_that_rests_or_goes_on_is_never_told() -> None:
    watch = StuckWatch(300)
    for moment in range(0, 3000, 10):
        assert watch.look(windows(one=None, two=moment), float(moment)) == {}


def test_a_batch_that_stays_is_told_and_told_again_after_as_long() -> None:
    watch = StuckWatch(300)
    told = {moment: found for moment in range(0, 700, 10) if (found := watch.look(windows(one=7), float(moment)))}
    assert told == {300: {ONE: 300.0}, 600: {ONE: 600.0}}


def test_another_batch_begins_anew() -> None:
    watch = StuckWatch(300)
    watch.look(windows(one=7), 0.0)
    assert watch.look(windows(one=8), 299.0) == {}
    assert watch.look(windows(one=8), 598.0) == {}
    assert watch.look(windows(one=8), 599.0) == {ONE: 300.0}
