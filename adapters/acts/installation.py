"""The installation that people act on: its topics, and how to read and write them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from adapters.views.reading import NewConsumer, Unreachable
from streams.record import Header
from streams.topics import MAX_PROFILE_BYTES, Topology

MAX_REQUEST = 2 * MAX_PROFILE_BYTES
"""The topic's own limit decides what is too large; the client must not say so first."""


class NotStored(Unreachable):
    """The broker did not acknowledge a record: it is not known to be stored."""


@dataclass(frozen=True, slots=True)
class Installation:
    """`new_consumer` makes consumers without a group; `new_producer` makes producers with acks=all."""

    topology: Topology
    new_consumer: NewConsumer
    new_producer: Callable[..., AIOKafkaProducer]
    new_admin: Callable[[], AIOKafkaAdminClient]

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """Raises `Unreachable` when no broker answers."""
        admin = self.new_admin()
        try:
            try:
                await admin.start()
            except (KafkaError, OSError) as error:
                raise Unreachable(f"Kafka cannot be reached ({error})") from error
            yield admin
        finally:
            await admin.close()

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[Writer]:
        """Raises `Unreachable` when no broker answers."""
        producer = self.new_producer(max_request_size=MAX_REQUEST)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise Unreachable(f"Kafka cannot be reached ({error})") from error
        try:
            yield Writer(producer)
        finally:
            await producer.stop()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one record at a time and waits until it is stored."""

    producer: AIOKafkaProducer

    async def put(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header] = (),
        partition: int | None = None,
    ) -> tuple[int, int]:
        """The partition and offset it got; raises `NotStored`."""
        try:
            stored: Any = await self.producer.send_and_wait(
                topic, value, key=key, partition=partition, headers=list(headers)
            )
        except (KafkaError, OSError) as error:
            raise NotStored(f"{topic} did not take the record: {error}") from error
        return stored.partition, stored.offset
