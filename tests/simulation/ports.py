"""The product's ports on the simulated Kafka: the log, a changelog, a stream, and clocks that can be set wrong."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from agents.lane import Batch, Lane
from agents.log import Entries
from tests.simulation.kafka import Broker, Record
from tests.simulation.loop import VirtualLoop

BASE = datetime(2026, 11, 27, 9, 0, tzinfo=UTC)
_READ = 500


class SimClock:
    """A process's clocks: the time of day may jump, the elapsed time does not."""

    def __init__(self, loop: VirtualLoop, skew: float = 0.0) -> None:
        self._loop = loop
        self.skew = skew

    def now(self) -> datetime:
        return BASE + timedelta(seconds=self._loop.now + self.skew)

    def elapsed(self) -> float:
        return self._loop.now

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class SimLog:
    """`agents.log.Log`."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        listed = list(entries)
        return await self._broker.write(topic, partition, listed) if listed else []

    async def publish_all(self, records: Mapping[tuple[str, int], Entries]) -> dict[tuple[str, int], list[int]]:
        places = list(records)
        results = await asyncio.gather(*(self.publish(*place, records[place]) for place in places))
        return dict(zip(places, results, strict=True))


class SimChangelog:
    """`agents.changelog.Changelog`."""

    def __init__(self, broker: Broker, topic: str) -> None:
        self._broker = broker
        self._topic = topic

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        ends = {number: self._broker.logs[self._topic][number].end for number in starts}
        for number, start in starts.items():
            position = start or 0
            if position >= ends[number]:
                yield number, [], position
            while position < ends[number]:
                fetched = await self._broker.fetch({(self._topic, number): position}, _READ, 0)
                records = fetched.get((self._topic, number), [])
                position = records[-1].offset + 1 if records else ends[number]
                yield number, records, position

    async def end(self, partition: int) -> int:
        await self._broker.trip()
        return self._broker.logs[self._topic][partition].end


class SimStream:
    """What an agent reads: batches as Faust's events."""

    def __init__(self, lane: Lane) -> None:
        self.app = SimpleNamespace(consumer=SimpleNamespace(lane=lane))
        self._batches: asyncio.Queue[Batch] = asyncio.Queue()

    def put(self, batch: Batch) -> None:
        self._batches.put_nowait(batch)

    def clear(self) -> None:
        """As Faust's flow control does when partitions go."""
        while not self._batches.empty():
            self._batches.get_nowait()

    def noack(self) -> SimStream:
        return self

    async def events(self) -> AsyncIterator[Any]:
        while True:
            yield SimpleNamespace(value=await self._batches.get())
