"""Writing to the log: whole batches of records for one partition, acknowledged by the brokers before we go on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.partitioner import murmur2

Headers = Sequence[tuple[str, bytes]]


class Entry(NamedTuple):
    """A record to write. A plain tuple of the same shape does as well."""

    key: bytes | None
    value: bytes | None
    headers: Headers | None = None
    timestamp_ms: int | None = None


Entries = Iterable[tuple[bytes | None, bytes | None, Headers | None, int | None]]


def partition_for(key: bytes, partitions: int) -> int:
    """The partition of a key, as Java's default partitioner has it (murmur2)."""
    return int(murmur2(key) & 0x7FFFFFFF) % partitions


class RecordLog:
    """The app's producer, asked for batches. Whatever fails is raised: the caller ends the process."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        """Write in order; the offsets, once all are acknowledged.

        A record bigger than the producer's batch size travels in a batch of its own; one that is bigger than the broker
        takes raises aiokafka's MessageSizeTooLargeError, and later entries may be written or not.
        """
        producer = self._app.producer._ensure_producer()
        sent: list[tuple[asyncio.Future[Any], int]] = []
        builder, count = producer.create_batch(), 0
        for key, value, headers, timestamp in entries:
            if builder.append(key=key, value=value, headers=headers or [], timestamp=timestamp) is None:
                sent.append((await self._send(producer, builder, topic, partition), count))
                builder, count = producer.create_batch(), 0
                builder.append(key=key, value=value, headers=headers or [], timestamp=timestamp)
            count += 1
        if count:
            sent.append((await self._send(producer, builder, topic, partition), count))
        offsets: list[int] = []
        for future, size in sent:
            base = (await future).offset
            offsets.extend(range(base, base + size))
        return offsets

    async def publish_all(self, records: Mapping[tuple[str, int], Entries]) -> dict[tuple[str, int], list[int]]:
        """Write to several partitions at once; in order within each."""
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
