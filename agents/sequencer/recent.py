"""Rows that were decided last, kept as they were before they became bytes: most orders are soon decided again.

A command's outcome comes seconds after the command; reading the row anew is a tenth of taking it (benchmarks.decider).
What is here is never more than a short cut: a row is given out only for the very bytes that were written of it.
"""

from __future__ import annotations

from streams.row import Row
from streams.rowcodec import decode

RECENT_BYTES = 256 * 1024  # of the rows' records, for each partition; a row in memory takes some ten times its record


class RecentRows:
    """The rows of one partition that were written last, by key."""

    def __init__(self, room: int = RECENT_BYTES) -> None:
        self._room = room
        self._size = 0
        self._kept: dict[bytes, tuple[bytes, Row]] = {}  # the oldest first

    def take(self, key: bytes, stored: bytes) -> Row:
        """The row of a record, to be changed: it is kept no longer. Raises `UnreadableRow`."""
        kept = self._kept.pop(key, None)
        if kept is None:
            return decode(stored)
        value, row = kept
        self._size -= len(value)
        return row if value is stored else decode(stored)

    def keep(self, key: bytes, value: bytes, row: Row) -> None:
        """Remember that this row was written as these bytes; nobody may change it until it is taken."""
        before = self._kept.pop(key, None)
        if before is not None:
            self._size -= len(before[0])
        self._kept[key] = value, row
        self._size += len(value)
        while self._size > self._room:
            oldest = next(iter(self._kept))
            self._size -= len(self._kept.pop(oldest)[0])
