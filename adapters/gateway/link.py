"""One producer's life: what it was given, what is not acknowledged yet, and its end."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    IncompatibleBrokerVersion,
    KafkaError,
    MessageSizeTooLargeError,
    UnknownError,
    UnsupportedVersionError,
)

from adapters.gateway.configuration import GatewaySettings

log = structlog.get_logger(__name__)

Headers = Sequence[tuple[str, bytes]]
TopicPartition = tuple[str, int]


class Link:
    """A started producer and the count of its unacknowledged sends."""

    def __init__(self, producer: AIOKafkaProducer, now: Callable[[], float]) -> None:
        self.producer = producer
        self.broken = asyncio.Event()
        self.outstanding_bytes = 0
        self._now = now
        self._serial = 0
        self._pending: defaultdict[TopicPartition, dict[int, float]] = defaultdict(dict)

    @classmethod
    async def open(cls, settings: GatewaySettings, now: Callable[[], float]) -> Link:
        """Connect; raises `KafkaError`, `OSError` or `TimeoutError`."""
        if settings.idempotent:
            try:
                return await cls._open(settings, now, idempotent=True)
            except (UnknownError, UnsupportedVersionError, IncompatibleBrokerVersion) as error:
                # The embedded broker answers a request for a producer id with UNKNOWN. Acknowledgement by all replicas
                # holds all the same; a retried batch may be stored twice, and duplicates are absorbed.
                log.warning("producer_not_idempotent", error=type(error).__name__)
        return await cls._open(settings, now, idempotent=False)

    @classmethod
    async def _open(cls, settings: GatewaySettings, now: Callable[[], float], *, idempotent: bool) -> Link:
        options: Mapping[str, Any] = settings.kafka_options
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka,
            client_id="reveni-streams-gateway",
            acks="all",
            enable_idempotence=idempotent,
            linger_ms=settings.linger_ms,
            max_batch_size=settings.batch_bytes,
            max_request_size=settings.record_limit + 64 * 1024,
            request_timeout_ms=int(settings.store_seconds * 1000),
            retry_backoff_ms=50,
            metadata_max_age_ms=30_000,
            **options,
        )
        link = cls(producer, now)
        try:
            # An idempotent producer asks for its id until it gets one, so the start itself needs an end.
            async with asyncio.timeout(settings.store_seconds * 2):
                await producer.start()
        except BaseException:
            await link.close(0)
            raise
        return link

    async def partitions(self, topic: str) -> list[int]:
        """The topic's partitions in order; raises `KafkaError` when there is no such topic."""
        return sorted(await self.producer.partitions_for(topic))

    async def send(
        self, topic: str, partition: int, key: bytes | None, value: bytes, headers: Headers
    ) -> asyncio.Future[Any]:
        """Hand one record to the producer; the future ends when the brokers have it, or never will."""
        size = len(value)
        future: asyncio.Future[Any] = await self.producer.send(
            topic, value, key, partition=partition, headers=list(headers)
        )
        self._serial += 1
        serial, pending = self._serial, self._pending[topic, partition]
        pending[serial] = self._now()
        self.outstanding_bytes += size

        def settled(done: asyncio.Future[Any]) -> None:
            del pending[serial]
            self.outstanding_bytes -= size
            error = None if done.cancelled() else done.exception()
            # After a batch that failed for good, aiokafka's idempotent producer leaves a gap in the partition's
            # sequence numbers and the broker refuses all that follows; only a new producer mends that.
            if error is not None and not isinstance(error, MessageSizeTooLargeError):
                self.broken.set()

        future.add_done_callback(settled)
        return future

    def waiting(self, place: TopicPartition) -> float:
        """Seconds since the oldest unacknowledged send to a partition; 0 when there is none."""
        started = next(iter(self._pending[place].values()), None) if place in self._pending else None
        return 0.0 if started is None else self._now() - started

    def longest_waiting(self) -> float:
        """The same over all partitions."""
        return max((self.waiting(place) for place in self._pending), default=0.0)

    async def close(self, seconds: float) -> None:
        """Deliver what is outstanding within `seconds`, then give up and close the connections."""
        if seconds > 0:
            try:
                async with asyncio.timeout(seconds):
                    await self.producer.stop()
                return
            except (TimeoutError, KafkaError, OSError) as error:
                log.warning("producer_not_drained", error=type(error).__name__)
        # aiokafka has no way to stop without delivering everything; these are the inner steps of its own stop.
        self.producer._closed = True
        self.producer._message_accumulator.fail_all(KafkaError("the producer was closed before delivery"))
        try:
            await self.producer._sender.close()
        except (KafkaError, OSError) as error:
            log.warning("producer_sender_ended", error=type(error).__name__)
        await self.producer.client.close()
