"""Whose calls are in flight at the vendor, and for how long: the deadline of a call is its caller's to keep."""

from __future__ import annotations

from collections.abc import Callable

from adapters.simulators.calls import Call
from agents.dispatcher.entries import Owned, decode
from tests.simulation.ports import SimClock
from tests.simulation.vendor import VendorWorld

_CLOSING_SECONDS = 0.5  # in which a caller whose time is over has closed its connection


class Callers:
    """What may be said for a call, by who made it."""

    def __init__(
        self, vendor: VendorWorld, stood_still: Callable[[str, float], bool], clock: SimClock, deadline: float
    ) -> None:
        """`stood_still(name, since)`: whether that process was stopped at some time from then on; `deadline`: seconds
        that a call of the account may take."""
        self._vendor, self._stood_still, self._clock = vendor, stood_still, clock
        self._deadline = deadline + _CLOSING_SECONDS
        self._owner = Owned(0, "", released=True)
        self._left_alone_until = 0.0

    def owned(self, value: bytes) -> None:
        """A record of the account's table that says who holds it. Who takes it over from one that did not release it
        leaves its slots alone for one deadline: in that time no call too many is excused."""
        owned = decode(value)
        if isinstance(owned, Owned) and owned.epoch >= self._owner.epoch:
            if owned.epoch > self._owner.epoch and not self._owner.released:
                self._left_alone_until = self._clock.elapsed() + self._deadline - _CLOSING_SECONDS
            self._owner = owned

    def overstaying(self) -> int:
        """How many calls the vendor still holds whose caller was stopped before it could give them up.

        The one excess that docs/guarantees.md allows: nobody but the vendor can end such a call, and the successor,
        which leaves the slots alone for one deadline, has no way to see it.
        """
        if self._clock.elapsed() < self._left_alone_until:
            return 0
        return sum(self._age(call) > self._deadline and self._was_stopped(call) for call in self._vendor.in_flight())

    def outlived(self, call: Call) -> str:
        """What is wrong with the time that a call took which has just ended; empty if nothing."""
        age = self._age(call)
        if age <= self._deadline or self._was_stopped(call):
            return ""
        who = self._vendor.owner_of(call)
        return (
            f"a call of {who} ({call.method} {call.path}) was in flight for {age:.1f} s; its deadline is over by then"
        )

    def _age(self, call: Call) -> float:
        return ((call.finished or self._clock.now()) - call.started).total_seconds()

    def _was_stopped(self, call: Call) -> bool:
        began = self._clock.elapsed() - (self._clock.now() - call.started).total_seconds()
        return self._stood_still(self._vendor.owner_of(call), began)
