"""Writing to the log: whole batches of records for one partition, acknowledged by the brokers before we go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from aiokafka.partitioner import murmur2

from streams.record import Header

Headers = Sequence[Header]


class Entry(NamedTuple):
    """A record to write. A plain tuple of the same shape does as well."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None = None
    timestamp_ms: int | None = None


Entries = Iterable[tuple[bytes | None, bytes | None, Headers | None, int | None]]


class Log(Protocol):
    """Writing batches; whatever fails is raised, and the caller ends the process."""

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        """Write in order; the offsets, once all are acknowledged."""
        ...

    async def publish_all(self, records: Mapping[tuple[str, int], Entries]) -> dict[tuple[str, int], list[int]]:
        """Write to several (topic, partition)s at once; in order within each."""
        ...


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key, as Java's default partitioner has it (murmur2)."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class RecordLog:
    """The app's producer, asked for batches."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        """As `Log` says.

        A record bigger than the producer's batch size travels in a batch of its own; one that is bigger than the broker
        takes raises aiokafka's MessageSizeTooLargeError, and later entries may be written or not.
        """
        producer = self._app.producer._ensure_producer()
        sent: list[tuple[asyncio.Future[Any], int]] = []
        builder, count = producer.create_batch(), 0
        for key, value, given, timestamp in entries:
            headers = list(given or ())  # the batch takes nothing but a list
            if builder.append(key=key, value=value, headers=headers, timestamp=timestamp) is None:
                sent.append((await self._send(producer, builder, topic, partition), count))
                builder, count = producer.create_batch(), 0
                builder.append(key=key, value=value, headers=headers, timestamp=timestamp)
            count += 1
        if count:
            sent.append((await self._send(producer, builder, topic, partition), count))
        offsets: list[int] = []
        for future, size in sent:
            base = (await future).offset
            offsets.extend(range(base, base + size))
        return offsets

    async def publish_all(self, records: Mapping[tuple[str, int], Entries]) -> dict[tuple[str, int], list[int]]:
        keys = list(records)
        results = await asyncio.gather(
            *(self.publish(topic, partition, records[topic, partition]) for topic, partition in keys),
            return_exceptions=True,
        )
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return dict(zip(keys, results, strict=True))  # type: ignore[arg-type]  # exceptions were raised above

    @staticmethod
    async def _send(producer: Any, builder: Any, topic: str, partition: int) -> asyncio.Future[Any]:
        builder.close()
        future: asyncio.Future[Any] = await producer.send_batch(builder, topic, partition=partition)
        return future


class GroupedLog:
    """Single records from many tasks, written together: what gathers while one batch is on its way goes in the next.

    The brokers take one batch of a partition at a time, so that tasks which each wait for their own record would queue
    behind each other's round trips (seen: 60 commands/s where the ERP could take 500). Each caller still returns only
    when its own record is acknowledged, and records keep the order in which they were handed over.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._waiting: dict[tuple[str, int], list[tuple[Entry, asyncio.Future[int]]]] = {}
        self._writers: set[asyncio.Task[None]] = set()

    async def publish(self, topic: str, partition: int, entry: Entry) -> int:
        """The record's offset, once it is acknowledged; raises what the producer raised for the batch it went with."""
        place = (topic, partition)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if place in self._waiting:
            self._waiting[place].append((entry, done))
        else:
            self._waiting[place] = [(entry, done)]
            writer = asyncio.create_task(self._write(place))
            self._writers.add(writer)
            writer.add_done_callback(self._writers.discard)
        return await done

    async def _write(self, place: tuple[str, int]) -> None:
        """Write until nothing waits for this partition."""
        while self._waiting[place]:
            taken, self._waiting[place] = self._waiting[place], []
            try:
                offsets = await self._log.publish(*place, [entry for entry, _ in taken])
            except BaseException as error:
                for _, done in (*taken, *self._waiting.pop(place)):
                    if not done.done():
                        done.set_exception(error if isinstance(error, Exception) else ConnectionError(repr(error)))
                if isinstance(error, Exception):
                    return  # every caller has it
                raise
            for (_, done), offset in zip(taken, offsets, strict=True):
                if not done.done():
                    done.set_result(offset)
        del self._waiting[place]
