"""The processes under test: the product's actors on simulated ports, wired as the apps of agents/*/app.py wire them."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Mapping
from random import Random
from typing import Any

from agents.dispatcher.actor import Dispatcher
from agents.dispatcher.app import BATCH_RECORDS, DEPTH
from agents.dispatcher.journal import Place
from agents.dispatcher.journal import merge as merge_entries
from agents.dispatcher.ports import Adapter
from agents.gate import Gate, GateSettings
from agents.lane import Lane
from agents.lease import Lease
from agents.profiles import ProfileWatcher
from agents.rows import Rows
from agents.sequencer.actor import Sequencer
from agents.sequencer.joins import Joins
from agents.sequencer.outbox import Setting
from agents.sequencer.turn import READERS
from streams.profile import Profile
from streams.topics import Topology
from streams.vocabulary import CommandClass
from tests.simulation.builds import Build
from tests.simulation.consumer import Consumer
from tests.simulation.groups import Group
from tests.simulation.kafka import Broker
from tests.simulation.loop import Process
from tests.simulation.ports import SimChangelog, SimClock, SimLog, SimStream

SEQUENCER, DISPATCHER = "sequencer", "dispatcher"
CLUSTER = "simulated"
SWEEP_SECONDS = 2.0
PROFILE_SECONDS = 1.0
SEQUENCER_BATCH = 50
SESSIONS = {SEQUENCER: 8.0, DISPATCHER: 15.0}
REBALANCES = {SEQUENCER: 20.0, DISPATCHER: 30.0}
HEARTBEAT_SECONDS = 2.0

Recovered = Callable[[str, str, int, Mapping[bytes, bytes], int], None]


class Worker(ABC):
    """One process of one role. Whatever its tasks raise ends it."""

    def __init__(
        self,
        role: str,
        process: Process,
        clock: SimClock,
        broker: Broker,
        group: Group,
        dice: Random,
        recovered: Recovered,
    ) -> None:
        self.role, self.process, self.clock = role, process, clock
        self.name = process.name
        self.failure: BaseException | None = None
        self.stopped = False
        self.leaving = False  # it was asked to
        self.armed: dict[str, Callable[[], None]] = {}  # fault points at which something happens to it
        self.consumer: Consumer
        self._broker, self._group, self._dice = broker, group, dice
        self._tell_recovered = recovered

    async def main(self, on_end: Callable[[Worker], None]) -> None:
        """The life of the process."""
        jobs = [asyncio.create_task(job) for job in self._jobs()]
        try:
            done, _ = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
            self.stopped = True
        except Exception as error:
            self.failure = error
        on_end(self)

    @abstractmethod
    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        """What runs in the process, for as long as it lives."""

    def _join(self, lane: Lane, rows: Rows, streams: Mapping[str, SimStream], lease: Lease | None) -> Consumer:
        def recovered(numbers: tuple[int, ...]) -> None:
            for number in numbers:
                self._tell_recovered(self.name, rows.changelog, number, rows.partition(number), rows.end_offset(number))

        self.consumer = Consumer(
            self.name,
            self._broker,
            self._group,
            lane,
            rows,
            streams,
            lease,
            self.clock,
            heartbeat=HEARTBEAT_SECONDS,
            rebalance=REBALANCES[self.role],
            recovered=recovered,
        )
        return self.consumer


class SequencerWorker(Worker):
    """A process that owns orders."""

    def __init__(self, topology: Topology, build: Build, read: Callable[[bytes], Profile], *base: Any) -> None:
        """`read`: how it reads a profile's record; the workers of a run share what was read."""
        super().__init__(SEQUENCER, *base)
        self.build = build
        self.log = build.log(self._broker)
        self._topology, self._read_profile = topology, read

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        topology = self._topology
        names = [topology.named(name) for name in READERS]
        lane = Lane(None, dict.fromkeys(names, SEQUENCER_BATCH), 2, None)
        joins = Joins()
        rows = Rows(
            topology.sequencer_changelog,
            SimChangelog(self._broker, topology.sequencer_changelog),
            merge=joins.merge,
            on_unreadable=joins.unreadable,
        )
        stream = SimStream(lane)
        consumer = self._join(lane, rows, dict.fromkeys(names, stream), None)
        profiles = ProfileWatcher(
            topology.named("profiles"), self.build.playbooks, _no_consumer, read=self._read_profile
        )
        sequencer = Sequencer(
            lane,
            rows,
            self.log,
            joins=joins,
            setting=Setting(topology.prefix, topology.sequencer_app, CLUSTER, topology.sequencer_app),
            profiles=profiles,
            clock=self.clock,
            generation=lambda: consumer.generation,
            dead_ratio=self.build.dead_ratio(),
        )
        return [
            consumer.run(),
            _endless(sequencer.run(stream)),
            self._sweep(sequencer, self.process),
            self._follow(profiles, topology.named("profiles")),
        ]

    async def _sweep(self, sequencer: Sequencer, process: Process) -> None:
        """Now and then; most times nothing is due, and no task is woken for that."""
        due = asyncio.Event()

        def look() -> None:
            if sequencer.rests():
                process.call_later(SWEEP_SECONDS, look)
            else:
                due.set()

        while True:
            process.call_later(SWEEP_SECONDS, look)
            await due.wait()
            due.clear()
            await sequencer.sweep()

    async def _follow(self, profiles: ProfileWatcher, topic: str) -> None:
        """Each version is noticed after a while, by one worker sooner than by another."""
        at = 0
        while True:
            fetched = await self._broker.fetch({(topic, 0): at}, 10, 60.0)
            for record in fetched.get((topic, 0), ()):
                if at:
                    await asyncio.sleep(self._dice.random() * 5)
                at = record.offset + 1
                profiles.take(record.value or b"")


