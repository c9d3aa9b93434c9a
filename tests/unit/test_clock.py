"""A clock whose time of day cannot be set."""

from __future__ import annotations

from datetime import datetime, timedelta

from agents.clock import SteadyClock
from tests.clock import START, TurnedClock


class _Set(TurnedClock):
    """A machine whose clock somebody sets by `skew`."""

    skew = timedelta(0)

    def now(self) -> datetime:
        return super().now() + self.skew


async def test_its_dates_go_on_whatever_is_done_to_the_machines_clock() -> None:
    """Set back or forth by an hour: the dates stay in order, and as far apart as time has passed."""
    machine = _Set()
    steady = SteadyClock(machine)
    dates = []
    for hours in (0, -1, 1):
        machine.skew = timedelta(hours=hours)
        await machine.advance(5)
        dates.append(steady.now())
    assert dates == [START + timedelta(seconds=seconds) for seconds in (5, 10, 15)]
    assert steady.elapsed() == 15
