"""Storing events in Kafka: acknowledged by all in-sync replicas, or turned away in time for the sender to repeat."""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from aiokafka.errors import KafkaError, TopicAuthorizationFailedError
from aiokafka.partitioner import DefaultPartitioner

from adapters.gateway.configuration import GatewaySettings
from adapters.gateway.link import Link
from adapters.gateway.metrics import GatewayMetrics

log = structlog.get_logger(__name__)

RECONNECT_SECONDS = 0.5
CLOSE_SECONDS = 5.0


class StoreUnavailable(Exception):
    """The event is not known to be stored; the sender should repeat it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Record:
    """One record of an event."""

    value: bytes
    headers: Sequence[tuple[str, bytes]]


class Store:
    """Keeps a producer, replaces it when it is beyond help, and never holds more than its bounds.

    While no broker answers, events are turned away: at once when no producer is connected or the partition has been
    silent for `stall_seconds`, else after `store_seconds`. A record that was handed over may still arrive later: the
    sender's repeat is then a duplicate, which the sequencer's join absorbs.
    """

    def __init__(self, settings: GatewaySettings, metrics: GatewayMetrics) -> None:
        self._settings = settings
        self._metrics = metrics
        self._link: Link | None = None
        self._retiring: dict[asyncio.Task[None], Link] = {}
        self._keeper: asyncio.Task[None] | None = None
        self._partitioner = DefaultPartitioner()
        metrics.outstanding_bytes.set_function(lambda: self.outstanding_bytes)

    @property
    def outstanding_bytes(self) -> int:
        """Bytes handed to producers and not acknowledged."""
        links = [*self._retiring.values(), *([self._link] if self._link else [])]
        return sum(link.outstanding_bytes for link in links)

    @property
    def ready(self) -> bool:
        """Whether an event would be accepted now, as far as can be told without one."""
        return self._link is not None and self._link.longest_waiting() < self._settings.stall_seconds

    @property
    def alive(self) -> bool:
        """Whether the task that keeps the producer is running."""
        return self._keeper is not None and not self._keeper.done()

    async def start(self) -> None:
        """Begin connecting; events are turned away until that has succeeded."""
        self._keeper = asyncio.create_task(self._keep(), name="gateway-producer")

    async def stop(self) -> None:
        """Deliver what was taken, then close."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._link is not None:
            self._retire(self._link)
        if self._retiring:
            await asyncio.wait(list(self._retiring))

    async def put(self, topic: str, key: bytes | None, records: Sequence[Record]) -> None:
        """Store all records of one event in one partition; raises `StoreUnavailable` if that is not certain."""
        started = time.monotonic()
        link = self._link
        if link is None:
            raise StoreUnavailable("not-connected")
        size = sum(len(record.value) for record in records)
        outstanding = self.outstanding_bytes
        if outstanding and outstanding + size > self._settings.outstanding_bytes:
            raise StoreUnavailable("too-much-outstanding")
        try:
            async with asyncio.timeout(self._settings.store_seconds):
                partition = await self._partition(link, topic, key)
                futures = [await link.send(topic, partition, key, record.value, record.headers) for record in records]
                # Not `await future`: a time-out would cancel it, and what is still outstanding would not be counted.
                await asyncio.wait(futures)
        except TimeoutError:
            raise StoreUnavailable("not-acknowledged-in-time") from None
        except KafkaError as error:
            # A missing topic or a missing right is not the producer's fault; a new one would change nothing.
            if not error.retriable and not isinstance(error, TopicAuthorizationFailedError):
                link.broken.set()
            raise StoreUnavailable(type(error).__name__) from error
        for future in futures:
            failure = future.exception()
            if failure is not None:
                raise StoreUnavailable(type(failure).__name__) from failure
        self._metrics.store_seconds.observe(time.monotonic() - started)

    async def _partition(self, link: Link, topic: str, key: bytes | None) -> int:
        partitions = await link.partitions(topic)
        if key is None:
            going = [place for place in partitions if self._going(link, topic, place)]
            if not going:
                raise StoreUnavailable("stalled")
            return random.choice(going)
        partition: int = self._partitioner(key, partitions, partitions)
        if not self._going(link, topic, partition):
            raise StoreUnavailable("stalled")
        return partition

    def _going(self, link: Link, topic: str, partition: int) -> bool:
        return link.waiting((topic, partition)) < self._settings.stall_seconds

    async def _keep(self) -> None:
        """Connect, watch, replace; for ever."""
        while True:
            try:
                self._link = await Link.open(self._settings, time.monotonic)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("kafka_not_reached", error=type(error).__name__)
                await asyncio.sleep(RECONNECT_SECONDS)
                continue
            self._metrics.producers.inc()
            log.info("kafka_connected")
            await self._until_broken(self._link)
            log.warning("producer_renewed")
            self._retire(self._link)
            self._link = None
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _until_broken(self, link: Link) -> None:
        while link.longest_waiting() < self._settings.renew_seconds:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await link.broken.wait()
                    return

    def _retire(self, link: Link) -> None:
        task = asyncio.create_task(link.close(CLOSE_SECONDS), name="gateway-producer-close")
        self._retiring[task] = link
        task.add_done_callback(self._retired)

    def _retired(self, task: asyncio.Task[None]) -> None:
        del self._retiring[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("producer_close_failed", error=type(error).__name__)
