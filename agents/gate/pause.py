"""Pauses: one that grows while trouble lasts, and the freeze that a throttled account is put under."""

from __future__ import annotations

import random


class GrowingPause:
    """A pause that doubles each time it is asked for, with jitter, until it is reset.

    The n-th pause is drawn from the upper half of a ceiling that doubles (2, 4, 8... times the first), so it is never
    shorter than `first` nor longer than `longest`, and accounts that failed together do not come back together.
    """

    def __init__(self, first: float, longest: float, random: random.Random) -> None:
        self.first, self.longest = first, longest
        self._random = random
        self._ceiling = 2 * first

    def take(self) -> float:
        """The next pause, in seconds."""
        ceiling = min(self._ceiling, self.longest)
        self._ceiling = 2 * ceiling
        return max(self.first, ceiling * self._random.uniform(0.5, 1.0))

    def reset(self) -> None:
        """Start again from the first pause."""
        self._ceiling = 2 * self.first


class Freeze:
    """Until when nothing may be sent because the vendor asked for fewer calls."""

    def __init__(self, growing: GrowingPause) -> None:
        self.until = 0.0
        self._growing = growing
        self._set_at = -1.0

    def throttled(self, now: float, started: float, said: float | None) -> None:
        """A call begun at `started` was throttled at `now`; the vendor `said` how long to wait, or did not.

        A pause of zero is what a timestamp read against a slow clock looks like: it counts as not said. Calls in
        flight together are throttled together, so one begun before the freeze does not make the pause grow; but
        the latest moment that a vendor named always stands.
        """
        if said:
            self.until = max(self.until, now + said)
        elif started > self._set_at:
            self.until = max(self.until, now + self._growing.take())
        else:
            return
        self._set_at = now

    def succeeded(self, started: float) -> None:
        """A call begun at `started` was answered: if that was after the freeze, the next pause is short again."""
        if started > self._set_at:
            self._growing.reset()
