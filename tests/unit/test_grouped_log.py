"""Records of many tasks go together, and each task hears of its own."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from agents.log import Entry, GroupedLog


class Producer:
    """Stands where RecordLog stands: keeps batches, answers when told."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.started = asyncio.Event()
        self.gate = asyncio.Event()
        self.error: Exception | None = None
        self.written = 0

    async def publish(self, topic: str, partition: int, entries: Any) -> list[int]:
        batch = list(entries)
        self.batches.append(batch)
        self.started.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        offsets = list(range(self.written, self.written + len(batch)))
        self.written += len(batch)
        return offsets


async def test_what_gathers_goes_in_one_batch_in_order() -> None:
    """The first record goes alone; the rest, handed over meanwhile, in one batch, each with its own offset."""
    producer = Producer()
    log = GroupedLog(producer)  # type: ignore[arg-type]
    calls = [asyncio.create_task(log.publish("t", 0, Entry(b"k", b"%d" % n))) for n in range(20)]
    await producer.started.wait()
    producer.gate.set()
    assert await asyncio.gather(*calls) == list(range(20))
    written = [entry.value for batch in producer.batches for entry in batch]
    assert written == [b"%d" % n for n in range(20)]
    assert len(producer.batches) <= 2
    assert await log.publish("t", 0, Entry(b"k", b"later")) == 20


async def test_a_failed_batch_fails_everyone_in_it_and_behind_it() -> None:
    """Nobody takes an unwritten record for written, and the log works again afterwards."""
    producer = Producer()
    producer.error = ConnectionError("gone")
    log = GroupedLog(producer)  # type: ignore[arg-type]
    calls = [asyncio.create_task(log.publish("t", 0, Entry(b"k", b"%d" % n))) for n in range(3)]
    await producer.started.wait()
    producer.gate.set()
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert all(isinstance(result, ConnectionError) for result in results)
    producer.error = None
    with pytest.raises(asyncio.TimeoutError):
        producer.gate.clear()
        await asyncio.wait_for(log.publish("t", 0, Entry(b"k", b"cut off")), 0.01)
    producer.gate.set()
    assert await log.publish("t", 0, Entry(b"k", b"again")) == 1
