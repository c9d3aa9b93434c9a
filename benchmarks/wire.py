"""What the harness does to the broker while one worker is measured: produce, answer, and look at what is committed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from adapters.broker.connection import Connection
from agents.clock import SystemClock, rfc3339
from agents.log import partition_for
from benchmarks.account import Account
from benchmarks.load import Event
from streams.commands import Command
from streams.topics import Topology
from streams.vocabulary import CommandClass

Offsets = Mapping[tuple[str, int], int]


class Progress:
    """How far a sequencer's group has committed, against the ends of its topics."""

    def __init__(self, connection: Connection, topology: Topology) -> None:
        self._group = topology.sequencer_app
        self._parts = [TopicPartition(t, n) for t in topology.lane_topics for n in range(topology.partitions)]
        self._admin: AIOKafkaAdminClient = connection.admin()
        self._consumer = connection.consumer()

    async def __aenter__(self) -> Progress:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._admin.close()
        await self._consumer.stop()

    async def committed(self) -> int:
        """Records of all lane topics that are committed."""
        found: Mapping[Any, Any] = await self._admin.list_consumer_group_offsets(self._group, partitions=self._parts)
        return sum(max(0, meta.offset) for meta in found.values())

    async def end(self) -> int:
        """Records there are."""
        there: int = sum((await self._consumer.end_offsets(self._parts)).values())
        return there


class Answerer:
    """Reads every command and puts its outcome where the sequencer reads it: no dispatcher, no limit, no fault."""

    def __init__(self, connection: Connection, topology: Topology, account: Account) -> None:
        self._connection, self._topology, self._account = connection, topology, account
        self._parts = [TopicPartition(topology.commands("ns", klass), 0) for klass in CommandClass]
        self._consumer = connection.consumer()
        self._task: asyncio.Task[None] | None = None
        self.answered = 0

    async def __aenter__(self) -> Answerer:
        await self._consumer.start()
        self._consumer.assign(self._parts)
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._consumer.stop()

    async def idle(self) -> bool:
        """Whether every command that is there has been answered; raises what went wrong."""
        if self._task is not None and self._task.done():
            self._task.result()
        there: int = sum((await self._consumer.end_offsets(self._parts)).values())
        return self.answered == there

    async def _run(self) -> None:
        clock, topic = SystemClock(), self._topology.named("erp.outcomes")
        producer = self._connection.producer(linger_ms=5)
        await producer.start()
        try:
            while True:
                fetched: Mapping[Any, list[Any]] = await self._consumer.getmany(timeout_ms=50)
                sent = []
                for record in (record for records in fetched.values() for record in records):
                    outcome = self._account.carry_out(Command.decode(record.value), rfc3339(clock.now()))
                    partition = partition_for(record.key, self._topology.partitions)
                    sent.append(await producer.send(topic, outcome.encode(), key=record.key, partition=partition))
                if sent:
                    await asyncio.gather(*sent)
                    self.answered += len(sent)
        finally:
            await producer.stop()


async def produce(connection: Connection, topology: Topology, events: Iterable[Event]) -> None:
    """Store events as the gateway would, all acknowledged."""
    producer = connection.producer(linger_ms=5)
    await producer.start()
    try:
        sent = [
            await producer.send(
                topology.named(event.topic),
                event.value,
                key=event.key,
                partition=event.partition,
                headers=list(event.headers),
            )
            for event in events
        ]
        await asyncio.gather(*sent)
    finally:
        await producer.stop()


async def read_topic(connection: Connection, topic: str, partitions: int) -> list[Any]:
    """Every record of a topic, to the end offsets of this moment."""
    consumer = connection.consumer()
    await consumer.start()
    try:
        parts = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        await consumer.seek_to_beginning(*parts)
        records: list[Any] = []
        while [part for part in parts if await consumer.position(part) < ends[part]]:
            for found in (await consumer.getmany(timeout_ms=200)).values():
                records.extend(found)
        return records
    finally:
        await consumer.stop()
