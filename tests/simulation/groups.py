"""Consumer groups: members, generations, rebalances, committed offsets; the coordinator's side of Kafka's protocol.

Eager: in a rebalance everybody gives up everything and joins again. Who does not join in time is left out, who is not
heard of within the session is thrown out, and a commit or heartbeat of a former generation is refused.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

from tests.simulation.kafka import Broker
from tests.simulation.loop import PROCESS, Process, VirtualLoop

Places = tuple[int, ...]
REBALANCING, UNKNOWN = "rebalancing", "unknown"


class Assignment(NamedTuple):
    """What a member has in a generation: partition numbers (every topic of the group is partitioned alike)."""

    generation: int
    numbers: Places


@dataclass(slots=True)
class Heartbeat:
    """One of a member's. Heartbeats are what happens most often in a run, so no callback is made that only waits:

    `good` is called at the coordinator, an instant before the answer arrives, and may only note the time at which the
    heartbeat was sent; `again` comes one interval after the answer. `otherwise` is told REBALANCING (join again) or
    UNKNOWN (thrown out).
    """

    name: str
    generation: int
    interval: float
    good: Callable[[], object]
    again: Callable[[], object]
    otherwise: Callable[[str], object]


@dataclass(slots=True)
class _Member:
    name: str
    heard: float
    numbers: Places = ()
    joining: asyncio.Future[Assignment] | None = None
    asked: bool = False  # to join again
    watch: int = field(default=0)


class Group:
    """One consumer group."""

    def __init__(
        self,
        broker: Broker,
        name: str,
        partitions: int,
        *,
        session: float,
        rebalance: float,
        dice: Random,
        committed: Callable[[str, str, int, int], None],
    ) -> None:
        self.name = name
        self.generation = 0
        self.offsets: dict[tuple[str, int], int] = {}
        self._broker = broker
        self._loop: VirtualLoop = broker.loop
        self._partitions = partitions
        self._session, self._rebalance = session, rebalance
        self._dice = dice
        self._committed = committed
        self._members: dict[str, _Member] = {}
        self._round = 0
        self._open = False  # a rebalance is under way

    # -- what a client asks, each a trip to the broker and back

    async def join(self, name: str) -> Assignment:
        """Wait for the next generation."""
        done: asyncio.Future[Assignment] = self._loop.create_future()
        self._broker.network.send("group", self._when_there, self._joins, name, done)
        return await done

    def heartbeat(self, beat: Heartbeat) -> None:
        """Tell that a member lives; what follows is said in `Heartbeat`."""
        self._broker.network.send("group", self._when_there, self._hears, beat, PROCESS.get())

    async def commit(self, name: str, generation: int, offsets: Mapping[tuple[str, int], int]) -> bool:
        """False when the generation is over: nothing was committed."""
        done: asyncio.Future[bool] = self._loop.create_future()
        self._broker.network.send("group", self._when_there, self._commits, name, generation, dict(offsets), done)
        return await done

    async def fetch_offsets(self) -> dict[tuple[str, int], int]:
        """What is committed."""
        await self._broker.trip()
        return dict(self.offsets)

    async def leave(self, name: str) -> None:
        done: asyncio.Future[None] = self._loop.create_future()
        self._broker.network.send("group", self._when_there, self._leaves, name, done)
        await done

    # -- the coordinator

    def begin_rebalance(self) -> None:
        """Ask everybody to join again."""
        if self._open:
            return
        self._open = True
        self._round += 1
        for member in self._members.values():
            member.asked = True
        self._broker.network.process.call_later(self._rebalance, self._close, self._round)

    def owners(self) -> dict[int, str]:
        """Who has which partition number in the generation that stands."""
        return {number: member.name for member in self._members.values() for number in member.numbers}

    def _when_there(self, then: Callable[..., None], *args: object) -> None:
        away = self._broker.coordinator_away_for()
        if away:
            self._broker.kept_waiting()
            self._broker.network.process.call_later(away, self._when_there, then, *args)
        else:
            then(*args)

    def _joins(self, name: str, done: asyncio.Future[Assignment]) -> None:
        member = self._members.get(name)
        if member is None:
            member = self._members[name] = _Member(name, self._loop.now)
        self.begin_rebalance()
        member.joining, member.asked = done, False
        self._heard(member)
        if all(other.joining is not None for other in self._members.values()):
            # An instant more for who starts at the same time, as brokers have it (group.initial.rebalance.delay.ms).
            self._broker.network.process.call_later(0.05, self._close_if_complete, self._round)

    def _close_if_complete(self, round_: int) -> None:
        if all(member.joining is not None for member in self._members.values()):
            self._close(round_)

    def _close(self, round_: int) -> None:
        """The generation begins with who has joined."""
        if not self._open or round_ != self._round:
            return
        self._open = False
        self._members = {name: one for name, one in self._members.items() if one.joining is not None}
        if not self._members:
            return
        self.generation += 1
        members = list(self._members.values())
        shift = self._dice.randrange(len(members)) if self._dice.random() < 0.4 else 0
        for place, member in enumerate(members):
            mine = (place + shift) % len(members)
            member.numbers = tuple(range(mine, self._partitions, len(members)))
            joining, member.joining = member.joining, None
            self._heard(member)
            assert joining is not None
            self._broker.network.reply(joining, Assignment(self.generation, member.numbers))

    def _hears(self, beat: Heartbeat, process: Process) -> None:
        member, after = self._members.get(beat.name), self._broker.network.latency()
        if member is None or beat.generation != self.generation:
            process.call_later(after, beat.otherwise, UNKNOWN)
            return
        self._heard(member)
        if member.asked:
            process.call_later(after, beat.otherwise, REBALANCING)
            return
        if not process.dead:
            beat.good()
        process.call_later(after + beat.interval, beat.again)

    def _commits(
        self, name: str, generation: int, offsets: dict[tuple[str, int], int], done: asyncio.Future[bool]
    ) -> None:
        member = self._members.get(name)
        good = member is not None and generation == self.generation
        if good:
            for (topic, number), offset in offsets.items():
                self.offsets[topic, number] = offset
                self._committed(self.name, topic, number, offset)
        self._broker.network.reply(done, good)

    def _leaves(self, name: str, done: asyncio.Future[None]) -> None:
        if self._members.pop(name, None) is not None:
            self._after_a_loss()
        self._broker.network.reply(done)

    def _heard(self, member: _Member) -> None:
        member.heard = self._loop.now
        if not member.watch:
            member.watch = 1
            self._broker.network.process.call_later(self._session, self._expire, member)

    def _expire(self, member: _Member) -> None:
        """Throw out who was not heard of; nobody is while the broker itself is away, or while a join is pending."""
        if self._members.get(member.name) is not member:
            return
        if self._broker.coordinator_away_for() or member.joining is not None:
            member.heard = self._loop.now
        rest = member.heard + self._session - self._loop.now
        if rest > 1e-6:
            self._broker.network.process.call_later(rest, self._expire, member)
            return
        del self._members[member.name]
        self._after_a_loss()

    def _after_a_loss(self) -> None:
        if self._members:
            if self._open:
                self._close_if_complete(self._round)
            else:
                self.begin_rebalance()
