"""Calls per window, counted where the vendor counts: on arrival."""

from __future__ import annotations

import math
from collections import deque


class Window:
    """At most `limit` calls arrive in any interval of `seconds`; a limit of 0 is none.

    A call arrives at the vendor at some moment between its begin and its end, which we do not see. So its place is free
    again `seconds` after its **end**: then no interval holds more than the limit, whatever the network did to any call,
    be the vendor's window fixed, sliding or a bucket. The price is one call's duration a window.
    """

    def __init__(self, limit: int, seconds: float) -> None:
        if limit < 0 or seconds < 0 or (limit and not seconds):
            raise ValueError(f"not a window: {limit} calls in {seconds} seconds")
        self.limit = limit
        self.seconds = seconds
        self._in_flight = 0
        self._ended: deque[float] = deque()

    def opens_at(self, now: float) -> float:
        """From when a call may begin: 0 at once, infinity when only the end of a call in flight can make room."""
        if self.used(now) < self.limit or not self.limit:
            return 0.0
        return self._ended[0] + self.seconds if self._ended else math.inf

    def used(self, now: float) -> int:
        """Places taken by calls in flight and by those that ended less than a window ago."""
        while self._ended and self._ended[0] + self.seconds <= now:
            self._ended.popleft()
        return self._in_flight + len(self._ended)

    def begin(self, now: float) -> bool:
        """Take a place for a call; False when none is left."""
        if self.opens_at(now) > now:
            return False
        self._in_flight += 1
        return True

    def end(self, now: float) -> None:
        """The call of a place taken has ended."""
        self._in_flight -= 1
        if self.limit:
            self._ended.append(now)

    def give_back(self) -> None:
        """The call of a place taken was never sent."""
        self._in_flight -= 1

    def fill(self, until: float) -> None:
        """Assume that a predecessor used the whole window, its last calls ending at `until`: nobody can know."""
        self._ended = deque([until] * self.limit)
