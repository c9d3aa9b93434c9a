"""Whether a batch has been in hand for so long that something must be wrong with it (no I/O, time passed in)."""

from __future__ import annotations

from collections.abc import Mapping

from faust.types import TP

from agents.lane.batch import Window

STUCK_SECONDS = 300.0


class StuckWatch:
    """Looks at the oldest batch of each window, now and then; tells of one that stays, once every so many seconds."""

    def __init__(self, seconds: float = STUCK_SECONDS) -> None:
        self._seconds = seconds
        self._seen: dict[TP, tuple[int, float, float]] = {}  # end of the oldest batch, first seen at, told at

    def look(self, windows: Mapping[TP, Window], now: float) -> dict[TP, float]:
        """The partitions whose oldest batch has not ended for so long, with the seconds since it was first seen."""
        told: dict[TP, float] = {}
        seen: dict[TP, tuple[int, float, float]] = {}
        for tp, window in windows.items():
            if not window.open:
                continue
            end = window.open[0].end
            before, since, last = self._seen.get(tp, (end, now, now))
            if before != end:
                since = last = now
            if now - last >= self._seconds:
                told[tp], last = now - since, now
            seen[tp] = (end, since, last)
        self._seen = seen
        return told
