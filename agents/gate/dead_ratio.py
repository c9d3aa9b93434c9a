"""The stop for a bad deploy (E09): when almost everything fails by our own fault, stop; do not dead-letter it all."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stop:
    """Why consumption stops, in one sentence for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class _Chunk:
    good: int
    bug: int
    poison: int

    @property
    def records(self) -> int:
        return self.good + self.bug + self.poison


class DeadRatio:
    """The share of records that died as `bug` or `poison` (undecodable), over the last records.

    Only these two count: refusals, unmapped codes, throttles and outages are the world's doing, and stopping would not
    mend them. Records are noted batch by batch; the window holds whole batches and at least `last` records once so
    many were seen. With `stops` false nothing stops it: for whoever has looked, and wants the rest dead-lettered.
    """

    def __init__(self, *, last: int = 200, least_dead: int = 20, share: float = 0.5, stops: bool = True) -> None:
        if not 0 < share <= 1 or least_dead < 1 or last < least_dead:
            raise ValueError(f"not a stop rule: {least_dead} dead or {share:.0%} of the last {last}")
        self.last, self.least_dead, self.share, self.stops = last, least_dead, share, stops
        self._chunks: deque[_Chunk] = deque()
        self._good = self._bug = self._poison = 0

    def note(self, *, good: int = 0, bug: int = 0, poison: int = 0) -> Stop | None:
        """Note a batch; returns a `Stop` when the records in the window say so."""
        if not self.stops:
            return None
        chunk = _Chunk(good, bug, poison)
        if chunk.records:
            self._chunks.append(chunk)
            self._add(chunk, +1)
        while self._chunks and self._records - self._chunks[0].records >= self.last:
            self._add(self._chunks.popleft(), -1)
        dead = self._bug + self._poison
        if dead < self.least_dead or dead < self.share * self._records:
            return None
        return Stop(
            f"{dead} of the last {self._records} records could not be processed "
            f"({self._bug} by a fault in this software, {self._poison} unreadable): "
            "consumption has stopped so that nothing more is dead-lettered; "
            "look at the latest deployment or the newest producer, then start again. "
            "To have what stays unreadable dead-lettered, start with REVENI_STREAMS_STOP_WHEN_ALL_FAILS=false."
        )

    @property
    def _records(self) -> int:
        return self._good + self._bug + self._poison

    def _add(self, chunk: _Chunk, sign: int) -> None:
        self._good += sign * chunk.good
        self._bug += sign * chunk.bug
        self._poison += sign * chunk.poison
