"""Watching the system from outside while it runs: how much was read, what lies unread, what the ERP is doing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters.broker.connection import Connection
from streams.topics import Topology
from streams.vocabulary import CommandClass


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Counts since the start; `at` in seconds since the start."""

    at: float
    sent: int
    accepted: int
    sequenced: int  # records of the sequencer's topics that it has committed
    backlog: int  # that it has not
    commands: int  # commands not yet settled by their dispatcher
    in_flight: int
    most_in_flight: int
    limit: int
    breaches: int
    calls: int
    documents: int
    dead_letters: int


@dataclass
class Watcher:
    """Reads the topics to their ends and asks the groups how far they are."""

    connection: Connection
    topology: Topology
    account: str
    simulators: str
    limit: int
    samples: list[Sample] = field(default_factory=list)
    _ends: dict[TopicPartition, int] = field(default_factory=dict)
    _consumer: AIOKafkaConsumer | None = None
    _groups: dict[str, AIOKafkaConsumer] = field(default_factory=dict)
    _session: aiohttp.ClientSession | None = None
    _seen: int = 0
    _entries: dict[int, dict[str, Any]] = field(default_factory=dict)

    async def start(self) -> None:
        self._consumer = self.connection.consumer()
        await self._consumer.start()
        shared = [*self._events(), self.topology.named("dead.letters")]
        tps = [TopicPartition(topic, number) for topic in shared for number in range(self.topology.partitions)]
        tps += [TopicPartition(topic, 0) for topic in self._commands()]
        self._consumer.assign(tps)
        await self._consumer.seek_to_beginning(*tps)
        for group in (self.topology.sequencer_app, self.topology.dispatcher_app(self.account)):
            self._groups[group] = self.connection.consumer(group_id=group)
            await self._groups[group].start()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=10))

    async def stop(self) -> None:
        for consumer in (self._consumer, *self._groups.values()):
            if consumer is not None:
                await consumer.stop()
        if self._session is not None:
            await self._session.close()

    def _events(self) -> list[str]:
        return [
            self.topology.named(n) for n in ("events.reveni", "events.warehouse", "events.decisions", "erp.outcomes")
        ]

    def _commands(self) -> list[str]:
        return [self.topology.commands(self.account, klass) for klass in CommandClass]

    async def look(self, started: float, sent: int, accepted: int) -> Sample:
        """Take a sample and keep it."""
        await self._read()
        events, unread = await self._progress(self.topology.sequencer_app, self._events())
        _, commands = await self._progress(self.topology.dispatcher_app(self.account), self._commands())
        summary = await self._get("/_calls?summary=1")
        account: Mapping[str, Any] = summary.get("accounts", {}).get(self.account, {})
        ledger = await self._get(f"/_ledger?since_seq={self._seen}")
        for entry in ledger:
            self._entries[int(entry["seq"])] = entry
        self._seen = max(self._entries, default=0)
        dead = self.topology.named("dead.letters")
        sample = Sample(
            at=time.monotonic() - started,
            sent=sent,
            accepted=accepted,
            sequenced=events,
            backlog=unread,
            commands=commands,
            in_flight=int(account.get("in_flight", summary.get("in_flight", 0)) or 0),
            most_in_flight=int(summary["max_in_flight"]),
            limit=self.limit,
            breaches=int(summary["breaches"]),
            calls=int(summary["calls"]),
            documents=len(self._entries),
            dead_letters=sum(end for tp, end in self._ends.items() if tp.topic == dead),
        )
        self.samples.append(sample)
        return sample

    async def _read(self) -> None:
        """Follow the topics: the position reached is the end, whatever a broker says of its end offsets."""
        assert self._consumer is not None
        while True:
            fetched = await self._consumer.getmany(timeout_ms=50)
            for tp, records in fetched.items():
                self._ends[tp] = records[-1].offset + 1
            if not fetched:
                return

    async def _progress(self, group: str, topics: list[str]) -> tuple[int, int]:
        done = unread = 0
        for tp, end in self._ends.items():
            if tp.topic in topics:
                committed = await self._groups[group].committed(tp) or 0
                done += min(committed, end)
                unread += max(0, end - committed)
        return done, unread

    async def _get(self, path: str) -> Any:
        assert self._session is not None
        async with self._session.get(self.simulators + path) as answer:
            return await answer.json()