class DispatcherWorker(Worker):
    """A process that owns an account, or waits to."""

    def __init__(
        self, topology: Topology, account: str, adapter: Adapter, head_room: int, look_seconds: float, *base: Any
    ) -> None:
        super().__init__(DISPATCHER, *base)
        self._topology, self._account, self._adapter, self._head_room = topology, account, adapter, head_room
        self._look_seconds = look_seconds

    def _jobs(self) -> list[Coroutine[Any, Any, None]]:
        topology, account, adapter = self._topology, self._account, self._adapter
        limits, session = adapter.limits, max(SESSIONS[DISPATCHER], adapter.limits.deadline_seconds + 5)
        lease = Lease(session=session, deadline=limits.deadline_seconds, clock=self.clock)
        topics = {klass: topology.commands(account, klass) for klass in CommandClass}
        lane = Lane(None, dict.fromkeys(topics.values(), BATCH_RECORDS), DEPTH, lease)
        changelog = topology.dispatcher_changelog(account)
        rows = Rows(
            changelog,
            SimChangelog(self._broker, changelog),
            merge=merge_entries,
            on_unreadable=lambda key, raw, error: raw,
        )
        streams = {topic: SimStream(lane) for topic in topics.values()}
        consumer = self._join(lane, rows, streams, lease)
        dispatcher = Dispatcher(
            lane,
            rows,
            SimLog(self._broker),
            place=Place(topology, account, CLUSTER),
            adapter=adapter,
            gate=Gate(
                GateSettings.from_limits(limits, head_room=self._head_room),
                self.clock,
                Random(self._dice.random()),
                lease.check,
                lease.check_read,
            ),
            lease=lease,
            generation=lambda: consumer.generation,
            clock=self.clock,
            random=Random(self._dice.random()),
            look_seconds=self._look_seconds,
        )
        return [
            consumer.run(),
            *(_endless(dispatcher.read(streams[topic], klass)) for klass, topic in topics.items()),
            dispatcher.watch_failure(),
            dispatcher.watch_changelog(),
        ]


async def _endless(reading: Coroutine[Any, Any, None]) -> None:
    """An agent never ends by itself: one that does would leave its process half alive."""
    await reading
    raise RuntimeError("an agent ended")


def _no_consumer() -> Any:
    raise RuntimeError("the simulation feeds the profile by itself: nothing here may ask for a consumer")
