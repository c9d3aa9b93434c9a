"""A batch of records of one partition, and the window of batches that are not committed yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from faust.types import TP

from agents.records import Record


class Window:
    """The batches of one partition between two seeks, in order of offset.

    Only the run of acknowledged batches at its head is committable, so an offset is never passed over. A seek or a
    rebalance closes the window; a late acknowledgement then lands on a closed window and counts for nothing.
    """

    __slots__ = ("_current_generation", "closed", "committable", "generation_id", "open")

    def __init__(self, generation_id: int, current_generation: Callable[[], int]) -> None:
        self.generation_id = generation_id
        self.open: deque[Batch] = deque()
        self.committable: int | None = None
        self.closed = False
        self._current_generation = current_generation

    @property
    def stale(self) -> bool:
        """True once the partition was revoked, sought anew, or the group has moved on without us.

        The generation alone would not do: the embedded broker counts it from 0 again when a group was empty.
        """
        return self.closed or self._current_generation() != self.generation_id

    def settle(self) -> None:
        """Move the committable offset over the acknowledged batches at the head."""
        while self.open and self.open[0].acked:
            self.committable = self.open.popleft().end


class Batch:
    """Records of one partition, in order, delivered once per generation."""

    __slots__ = ("_on_ack", "_window", "acked", "end", "records", "tp")

    def __init__(self, tp: TP, records: Sequence[Record], window: Window, on_ack: Callable[[Batch], None]) -> None:
        self.tp: Any = tp
        self.records = records
        self.end = records[-1].offset + 1
        self.acked = False
        self._window = window
        self._on_ack = on_ack
        window.open.append(self)

    @property
    def generation_id(self) -> int:
        return self._window.generation_id

    @property
    def stale(self) -> bool:
        """True once the partition was revoked or the group has moved on: nothing decided here may take effect."""
        return self._window.stale

    def ack(self) -> bool:
        """Say that everything in the batch is durable; False if it was stale or acknowledged before.

        Batches may be acknowledged out of order: what is committed stops before the first that is open. The records
        are let go.
        """
        if self.acked or self.stale:
            return False
        self.acked = True
        self._window.settle()
        self._on_ack(self)
        self.records = ()
        return True

    def __repr__(self) -> str:
        return f"<Batch {self.tp.topic}-{self.tp.partition} up to {self.end}, generation {self.generation_id}>"


class Turn:
    """The right to act on a partition between two batches."""

    __slots__ = ("_window",)

    def __init__(self, window: Window) -> None:
        self._window = window

    @property
    def stale(self) -> bool:
        """As a batch's: nothing decided in a stale turn may take effect."""
        return self._window.stale
