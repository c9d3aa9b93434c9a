"""Reading topics to their end offsets, outside any consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from agents.log import partition_for
from streams.row import Row
from streams.rowcodec import UnreadableRow, decode, encode, merge

STALL_SECONDS = 15.0
NEW_TOPIC_SECONDS = 2.0  # a topic that was just made is not known to every broker at once

NewConsumer = Callable[[], AIOKafkaConsumer]


class Unreachable(Exception):
    """The broker cannot be reached, or stopped answering."""


class TopicUnreadable(Unreachable):
    """A topic is missing, or the broker stopped answering while it was read."""


async def records(new_consumer: NewConsumer, topic: str, partitions: Iterable[int] | None = None) -> AsyncIterator[Any]:
    """Every record of a topic (or of some partitions) up to the end offsets at the start; offset order per partition.

    Raises `TopicUnreadable` when the topic is not there or the broker stops answering.
    """
    async for record in records_of(new_consumer, [topic], partitions=partitions):
        yield record


async def records_of(
    new_consumer: NewConsumer,
    topics: Iterable[str],
    *,
    partitions: Iterable[int] | None = None,
    key: bytes | None = None,
) -> AsyncIterator[Any]:
    """The same over several topics at once. With a key: its records alone, from the partitions that have it."""
    consumer = await started(new_consumer)
    try:
        tps = await _assign(consumer, list(topics), partitions, key)
        ends = dict(await consumer.end_offsets(tps))
        await consumer.seek_to_beginning(*tps)
        left = {tp: ends[tp] for tp in tps if await consumer.position(tp) < ends[tp]}
        confirmed: set[Any] = set()
        loop = asyncio.get_running_loop()
        quiet_since = loop.time()
        while left:
            fetched = await consumer.getmany(*left, timeout_ms=500)
            for tp, batch in fetched.items():
                if tp not in confirmed:
                    # The embedded broker's end offset is the base of the last batch + 1; the high watermark that comes
                    # with a fetch is right on every broker.
                    confirmed.add(tp)
                    left[tp] = max(left[tp], consumer.highwater(tp) or 0)
                for record in batch:
                    if record.offset < left[tp] and (key is None or record.key == key):
                        yield record
            if fetched:
                quiet_since = loop.time()
            elif loop.time() - quiet_since > STALL_SECONDS:
                names = ", ".join(sorted({tp.topic for tp in left}))
                raise TopicUnreadable(f"Nothing came for {STALL_SECONDS:.0f} s before the end of {names}.")
            left = {tp: end for tp, end in left.items() if await consumer.position(tp) < end}
    except KafkaError as error:
        raise TopicUnreadable(f"The broker stopped answering: {error}") from error
    finally:
        await consumer.stop()


async def record_at(new_consumer: NewConsumer, topic: str, partition: int, offset: int) -> Any | None:
    """One record; None when it is not there (any more). Raises `Unreachable`."""
    consumer = await started(new_consumer)
    try:
        known = await partitions_of(consumer, [topic])
        tp = TopicPartition(topic, partition)
        if partition not in known[topic]:
            return None
        consumer.assign([tp])
        if offset < (await consumer.beginning_offsets([tp]))[tp]:
            return None
        consumer.seek(tp, offset)
        deadline = asyncio.get_running_loop().time() + STALL_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            for record in (await consumer.getmany(tp, timeout_ms=500)).get(tp, ()):
                return record if record.offset == offset else None
        return None
    except KafkaError as error:
        raise TopicUnreadable(f"The broker stopped answering: {error}") from error
    finally:
        await consumer.stop()


async def started(new_consumer: NewConsumer) -> AIOKafkaConsumer:
    """A connected consumer; raises `Unreachable`."""
    consumer = new_consumer()
    try:
        await consumer.start()
    except (KafkaError, OSError) as error:
        await consumer.stop()
        raise Unreachable(
            f"Kafka cannot be reached; is it running, is REVENI_STREAMS_KAFKA right? ({error})"
        ) from error
    return consumer


async def partitions_of(consumer: AIOKafkaConsumer, topics: Iterable[str]) -> dict[str, list[int]]:
    """Each topic's partitions in order; raises `TopicUnreadable` when one is not there.

    The broker is asked about all of its topics: a request that names one would create it where auto-creation is on.
    """
    wanted = list(topics)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + NEW_TOPIC_SECONDS
    while True:
        cluster = await consumer._client.fetch_all_metadata()  # `consumer.topics()` would leave the partitions out
        found = {topic: sorted(cluster.partitions_for_topic(topic) or ()) for topic in wanted}
        missing = [topic for topic, numbers in found.items() if not numbers]
        if not missing:
            return found
        if loop.time() > deadline:
            names = ", ".join(missing)
            raise TopicUnreadable(f"There is no topic {names}; make the topics with: reveni-streams topics init")
        await asyncio.sleep(0.1)


async def _assign(
    consumer: AIOKafkaConsumer, topics: list[str], partitions: Iterable[int] | None, key: bytes | None
) -> list[TopicPartition]:
    chosen = None if partitions is None else list(partitions)
    tps = []
    for topic, known in (await partitions_of(consumer, topics)).items():
        numbers = chosen if chosen is not None else known if key is None else [partition_for(key, len(known))]
        tps += [TopicPartition(topic, number) for number in numbers]
    consumer.assign(tps)
    return tps


async def row_values(new_consumer: NewConsumer, changelog: str, key: bytes | None = None) -> dict[bytes, bytes]:
    """The orders' rows as record values, joined as recovery joins them; with a key, that order's alone."""
    values: dict[bytes, bytes] = {}
    async for record in records_of(new_consumer, [changelog], key=key):
        join_value(values, record)
    return values


def join_value(values: dict[bytes, bytes], record: Any) -> None:
    """Take one changelog record in. One that cannot be read makes a quarantined order, as it does for the sequencer."""
    if record.key is None or record.value is None:
        return
    try:
        values[record.key] = merge(values.get(record.key), record.value)
    except Exception as error:  # whatever is wrong with one order's records, the others are read
        name = record.key.decode(errors="replace")
        values[record.key] = encode(Row(name, quarantined=f"its changelog record is unreadable: {error}"))


async def rows(new_consumer: NewConsumer, changelog: str, key: bytes | None = None) -> dict[str, Row]:
    """The orders' rows by order key."""
    values = await row_values(new_consumer, changelog, key)
    return {name.decode(errors="replace"): readable_row(name, value) for name, value in values.items()}


def readable_row(key: bytes, value: bytes) -> Row:
    """A row; one that cannot be read is an order that stands still, as it is for the sequencer."""
    try:
        return decode(value)
    except UnreadableRow as error:
        return Row(key.decode(errors="replace"), quarantined=f"its row is unreadable: {error}")
