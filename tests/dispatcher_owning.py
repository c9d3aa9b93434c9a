"""A dispatcher's actor without Kafka: its lane, its table's changelog and its topics in memory, on a turned clock."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import orjson
from faust.types import TP

from agents.dispatcher.actor import Dispatcher
from agents.dispatcher.deploy import Deploy
from agents.dispatcher.journal import Place, merge
from agents.dispatcher.schedule import Job
from agents.gate import Gate, GateSettings
from agents.lane import Batch, Lane
from agents.lane.batch import Window
from agents.lease import Lease
from agents.records import Record
from agents.rows import Rows
from streams.commands import Command, Outcome
from streams.topics import Topology
from streams.vocabulary import CommandClass
from tests.clock import TurnedClock
from tests.dispatcher_bench import LIMITS, ScriptedAdapter, Vendor

SESSION = 20.0


@dataclass
class Written:
    """A record of the changelog."""

    key: bytes | None
    value: bytes | None
    offset: int
    topic: str
    partition: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class Brokers:
    """`agents.log.Log`, and the changelog of the account's table."""

    def __init__(self, changelog: str) -> None:
        self.topics: dict[str, list[Written]] = {changelog: []}
        self._changelog = changelog

    async def publish(self, topic: str, partition: int, entries: Iterable[Any]) -> list[int]:
        records = self.topics.setdefault(topic, [])
        first = len(records)
        records += [
            Written(key, value, first + place, topic, partition, timestamp or 0, headers or ())
            for place, (key, value, headers, timestamp) in enumerate(entries)
        ]
        return list(range(first, len(records)))

    async def publish_all(self, records: Mapping[tuple[str, int], Iterable[Any]]) -> dict[tuple[str, int], list[int]]:
        return {place: await self.publish(*place, entries) for place, entries in records.items()}

    async def end(self, partition: int) -> int:
        return len(self.topics[self._changelog])

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        for partition, start in starts.items():
            records = self.topics[self._changelog]
            yield partition, records[start or 0 :], len(records)


class Owning:
    """A dispatcher on brokers in memory and a vendor that answers when it likes."""

    def __init__(
        self, before: Owning | None = None, *, deploy: Deploy | None = None, window: int = 1_000, partitions: int = 1
    ) -> None:
        """`before`: another process with the same account."""
        topology = Topology("", partitions, ("erp",))
        self.changelog = changelog = topology.dispatcher_changelog("erp")
        self.clock = before.clock if before else TurnedClock()
        self.vendor = before.vendor if before else Vendor(self.clock)
        self.brokers = before.brokers if before else Brokers(changelog)
        self.lease = Lease(session=SESSION, deadline=LIMITS.deadline_seconds, clock=self.clock)
        self.lane = Lane(None, {}, 1, self.lease)
        self.rows = Rows(changelog, self.brokers, merge=merge, on_unreadable=lambda key, raw, error: raw)
        gate = Gate(
            GateSettings.from_limits(LIMITS), self.clock, random.Random(1), self.lease.check, self.lease.check_read
        )
        self.dispatcher = Dispatcher(
            self.lane,
            self.rows,
            self.brokers,
            place=Place(topology, "erp", "test"),
            adapter=ScriptedAdapter(self.vendor, LIMITS),
            gate=gate,
            lease=self.lease,
            generation=lambda: 1,
            clock=self.clock,
            random=random.Random(1),
            deploy=deploy,
            window=window,
        )

    async def own(self) -> None:
        self.lease.renew(self.clock.elapsed())
        await self.rows.restore([0])

    async def live(self, seconds: int) -> None:
        """Let time pass, with good heartbeats."""
        for _ in range(seconds):
            self.lease.renew(self.clock.elapsed())
            await self.clock.advance(1)

    # What it reads and writes.

    def deliver(self, *values: bytes | None, klass: CommandClass = CommandClass.MONEY, **record: Any) -> Batch:
        """A batch of one topic, as the lane hands it over; not read yet."""
        topic = f"erp.commands.erp.{klass.value}"
        records = [Written(b"5001", value, offset, topic, **record) for offset, value in enumerate(values)]
        return Batch(TP(topic, 0), records, Window(1, lambda: 1), lambda batch: None)

    async def read(self, *values: bytes | None, klass: CommandClass = CommandClass.MONEY, **record: Any) -> Batch:
        """Have a batch taken in."""
        batch = self.deliver(*values, klass=klass, **record)
        await self.dispatcher._take(batch, klass)
        return batch

    def ask(self, asked: Command) -> None:
        """A command whose record is not looked at."""
        session = self.dispatcher._session
        assert session is not None
        session.offer(Job(asked, asked.klass))

    def written(self, topic: str) -> list[Written]:
        """The records of a topic."""
        return self.brokers.topics.get(topic, [])

    @property
    def outcomes(self) -> list[Outcome]:
        return [Outcome.decode(record.value or b"") for record in self.written("erp.outcomes")]

    @property
    def alarms(self) -> list[dict[str, Any]]:
        return [orjson.loads(record.value or b"") for record in self.written("alarms")]


class Stream:
    """A Faust stream of prepared batches."""

    def __init__(self, lane: Lane, made: list[Batch]) -> None:
        self.app = SimpleNamespace(consumer=SimpleNamespace(lane=lane))
        self._made = made

    def noack(self) -> Stream:
        return self

    async def events(self) -> AsyncIterator[Any]:
        for batch in self._made:
            yield SimpleNamespace(value=batch)
