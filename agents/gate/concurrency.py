"""How many commands may be under way at once: additive increase, multiplicative decrease under the account's limit."""

from __future__ import annotations

CUT = 0.7
"""Gentler than TCP's half: the ceiling is the limit that the vendor declared, so the true one is rarely far below."""


class Concurrency:
    """An adaptive limit between 1 and the account's own.

    It starts at the ceiling, since the account declares its limit and one owner holds it exactly: probing up from 1
    would leave most of it unused after every take-over (P01). A limit declared too high is found within a few cuts.
    """

    def __init__(self, ceiling: int) -> None:
        if ceiling < 1:
            raise ValueError(f"an account needs at least one call at a time, not {ceiling}")
        self.ceiling = ceiling
        self.limit = ceiling
        self.cuts = 0
        self._cut_at = -1.0
        self._successes = 0

    def succeeded(self, started: float) -> None:
        """A call begun at `started` was answered: one more at once after as many of these as the limit now is."""
        if started <= self._cut_at or self.limit == self.ceiling:
            return
        self._successes += 1
        if self._successes >= self.limit:
            self.limit += 1
            self._successes = 0

    def overloaded(self, now: float, started: float) -> bool:
        """A call begun at `started` was throttled or timed out; returns whether the limit was cut.

        At most one cut a round trip: what was in flight at the last cut was sent under the old limit, and says
        nothing about the new one.
        """
        if started <= self._cut_at:
            return False
        self.limit = max(1, int(self.limit * CUT))
        self.cuts += 1
        self._cut_at = now
        self._successes = 0
        return True
