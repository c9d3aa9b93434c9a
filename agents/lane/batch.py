"""A batch of records of one partition, and the window of batches that are not committed yet."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from faust.types import TP


class Record(Protocol):
    """What a batch holds: aiokafka's ConsumerRecord, key and value as stored."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Window:
    """The batches of one partition between two seeks, in order of offset.

    Only the run of acknowledged batches at its head is committable, so an offset is never passed over. A seek or a
    rebalance closes the window; a late acknowledgement then lands on a closed window and counts for nothing.
    """

    __slots__ = ("closed", "committable", "open")

    def __init__(self) -> None:
        self.open: deque[Batch] = deque()
        self.committable: int | None = None
        self.closed = False

    def add(self, batch: Batch) -> None:
        self.open.append(batch)

    def settle(self) -> None:
        """Move the committable offset over the acknowledged batches at the head."""
        while self.open and self.open[0].acked:
            self.committable = self.open.popleft().end


class Batch:
    """Records of one partition, in order, delivered once per generation."""

    __slots__ = ("_current_generation", "_on_ack", "_window", "acked", "end", "generation_id", "records", "tp")

    def __init__(
        self,
        tp: TP,
        records: Sequence[Record],
        window: Window,
        generation_id: int,
        current_generation: Callable[[], int],
        on_ack: Callable[[Batch], None],
    ) -> None:
        self.tp: Any = tp
        self.records = records
        self.generation_id = generation_id
        self.end = records[-1].offset + 1
        self.acked = False
        self._window = window
        self._current_generation = current_generation
        self._on_ack = on_ack

    @property
    def stale(self) -> bool:
        """True once the partition was revoked, sought anew, or the group has moved on without us."""
        return self._window.closed or self._current_generation() != self.generation_id

    def ack(self) -> bool:
        """Say that everything in the batch is durable; False if it was stale or acknowledged before.

        Batches may be acknowledged out of order: what is committed stops before the first that is open.
        """
        if self.acked or self.stale:
            return False
        self.acked = True
        self._window.settle()
        self._on_ack(self)
        return True

    def __repr__(self) -> str:
        return f"<Batch {self.tp.topic}-{self.tp.partition} up to {self.end}, generation {self.generation_id}>"
