"""Reading a changelog in bulk, from an offset to the end that the brokers name, outside any group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.records import Record

STALL_SECONDS = 60.0  # no progress for so long: the broker is away or the log is broken


class ChangelogStalled(Exception):
    """The changelog could not be read to its end."""


class Changelog(Protocol):
    """A table's changelog, as its owner reads it."""

    def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        """Yield (partition, records, position) until each partition has reached the end it had when reading began.

        A start of None is the beginning of the log. The position is where reading stands after `records`; a partition
        with nothing to read yields once, with no records.
        """
        ...

    async def end(self, partition: int) -> int:
        """The offset behind the partition's last record."""
        ...


class KafkaChangelog:
    """Reads partitions of one topic; a short-lived consumer of its own, which commits nothing."""

    def __init__(self, app: Any, topic: str) -> None:
        self._app = app
        self._topic = topic

    async def end(self, partition: int) -> int:
        tp = TP(self._topic, partition)
        return int((await self._app.consumer.highwaters(tp))[tp])

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        """As `Changelog` says. Raises ChangelogStalled, or what aiokafka raises."""
        if not starts:
            return
        consumer = self._consumer()
        await consumer.start()
        try:
            tps = {TopicPartition(self._topic, partition): start for partition, start in starts.items()}
            consumer.assign(list(tps))
            ends = await consumer.end_offsets(list(tps))
            beginnings = await consumer.beginning_offsets(list(tps))
            left = set()
            for tp, start in tps.items():
                at = beginnings[tp] if start is None else start
                consumer.seek(tp, at)
                if at < ends[tp]:
                    left.add(tp)
                else:
                    yield tp.partition, [], at
            consumer.pause(*(set(tps) - left))
            while left:
                fetched = await self._fetch(consumer, left)
                for tp in list(left):
                    # the position, not the last record: compaction and transaction markers leave holes before the end
                    records, position = fetched.get(tp, []), await consumer.position(tp)
                    # and the fetched high watermark: the embedded broker's end offset is the base of its last batch + 1
                    if position >= max(ends[tp], consumer.highwater(tp) or 0):
                        left.discard(tp)
                        consumer.pause(tp)
                    elif not records:
                        continue
                    yield tp.partition, records, position
        finally:
            await consumer.stop()

    async def _fetch(self, consumer: Any, left: set[Any]) -> Mapping[Any, list[Record]]:
        before = {tp: await consumer.position(tp) for tp in left}
        deadline = asyncio.get_running_loop().time() + STALL_SECONDS
        while asyncio.get_running_loop().time() < deadline:
            fetched: Mapping[Any, list[Record]] = await consumer.getmany(*left, timeout_ms=200)
            if fetched or any([await consumer.position(tp) != before[tp] for tp in left]):
                return fetched
        raise ChangelogStalled(f"{self._topic}: nothing came for {STALL_SECONDS:.0f} s at {before}")

    def _consumer(self) -> Any:
        conf = self._app.conf
        transport = self._app.transport
        return AIOKafkaConsumer(
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            client_id=f"{conf.broker_client_id}-changelog",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            request_timeout_ms=int(conf.broker_request_timeout * 1000),
            check_crcs=conf.broker_check_crcs,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )
