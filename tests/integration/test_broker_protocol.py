"""What the system asks of a broker, asked of the real Kafka and of the embedded one."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.broker.embedded import EmbeddedBroker
from tests.brokers import RealKafka
from tests.kafka import admin_client, committed_offsets, create_topics, end_offsets, produce, read_all, wait_for


@pytest.fixture(
    params=[pytest.param("kafka", marks=pytest.mark.kafka), pytest.param("embedded", marks=pytest.mark.embedded)]
)
def broker(request: pytest.FixtureRequest) -> Any:
    """Both brokers, one after the other."""
    return request.getfixturevalue("kafka" if request.param == "kafka" else "embedded_broker")


async def test_records_come_back_as_sent(broker: Any, prefix: str) -> None:
    """Key, value, headers, timestamp and order survive the broker; a null key and an empty value too."""
    topic = f"{prefix}plain"
    await create_topics(broker.address, {topic: 1})
    sent = [(b"k1", b"v1"), (None, b"v2"), (b"k3", b""), (b"k4", None)]
    offsets = await produce(
        broker.address, topic, sent, headers=[("source", b"reveni"), ("empty", b"")], timestamp_ms=1_764_234_600_123
    )
    records = await read_all(broker.address, topic)
    assert offsets == [0, 1, 2, 3]
    assert [(r.key, r.value) for r in records] == sent
    assert {r.timestamp for r in records} == {1_764_234_600_123}
    assert {tuple(r.headers) for r in records} == {(("source", b"reveni"), ("empty", b""))}


async def test_a_part_of_a_large_webhook_fits(broker: Any, prefix: str) -> None:
    """A record with a value of 900 KiB, the largest part of a webhook stored in parts, is accepted."""
    topic = f"{prefix}large"
    await create_topics(broker.address, {topic: 1})
    body = b"x" * (900 * 1024)
    await produce(broker.address, topic, [(b"k", body)], headers=[("part", b"1/10")])
    (record,) = await read_all(broker.address, topic)
    assert record.value == body


async def test_a_group_goes_on_where_it_committed(broker: Any, prefix: str) -> None:
    """A consumer that starts again in its group reads from the committed offset, which the admin client sees."""
    topic, group = f"{prefix}group", f"{prefix}readers"
    await create_topics(broker.address, {topic: 2})
    for number in (0, 1):
        await produce(broker.address, topic, [(b"k", f"{number}-{i}".encode()) for i in range(5)], partition=number)

    async def consume(count: int) -> list[tuple[int, int]]:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.address,
            group_id=group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=6000,
            heartbeat_interval_ms=500,
        )
        await consumer.start()
        try:
            seen: list[tuple[int, int]] = []
            while len(seen) < count:
                record = await asyncio.wait_for(consumer.getone(), 20)
                seen.append((record.partition, record.offset))
                await consumer.commit({TopicPartition(topic, record.partition): record.offset + 1})
            return seen
        finally:
            await consumer.stop()

    first = await consume(6)
    committed = await committed_offsets(broker.address, group, topic)
    assert sum(committed.values()) == 6
    second = await consume(4)
    assert sorted(first + second) == [(p, o) for p in (0, 1) for o in range(5)]


async def test_two_members_share_and_take_over(broker: Any, prefix: str) -> None:
    """Two members of a group have disjoint partitions; when one leaves the other has all."""
    topic, group = f"{prefix}share", f"{prefix}members"
    await create_topics(broker.address, {topic: 4})

    async def member() -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=broker.address,
            group_id=group,
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=300,
        )
        await consumer.start()
        return consumer

    one = await member()
    two = await member()
    pumps = [asyncio.create_task(_poll(one)), asyncio.create_task(_poll(two))]
    try:
        await wait_for(
            lambda: len(one.assignment()) == 2 and len(two.assignment()) == 2, 30, "an even share of partitions"
        )
        assert not one.assignment() & two.assignment()
        pumps[1].cancel()
        await two.stop()
        await wait_for(lambda: len(one.assignment()) == 4, 30, "the take-over")
    finally:
        for pump in pumps:
            pump.cancel()
        await asyncio.gather(*pumps, return_exceptions=True)
        await one.stop()


async def _poll(consumer: AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=200)


async def test_end_offsets_of_an_empty_topic_are_zero(broker: Any, prefix: str) -> None:
    """An empty topic is read to its end at once."""
    topic = f"{prefix}empty"
    await create_topics(broker.address, {topic: 3})
    assert await end_offsets(broker.address, topic) == {0: 0, 1: 0, 2: 0}
    assert await read_all(broker.address, topic) == []


async def test_kafka_does_not_create_a_topic_that_is_asked_for(kafka: RealKafka, prefix: str) -> None:
    """Naming a topic that does not exist does not make it: topics come from `topics init` alone."""
    async with admin_client(kafka.address) as admin:
        (described,) = await admin.describe_topics([f"{prefix}absent"])
        assert described["error_code"] == 3
        assert f"{prefix}absent" not in await admin.list_topics()


async def test_the_embedded_broker_lists_without_creating(embedded_broker: EmbeddedBroker, prefix: str) -> None:
    """The embedded broker makes a topic of 4 partitions when asked for it by name, so checks list and never ask."""
    async with admin_client(embedded_broker.address) as admin:
        assert f"{prefix}absent" not in await admin.list_topics()
        (described,) = await admin.describe_topics([f"{prefix}absent"])
        assert len(described["partitions"]) == 4
