"""The log writes what it is given in batches of the producer's own making; no broker is needed to see that."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatch

from agents.log import Entry, RecordLog


class Producer:
    """Makes real batches and keeps what is in each that is sent."""

    def __init__(self, batch_size: int) -> None:
        self._size = batch_size
        self.batches: list[list[tuple[bytes | None, bytes | None, Sequence[Any]]]] = []

    def create_batch(self) -> BatchBuilder:
        return BatchBuilder(self._size, 0)

    async def send_batch(self, builder: Any, topic: str, *, partition: int) -> asyncio.Future[Any]:
        records = DefaultRecordBatch(bytes(builder._build()))
        offset = sum(len(batch) for batch in self.batches)
        self.batches.append([(record.key, record.value, record.headers) for record in records])
        done: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        done.set_result(SimpleNamespace(offset=offset))
        return done


@pytest.mark.parametrize("headers", [None, (), [], (("a", b"1"), ("b", None)), [("a", b"1"), ("b", b"")]])
@pytest.mark.parametrize("batch_size", [100_000, 150])
async def test_headers_may_be_any_sequence_of_pairs(headers: Any, batch_size: int) -> None:
    """A letter's headers are a tuple, a batch takes only lists. In one batch or several: all is written, in order."""
    producer = Producer(batch_size)
    log = RecordLog(SimpleNamespace(producer=SimpleNamespace(_ensure_producer=lambda: producer)))
    entries = [Entry(b"k", b"v" * 40 + bytes([48 + number]), headers, 1_700_000_000_000) for number in range(4)]
    assert await log.publish("dead.letters", 0, entries) == [0, 1, 2, 3]
    assert (len(producer.batches) > 1) == (batch_size == 150)
    written = [record for batch in producer.batches for record in batch]
    assert written == [(b"k", entry.value, list(headers or ())) for entry in entries]
