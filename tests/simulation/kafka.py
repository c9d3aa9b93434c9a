"""A Kafka in memory: partitioned logs, the cleaner, and everything that goes wrong between a client and a broker.

It removes no duplicates and orders nothing beyond what Kafka does: records of one client to one partition arrive in the
order in which they were sent.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from random import Random
from typing import Any

from aiokafka.errors import KafkaTimeoutError, NotEnoughReplicasError

from tests.simulation.loop import PROCESS, Handle, Process, VirtualLoop
from tests.simulation.plan import BrokerFault

Headers = Sequence[tuple[str, bytes]]
Place = tuple[str, int]  # topic and partition
_OFFSET = attrgetter("offset")
REQUEST_SECONDS = 40.0  # after which a producer gives up


@dataclass(slots=True)
class Record:
    """As it was written; nobody changes one."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


Fetched = dict[Place, list[Record]]


@dataclass(slots=True, eq=False)
class Waiting:
    """A fetch that waits at the broker until there is something to read."""

    positions: Mapping[Place, int]
    limit: int
    done: asyncio.Future[Fetched]
    timer: Handle | None = None


@dataclass(slots=True)
class Partition:
    """One log; compaction leaves holes."""

    records: list[Record] = field(default_factory=list)
    end: int = 0
    readers: list[Waiting] = field(default_factory=list)

    def read(self, start: int, limit: int) -> list[Record]:
        at = bisect_left(self.records, start, key=_OFFSET)
        return self.records[at : at + limit]


class Network:
    """How long things take, and in which order they arrive."""

    def __init__(self, loop: VirtualLoop, dice: Random) -> None:
        self.loop = loop
        self.process = Process(loop, "network")
        self._dice = dice
        self._last: dict[tuple[str, str], float] = {}

    def latency(self) -> float:
        """Seconds one way: milliseconds as a rule, now and then much longer."""
        draw = self._dice.random()
        return 0.0005 + draw * 0.004 if draw < 0.97 else draw * 0.6

    def send(self, channel: str, callback: Callable[..., object], *args: Any) -> None:
        """Run something at the other side; what goes through one channel of a process arrives in order."""
        key, now, draw = (PROCESS.get().name, channel), self.loop.now, self._dice.random()
        when = now + (0.0005 + draw * 0.004 if draw < 0.97 else draw * 0.6)
        before = self._last.get(key, 0.0)
        self._last[key] = when = when if when > before else before
        self.process.call_later(when - now, callback, *args)

    def reply(self, future: asyncio.Future[Any], result: Any = None, error: Exception | None = None) -> None:
        """The answer, a while later."""
        self.process.call_later(self.latency(), _settle, future, result, error)


