"""Which offset may be committed, whatever the order of acknowledgement."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from agents.lane.batch import Batch, Turn, Window
from agents.lane.errors import TurnRefused
from agents.lane.lane import Lane

TP0 = TP("t", 0)


def batches(window: Window, ends: list[int]) -> list[Batch]:
    def records(end: int) -> list[Any]:
        return [SimpleNamespace(offset=end - 1)]

    return [Batch(TP0, records(end), window, lambda batch: None) for end in ends]


@given(st.integers(1, 8).flatmap(lambda n: st.permutations(range(n))), st.data())
def test_the_committable_offset_is_that_of_the_acknowledged_head(order: list[int], data: st.DataObject) -> None:
    """After any acknowledgements in any order: the end of the run of acknowledged batches that starts at the first."""
    window = Window(1, lambda: 1)
    made = batches(window, [(n + 1) * 10 for n in range(len(order))])
    acked = order[: data.draw(st.integers(0, len(order)))]
    for n in acked:
        assert made[n].ack()
        assert not made[n].ack()
    head = next(n for n in range(len(order) + 1) if n not in acked)
    assert window.committable == (head * 10 if head else None)
    assert list(window.open) == made[head:]


def test_nothing_is_acknowledged_into_another_generation() -> None:
    """A closed window, or a group that has moved on, makes batches and turns stale and their acks void."""
    generation = 1
    window = Window(1, lambda: generation)
    first, second = batches(window, [10, 20])
    turn = Turn(window)
    assert first.ack()
    generation = 2
    assert second.stale
    assert turn.stale
    assert not second.ack()
    generation = 1
    window.closed = True
    assert second.stale
    assert turn.stale
    assert not second.ack()
    assert window.committable == 10


async def test_after_a_body_has_raised_nothing_of_the_lane_goes_on() -> None:
    """A batch or a timer that waited for its turn while another raised is refused: its rows lack what was lost."""
    lane = Lane(None, {"t": 10}, 2, None)
    window = Window(1, lambda: 1)
    first, second = batches(window, [10, 20])
    lane.open_windows({TP0: window})
    with pytest.raises(RuntimeError):
        async with lane.in_hand(first) as in_time:
            assert in_time
            raise RuntimeError
    async with lane.in_hand(second) as in_time:
        assert not in_time
    with pytest.raises(TurnRefused):
        async with lane.turn(0):
            pass
