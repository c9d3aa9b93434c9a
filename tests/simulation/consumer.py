"""A member of a consumer group: what Faust, aiokafka and the lane's consumer do between the coordinator and an actor.

It follows agents/lane/consumer.py and agents/lane/recovery.py call by call, with the lane, its delivery, its hand-back,
the rows and the lease being the product's own.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from faust.types import TP

from agents.lane import Batch, Lane, RecordsDeleted
from agents.lane.batch import Window
from agents.lane.delivery import Delivery, hand_back
from agents.lease import Lease
from agents.rows import Rows
from tests.simulation.groups import UNKNOWN, Group, Heartbeat
from tests.simulation.kafka import Broker, Fetched, Place
from tests.simulation.loop import PROCESS
from tests.simulation.ports import SimClock, SimStream

FETCH_RECORDS = 500
FETCH_WAIT = 30.0  # what arrives, and what wakes the reader, ends it at once
COMMIT_SECONDS = 0.5
NO_GENERATION = -1


class Consumer:
    """Reads the topics of one group for one process."""

    def __init__(
        self,
        name: str,
        broker: Broker,
        group: Group,
        lane: Lane,
        rows: Rows,
        streams: Mapping[str, SimStream],
        lease: Lease | None,
        clock: SimClock,
        *,
        heartbeat: float,
        rebalance: float,
        recovered: Callable[[tuple[int, ...]], None],
    ) -> None:
        self.name = name
        self.generation = NO_GENERATION
        self._broker, self._group, self._lane, self._rows = broker, group, lane, rows
        self._streams, self._lease, self._clock = streams, lease, clock
        self._heartbeat, self._rebalance = heartbeat, rebalance
        self._recovered = recovered
        self._delivery = Delivery(lane, self._hand_over, self._on_ack)
        self._rejoin = asyncio.Event()
        self._woken = asyncio.Event()
        self._acked = asyncio.Event()
        self._stopping = asyncio.Event()
        self._revocations = 0
        self._member = True
        self._commit_lock = asyncio.Lock()
        self._done: dict[tuple[str, int], int] = {}
        lane.wake = self._woken.set

    # -- membership

    async def run(self) -> None:
        """Join, recover, read, and join again, until stopped."""
        self._process = PROCESS.get()
        self._process.call_later(self._heartbeat, self._beat)
        commits = asyncio.create_task(self._commit_now_and_then())
        reading: asyncio.Task[None] | None = None
        while not self._stopping.is_set():
            if self._lease is not None:
                self._lease.lose()
            await self._revoke()
            joined = await self._group.join(self.name)
            self.generation = joined.generation
            self._rejoin.clear()
            if joined.numbers:
                reading = asyncio.create_task(self._read(joined.numbers, reading, self._revocations))
            waits: list[asyncio.Task[Any]] = [
                asyncio.create_task(self._rejoin.wait()),
                asyncio.create_task(self._stopping.wait()),
            ]
            if reading is not None:
                waits.append(reading)
            while not self._rejoin.is_set() and not self._stopping.is_set():
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
                if reading is not None and reading.done():
                    reading.result()  # what recovery raised ends the process
                    waits = [wait for wait in waits if wait is not reading]
            for wait in waits[:2]:
                wait.cancel()
            if commits.done():
                commits.result()
        await self._revoke()
        self._member = False
        commits.cancel()
        await self._group.leave(self.name)

    async def stop(self) -> None:
        """As SIGTERM: hand back, commit, leave."""
        self._stopping.set()

    def _beat(self) -> None:
        if not self._member:
            return
        if self.generation == NO_GENERATION or self._rejoin.is_set():
            self._process.call_later(self._heartbeat, self._beat)
            return
        sent_at, generation = self._clock.elapsed(), self.generation
        good, otherwise = partial(self._is_good, sent_at, generation), partial(self._is_not, generation)
        self._group.heartbeat(Heartbeat(self.name, generation, self._heartbeat, good, self._beat, otherwise))

    def _is_good(self, sent_at: float, generation: int) -> None:
        still = generation == self.generation and self._member and not self._rejoin.is_set()
        if still and self._lease is not None:
            self._lease.renew(sent_at)

    def _is_not(self, generation: int, answer: str) -> None:
        """A heartbeat is answered otherwise; the next follows."""
        self._process.call_later(self._heartbeat, self._beat)
        if generation != self.generation or not self._member:
            return
        if answer == UNKNOWN:
            self.generation = NO_GENERATION
        if self._lease is not None:
            self._lease.lose()
        self._rejoin.set()

    async def _revoke(self) -> None:
        self._revocations += 1
        self._woken.set()
        for stream in self._streams.values():
            stream.clear()
        await hand_back(self._lane, self.commit, self._rebalance / 2)
        await self._rows.revoke()

    # -- a generation

    async def _read(self, numbers: tuple[int, ...], before: asyncio.Task[None] | None, revocations: int) -> None:
        if before is not None and not before.done():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([before])
        if revocations != self._revocations:
            return
        await self._rows.restore(numbers)
        if revocations != self._revocations:
            return
        self._recovered(numbers)
        positions = await self._seek(numbers, revocations)
        fetching: asyncio.Future[Fetched] | None = None
        asked: dict[Place, int] = {}
        while revocations == self._revocations:
            self._woken.clear()
            for tp in self._delivery.holding():
                self._delivery.deliver(tp)
            wanted = self._delivery.wanted()  # a position moves only when its fetch is over
            if fetching is None or wanted != asked.keys():
                if fetching is not None:
                    fetching.remove_done_callback(self._fetched)
                    fetching.cancel()
                fetching, asked = None, {tp: positions[tp] for tp in sorted(wanted)}
                if asked:
                    fetching = self._broker.fetch(asked, FETCH_RECORDS, FETCH_WAIT)
                    fetching.add_done_callback(self._fetched)
            await self._woken.wait()
            if fetching is None or not fetching.done():
                continue
            for (topic, number), records in fetching.result().items():
                if revocations == self._revocations and self._delivery.hold(TP(topic, number), records):
                    positions[topic, number] = records[-1].offset + 1
            fetching = None

    def _fetched(self, answer: asyncio.Future[Fetched]) -> None:
        self._woken.set()

    async def _seek(self, numbers: tuple[int, ...], revocations: int) -> dict[tuple[str, int], int]:
        """Start at what is committed, or at the beginning."""
        self._delivery.forget()
        self._lane.close_windows()
        committed = await self._group.fetch_offsets()
        if revocations != self._revocations:
            return {}
        positions = {}
        for topic in self._lane.sizes:
            for number in numbers:
                log = self._broker.logs[topic][number]
                first = log.records[0].offset if log.records else 0
                at = committed.get((topic, number), first)
                if at < first:
                    raise RecordsDeleted(f"{topic}-{number}: committed {at}, the log starts at {first}")
                positions[topic, number] = at
        self._rows.require(numbers)
        self._done = dict(positions)
        generation = self.generation
        self._lane.open_windows({TP(*place): Window(generation, lambda: self.generation) for place in positions})
        return positions

    def _hand_over(self, batch: Batch) -> None:
        self._streams[batch.tp.topic].put(batch)

    def _on_ack(self, batch: Batch) -> None:
        self._delivery.deliver(batch.tp)
        self._woken.set()
        self._acked.set()

    # -- commits

    async def _commit_now_and_then(self) -> None:
        while True:
            await self._acked.wait()
            self._acked.clear()
            await asyncio.sleep(COMMIT_SECONDS)
            if self._lane.windows:
                await self.commit()
                if self._uncommitted():
                    self._acked.set()  # refused, or another commit was under way: again

    async def commit(self) -> bool:
        """Commit what is acknowledged; False when another commit was under way and was only waited for."""
        if self._commit_lock.locked():
            async with self._commit_lock:
                return False
        async with self._commit_lock:
            offsets = self._uncommitted()
            if offsets and await self._group.commit(self.name, self.generation, offsets):
                self._done.update(offsets)
        return True

    def _uncommitted(self) -> dict[Place, int]:
        return {
            (tp.topic, tp.partition): window.committable
            for tp, window in self._lane.windows.items()
            if window.committable is not None and self._done.get((tp.topic, tp.partition)) != window.committable
        }
