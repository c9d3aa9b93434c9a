"""A dispatcher gives its account up and takes it over again: nothing of a former session goes on beside the next."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from agents.dispatcher.actor import Dispatcher
from agents.dispatcher.entries import Owned, decode
from agents.dispatcher.journal import Place, merge
from agents.dispatcher.schedule import Job
from agents.gate import Gate, GateSettings
from agents.lane import Lane
from agents.lease import Lease
from agents.records import Record
from agents.rows import Rows
from streams.topics import Topology
from tests.clock import TurnedClock
from tests.dispatcher_bench import LIMITS, ScriptedAdapter, Vendor, command

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
        records += [Written(entry[0], entry[1], first + place, topic) for place, entry in enumerate(entries)]
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

    def __init__(self, before: Owning | None = None) -> None:
        """`before`: another process with the same account."""
        topology = Topology("", 1, ("erp",))
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
        )

    async def own(self) -> None:
        self.lease.renew(self.clock.elapsed())
        await self.rows.restore([0])

    async def live(self, seconds: int) -> None:
        """Let time pass, with good heartbeats."""
        for _ in range(seconds):
            self.lease.renew(self.clock.elapsed())
            await self.clock.advance(1)


async def test_a_session_whose_time_to_stop_ran_out_sends_and_writes_nothing_more() -> None:
    """A worker that was stopped while it gave up wakes past every time-out and may own the account again at once: what
    it had in hand must not be sent under the lease of the next session, which looks the same command up."""
    owning = Owning()
    await owning.own()
    owning.vendor.faults.append("hang")
    asked = command()
    session = owning.dispatcher._session
    assert session is not None
    session.offer(Job(asked, asked.klass))
    await owning.clock.until(lambda: owning.vendor.creates[asked.id] == 1)
    giving_up = asyncio.ensure_future(owning.dispatcher._give_up())
    await asyncio.sleep(0)
    giving_up.cancel()  # as the lane does whose time to hand back is over
    with pytest.raises(asyncio.CancelledError):
        await giving_up
    await owning.rows.revoke()
    await owning.own()
    written = len(owning.brokers.topics[owning.changelog])
    await owning.live(30)
    assert not session._tasks
    assert len(owning.brokers.topics[owning.changelog]) == written  # the next session waits in doubt, and nobody writes
    await owning.live(100)
    assert owning.vendor.creates[asked.id] == 2
    assert len(owning.vendor.made) == 1


async def test_an_account_that_goes_while_it_is_taken_over_is_not_taken_over() -> None:
    """The partitions are called back before the own record is acknowledged: no session begins that nobody ends."""
    owning = Owning()
    stored = asyncio.Event()
    publish = owning.brokers.publish

    async def acknowledged_late(*record: Any) -> list[int]:
        offsets = await publish(*record)
        await stored.wait()
        return offsets

    owning.brokers.publish = acknowledged_late  # type: ignore[method-assign]
    recovery = asyncio.ensure_future(owning.own())
    await owning.clock.until(lambda: bool(owning.brokers.topics[owning.changelog]))
    await owning.lane.revoking()
    stored.set()
    await recovery
    await owning.rows.revoke()
    assert owning.dispatcher._session is None
    assert owning.dispatcher._journal is None


async def test_an_account_given_up_before_its_predecessors_calls_are_over_is_not_released() -> None:
    """Whoever comes next has to leave the slots alone as well: nobody knows yet that those calls have ended."""
    killed = Owning()
    await killed.own()
    early, late = Owning(killed), Owning(killed)
    for owning, seconds, released in ((early, LIMITS.deadline_seconds - 1, False), (late, 9, True)):
        await owning.own()
        assert owning.dispatcher.gate.reserved
        await owning.live(int(seconds))
        await owning.lane.revoking()
        last = decode(owning.brokers.topics[owning.changelog][-1].value or b"")
        assert isinstance(last, Owned)
        assert last.released is released
