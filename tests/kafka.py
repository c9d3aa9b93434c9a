"""What tests do to a Kafka broker: create topics, produce, read to the end, look at committed offsets, wait."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import GroupCoordinatorNotAvailableError, TopicAlreadyExistsError, for_code
from aiokafka.structs import ConsumerRecord

T = TypeVar("T")

Header = tuple[str, bytes]
Message = tuple[bytes | None, bytes | None]


@asynccontextmanager
async def admin_client(address: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=address, request_timeout_ms=15_000)
    try:
        await admin.start()
        yield admin
    finally:
        await admin.close()


async def create_topics(
    address: str, topics: Mapping[str, int], configs: Mapping[str, Mapping[str, str]] | None = None
) -> None:
    """Create topics (name -> partitions, name -> configs) that may exist already; returns when they have leaders."""
    new = [
        NewTopic(name, count, 1, topic_configs=dict((configs or {}).get(name, {}))) for name, count in topics.items()
    ]
    async with admin_client(address) as admin:
        answer = await admin.create_topics(new)
        for name, code, *rest in answer.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise for_code(code)(f"{name}: {rest}")

        async def led() -> bool:
            described = {t["topic"]: t["partitions"] for t in await admin.describe_topics(list(topics))}
            return all(
                len(described.get(name, ())) == count and all(p["leader"] >= 0 for p in described[name])
                for name, count in topics.items()
            )

        await wait_for(led, 15, f"leaders of {sorted(topics)}")


async def produce(
    address: str,
    topic: str,
    messages: Iterable[Message],
    *,
    partition: int | None = None,
    headers: Sequence[Header] = (),
    timestamp_ms: int | None = None,
) -> list[int]:
    """Send (key, value) pairs in order, acks=all; the offsets they got."""
    producer = AIOKafkaProducer(bootstrap_servers=address, acks="all")
    await producer.start()
    try:
        sent = [
            await producer.send(
                topic, value, key=key, partition=partition, headers=list(headers), timestamp_ms=timestamp_ms
            )
            for key, value in messages
        ]
        return [record.offset for record in await asyncio.gather(*sent)]
    finally:
        await producer.stop()


async def read_all(
    address: str, topic: str, *, partition: int | None = None, seconds: float = 30
) -> list[ConsumerRecord[Any, Any]]:
    """Every record from the beginning to the end offsets of this moment, in order within each partition.

    Reads to positions, not to counts: compaction and transaction markers leave gaps.
    """
    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False, auto_offset_reset="earliest")
    await consumer.start()
    try:
        if partition is None:
            numbers = await _partitions(address, topic)
        else:
            numbers = [partition]
        parts = [TopicPartition(topic, number) for number in numbers]
        ends = await _ends(consumer, parts)
        await consumer.seek_to_beginning(*parts)
        records: list[ConsumerRecord[Any, Any]] = []
        deadline = time.monotonic() + seconds
        left = {part for part in parts if await consumer.position(part) < ends[part]}
        while left:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{topic}: {len(left)} partitions not read to their end within {seconds} s")
            for part, batch in (await consumer.getmany(*left, timeout_ms=200)).items():
                records.extend(record for record in batch if record.offset < ends[part])
            left = {part for part in left if await consumer.position(part) < ends[part]}
        return records
    finally:
        await consumer.stop()


async def _partitions(address: str, topic: str) -> list[int]:
    async with admin_client(address) as admin:
        (described,) = await admin.describe_topics([topic])
        if described["error_code"]:
            raise for_code(described["error_code"])(topic)
        return sorted(part["partition"] for part in described["partitions"])


async def end_offsets(address: str, topic: str) -> dict[int, int]:
    """The end offset of each partition."""
    numbers = await _partitions(address, topic)
    consumer = AIOKafkaConsumer(bootstrap_servers=address, enable_auto_commit=False)
    await consumer.start()
    try:
        ends = await _ends(consumer, [TopicPartition(topic, number) for number in numbers])
        return {part.partition: offset for part, offset in ends.items()}
    finally:
        await consumer.stop()


async def _ends(consumer: AIOKafkaConsumer, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
    """Assigns `parts` and moves their positions.

    The embedded broker's answer to ListOffsets is the base of the last batch + 1, too low when that batch holds more
    records; the high watermark that comes with a fetch is right on every broker.
    """
    consumer.assign(parts)
    ends = dict(await consumer.end_offsets(parts))
    unread = [part for part in parts if ends[part] > 0]
    for part in unread:
        consumer.seek(part, ends[part] - 1)

    async def told() -> bool:
        await consumer.getmany(*unread, timeout_ms=50)
        return all(consumer.highwater(part) is not None for part in unread)

    if unread:
        await wait_for(told, 15, f"high watermarks of {unread}", every=0)
    return {part: max(end, consumer.highwater(part) or 0) for part, end in ends.items()}


async def committed_offsets(address: str, group: str, topic: str) -> dict[int, int]:
    """The committed offset of each partition of a topic; partitions without a commit are absent."""
    numbers = await _partitions(address, topic)
    async with admin_client(address) as admin:
        try:
            parts = [TopicPartition(topic, number) for number in numbers]
            found = await admin.list_consumer_group_offsets(group, partitions=parts)
        except GroupCoordinatorNotAvailableError:
            return {}  # a broker that has just started makes its topic of offsets for the first group
        return {part.partition: meta.offset for part, meta in found.items() if meta.offset >= 0}


async def wait_for(
    condition: Callable[[], T | Awaitable[T]], seconds: float, what: str = "the condition", every: float = 0.05
) -> T:
    """Wait until `condition()` (plain or async) is truthy and return what it returned; raises `TimeoutError`."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        result: Any = await found if isinstance(found, Awaitable) else found
        if result:
            return result  # type: ignore[no-any-return]
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come within {seconds} s; last seen: {result!r}")
        await asyncio.sleep(every)