def _settle(future: asyncio.Future[Any], result: Any, error: Exception | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(result)


class Broker:
    """The logs of all topics."""

    def __init__(
        self,
        network: Network,
        topics: Mapping[str, int],
        compacted: Mapping[str, float],
        dice: Random,
        now_ms: Callable[[], int],
        written: Callable[[Record], None],
        struck: Callable[[str], None],
    ) -> None:
        """`topics`: partition counts; `compacted`: seconds the cleaner leaves alone; `struck` hears of each fault."""
        self.network = network
        self.loop = network.loop
        self.logs = {name: [Partition() for _ in range(count)] for name, count in topics.items()}
        self.faults: list[tuple[float, BrokerFault]] = []  # (until, fault)
        self._compacted = compacted
        self._dice = dice
        self._now_ms = now_ms
        self._written = written
        self._struck = struck

    # -- what goes wrong

    def strike(self, fault: BrokerFault) -> None:
        """From now on, for its time."""
        self.faults.append((self.loop.now + fault.seconds, fault))

    def heal(self) -> None:
        self.faults.clear()

    def away_for(self, *kinds: str) -> float:
        """Seconds until the broker answers again."""
        if not self.faults:
            return 0.0
        now, found = self.loop.now, kinds or ("away",)
        return max((until - now for until, fault in self.faults if fault.fault in found and until > now), default=0.0)

    def coordinator_away_for(self) -> float:
        """Seconds until the groups' coordinator answers again."""
        return self.away_for("away", "coordinator")

    def kept_waiting(self) -> None:
        """A group has to wait for its coordinator; where the whole broker is away, its writers count that."""
        if not self.away_for():
            self._struck("broker coordinator")

    def _fault_for(self, topic: str) -> BrokerFault | None:
        now = self.loop.now
        for until, fault in self.faults:
            in_force = until > now and fault.fault not in ("away", "coordinator") and fault.topic in topic
            if in_force and self._dice.random() < fault.probability:
                self._struck(fault.kind)
                return fault
        return None

    # -- writing

    def write(
        self, topic: str, partition: int, entries: Iterable[tuple[bytes | None, bytes | None, Any, int | None]]
    ) -> asyncio.Future[list[int]]:
        """Send a batch; its offsets when it is acknowledged. It arrives whatever becomes of the sender."""
        done: asyncio.Future[list[int]] = self.loop.create_future()
        if not PROCESS.get().dead:
            self.network.send(f"{topic}-{partition}", self._arrive, topic, partition, list(entries), done, 0.0)
        return done

    def _arrive(
        self, topic: str, partition: int, entries: list[Any], done: asyncio.Future[list[int]], waited: float
    ) -> None:
        away = self.away_for()
        if away:
            self._struck("broker away")
            if waited + away > REQUEST_SECONDS:
                self.network.reply(done, error=KafkaTimeoutError())
                return
            self.network.process.call_later(away, self._arrive, topic, partition, entries, done, waited + away)
            return
        fault = self._fault_for(topic)
        if fault is not None and fault.fault == "refused":
            self.network.reply(done, error=NotEnoughReplicasError())
            return
        offsets = self.append(topic, partition, entries)
        if fault is None:
            self.network.reply(done, offsets)
        elif fault.fault == "unacknowledged":
            self.network.reply(done, error=KafkaTimeoutError())
        else:
            self.network.process.call_later(fault.delay, _settle, done, offsets, None)

    def append(self, topic: str, partition: int, entries: Iterable[Any]) -> list[int]:
        """Write at once: the log's own doing."""
        log, offsets = self.logs[topic][partition], []
        for key, value, headers, timestamp in entries:
            stamp = self._now_ms() if timestamp is None else timestamp
            record = Record(topic, partition, log.end, stamp, key, value, tuple(headers or ()))
            log.records.append(record)
            offsets.append(log.end)
            log.end += 1
            self._written(record)
        for waiting in list(log.readers):
            self._answer_fetch(waiting)
        return offsets

    # -- reading

    def fetch(self, positions: Mapping[Place, int], limit: int, wait: float) -> asyncio.Future[Fetched]:
        """Records from these positions on; the answer waits so long while there are none."""
        done: asyncio.Future[Fetched] = self.loop.create_future()
        self.network.send("", self._fetches, positions, limit, wait, done)
        return done

    def _fetches(self, positions: Mapping[Place, int], limit: int, wait: float, done: asyncio.Future[Fetched]) -> None:
        away = self.away_for()
        if away:
            self.network.process.call_later(away, self._fetches, positions, limit, wait, done)
            return
        found = self._read(positions, limit)
        if found or not wait:
            self.network.reply(done, found)
            return
        waiting = Waiting(positions, limit, done)
        waiting.timer = self.network.process.call_later(wait, self._answer_fetch, waiting)
        for topic, partition in positions:
            self.logs[topic][partition].readers.append(waiting)

    def _answer_fetch(self, waiting: Waiting) -> None:
        """Something was written, or the time is over."""
        if waiting.timer is not None:
            waiting.timer.cancel()
        for topic, partition in waiting.positions:
            self.logs[topic][partition].readers.remove(waiting)
        self.network.reply(waiting.done, self._read(waiting.positions, waiting.limit))

    def _read(self, positions: Mapping[Place, int], limit: int) -> Fetched:
        if self.away_for():
            return {}
        found = {}
        for place, start in positions.items():
            log = self.logs[place[0]][place[1]]
            if log.end > start and (records := log.read(start, limit)):
                found[place] = records
        return found

    async def trip(self) -> None:
        """To the broker and back, once it is there."""
        done: asyncio.Future[None] = self.loop.create_future()
        self.network.send("", self._answer, done)
        await done

    def _answer(self, done: asyncio.Future[None]) -> None:
        away = self.away_for()
        if away:
            self.network.process.call_later(away, self._answer, done)
        else:
            self.network.reply(done)

    # -- the cleaner, and rot

    def compact(self) -> int:
        """One pass of the cleaner: of each key the newest record, and whatever is younger than the lag."""
        removed = 0
        for topic, lag in self._compacted.items():
            horizon = self._now_ms() - lag * 1000
            for log in self.logs.get(topic, ()):
                newest = {record.key: record.offset for record in log.records}
                kept = [
                    record
                    for record in log.records
                    if record.timestamp >= horizon or newest[record.key] == record.offset or record.key is None
                ]
                removed += len(log.records) - len(kept)
                log.records = kept
        return removed

    def corrupt(self, topic: str, draw: int) -> Record | None:
        """One byte of the newest record of one key rots."""
        newest: dict[tuple[int, bytes | None], Record] = {}
        for number, log in enumerate(self.logs[topic]):
            for record in log.records:
                newest[number, record.key] = record
        chosen = [newest[place] for place in sorted(newest, key=str)]
        if not chosen:
            return None
        record = chosen[draw % len(chosen)]
        value = bytearray(record.value or b"x")
        value[draw % len(value)] ^= 0xFF
        rotten = Record(
            record.topic, record.partition, record.offset, record.timestamp, record.key, bytes(value), record.headers
        )
        records = self.logs[topic][record.partition].records
        records[bisect_left(records, record.offset, key=_OFFSET)] = rotten
        return rotten
