"""What the lane, the store and the lease say to each other about records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from streams.record import Header


class Record(Protocol):
    """A record as it was read: aiokafka's ConsumerRecord, key and value as stored."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]


class Held(Protocol):
    """Something that may be overtaken by a rebalance: a batch, or a turn."""

    @property
    def stale(self) -> bool: ...
