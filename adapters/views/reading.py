"""Reading topics to their end offsets, outside any consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from streams.row import Row
from streams.rowcodec import UnreadableRow, decode, merge

STALL_SECONDS = 30.0

NewConsumer = Callable[[], AIOKafkaConsumer]


class TopicUnreadable(Exception):
    """A topic is missing, or the broker stopped answering while it was read."""


async def records(
    new_consumer: NewConsumer, topic: str, partitions: Iterable[int] | None = None
) -> AsyncIterator[Any]:
    """Every record of a topic (or of some partitions) up to the end offsets at the start; offset order per partition.

    Raises `TopicUnreadable` when the topic is not there or the broker stops answering.
    """
    consumer = new_consumer()
    await consumer.start()
    try:
        known = consumer.partitions_for_topic(topic) or await _look_again(consumer, topic)
        if not known:
            raise TopicUnreadable(f"topic {topic} does not exist; make it with: reveni-streams topics init")
        tps = [TopicPartition(topic, number) for number in (partitions if partitions is not None else sorted(known))]
        consumer.assign(tps)
        ends: Mapping[Any, int] = await consumer.end_offsets(tps)
        await consumer.seek_to_beginning(*tps)
        left = {tp for tp in tps if await consumer.position(tp) < ends[tp]}
        quiet_since = asyncio.get_running_loop().time()
        while left:
            fetched: Mapping[Any, list[Any]] = await consumer.getmany(*left, timeout_ms=500)
            for batch in fetched.values():
                for record in batch:
                    yield record
            now = asyncio.get_running_loop().time()
            if fetched:
                quiet_since = now
            elif now - quiet_since > STALL_SECONDS:
                raise TopicUnreadable(f"topic {topic}: nothing came for {STALL_SECONDS:.0f} s before its end")
            left = {tp for tp in left if await consumer.position(tp) < ends[tp]}
    finally:
        await consumer.stop()


async def _look_again(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer.topics()
    return set(consumer.partitions_for_topic(topic) or ())


async def rows(
    new_consumer: NewConsumer, changelog: str, partition: int | None = None, key: bytes | None = None
) -> dict[str, Row]:
    """The orders' rows as their changelog has them, joined as recovery joins them."""
    values: dict[bytes, bytes] = {}
    chosen = None if partition is None else [partition]
    async for record in records(new_consumer, changelog, chosen):
        if record.key is None or record.value is None or (key is not None and record.key != key):
            continue
        try:
            values[record.key] = merge(values.get(record.key), record.value)
        except UnreadableRow as error:
            values.setdefault(record.key, record.value)
            raise TopicUnreadable(f"{changelog}-{record.partition} offset {record.offset}: {error}") from error
    return {name.decode(errors="replace"): decode(value) for name, value in values.items()}
