"""The sequencer's shell: the five steps of the commit protocol around `Decider.turn`.

1. Decide      join the batch into its rows, decide, freeze commands, letters and alarms into the rows' outboxes
2. Changelog   publish the changed rows; wait for the brokers' acknowledgement
3. Install     the rows become what the next batch reads
4. Publish     the outbox entries; wait
5. Acknowledge the input

A failure in 2 to 4 ends the process, and nothing of the partition goes on. So a command exists only if the row that
decided it is durable, and a crash repeats, never loses. Timers and profile wake-ups take the same five steps.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog

from agents.clock import Clock, rfc3339
from agents.faultpoints import reach
from agents.gate.dead_ratio import DeadRatio
from agents.lane import Batch, Held, Lane, TurnRefused, batches
from agents.log import Entry, Log
from agents.profiles import ProfileWatcher
from agents.rows import NotOwned, Rows
from agents.sequencer.joins import Joins
from agents.sequencer.outbox import InputRecord, Setting
from agents.sequencer.result import Marks, Turn
from agents.sequencer.turn import Decider
from streams.commands import Stamp
from streams.rowcodec import decode, head_of

logger = structlog.get_logger(__name__)

IDLE_SECONDS = 60.0  # after which a row that nothing else changes is written once more, with its marks
FOREIGN_SECONDS = 60.0  # how often an owner looks whether its changelog's end is its own last write
SWEEP_LIMIT = 500  # rows a sweep takes at once, so that batches are not kept waiting


class DeployStopped(Exception):
    """E09: almost everything fails by our own fault, so consumption stops instead of dead-lettering the topic."""


@dataclass(slots=True)
class _Owned:
    """What an owner keeps of a partition beside its rows."""

    decider: Decider
    generation: int
    sequence: int
    marks: dict[bytes, Marks] = field(default_factory=dict)
    due: dict[bytes, str] = field(default_factory=dict)
    heap: list[tuple[str, bytes]] = field(default_factory=list)
    blocked: set[bytes] = field(default_factory=set)
    woken: set[bytes] = field(default_factory=set)
    looked_at: float = 0.0

    def note(self, key: bytes, value: bytes) -> None:
        """Index a row by its head."""
        head = head_of(value)
        if head.due and self.due.get(key) != head.due:
            heapq.heappush(self.heap, (head.due, key))
        if head.due:
            self.due[key] = head.due
        else:
            self.due.pop(key, None)
        if head.blocked:
            self.blocked.add(key)
        else:
            self.blocked.discard(key)

    def pop_due(self, moment: str, limit: int) -> set[bytes]:
        due: set[bytes] = set()
        while self.heap and self.heap[0][0] <= moment and len(due) < limit:
            at, key = heapq.heappop(self.heap)
            if self.due.get(key) == at:
                del self.due[key]
                due.add(key)
        return due


class Sequencer:
    """Owns the orders of the partitions assigned to it."""

    def __init__(
        self,
        lane: Lane,
        rows: Rows,
        log: Log,
        *,
        joins: Joins,
        setting: Setting,
        profiles: ProfileWatcher,
        clock: Clock,
        generation: Callable[[], int],
        dead_ratio: DeadRatio | None = None,
    ) -> None:
        self._setting, self._profiles, self._clock, self._generation = setting, profiles, clock, generation
        self._lane, self._rows, self._log, self._joins = lane, rows, log, joins
        self._rows.on_recovered(self._recovered)
        self._rows.on_revoked(self._revoked)
        self._owned: dict[int, _Owned] = {}
        self._dead_ratio = dead_ratio or DeadRatio()
        profiles.on_change(self._profile_changed)

    # -- input

    async def run(self, stream: Any) -> None:
        """The agent: one batch at a time; the next turn of the loop acknowledges (step 5)."""
        async for batch in batches(stream):
            reach("sequencer.acknowledged")
            await self.take(batch)
            reach("sequencer.published")

    async def take(self, batch: Batch) -> None:
        owned = self._owned.get(batch.tp.partition)
        if owned is not None and not batch.stale:
            await self._turn(batch.tp.partition, owned, batch.records, batch)

    def rests(self) -> bool:
        """Whether a sweep would find nothing to do, as it almost always would."""
        moment = rfc3339(self._clock.now())
        return not any(self._is_due(partition, owned, moment) for partition, owned in self._owned.items())

    async def sweep(self) -> None:
        """What time and the profile bring about: owed and late, unblocked, idle marks, zombies' writes."""
        moment = rfc3339(self._clock.now())
        for partition, standing in list(self._owned.items()):
            if self._is_due(partition, standing, moment):
                await self._sweep(partition)

    def _is_due(self, partition: int, owned: _Owned, moment: str) -> bool:
        return self._lane.busy(partition) or not self._rests(owned, moment)

    def _rests(self, owned: _Owned, moment: str) -> bool:
        """Whether a turn would find nothing to do, as it almost always would."""
        now = self._clock.elapsed()
        return (
            not owned.woken
            and not (owned.heap and owned.heap[0][0] <= moment)
            and now - owned.looked_at < FOREIGN_SECONDS
            and not any(now - marks.since >= IDLE_SECONDS for marks in owned.marks.values())
        )

    async def _sweep(self, partition: int) -> None:
        try:
            async with self._lane.turn(partition) as turn:
                owned = self._owned.get(partition)
                if owned is None or not self._profiles.ready:
                    return
                await self._look_for_foreign_writes(partition, owned)
                woken = self._due(owned)
                if woken:
                    await self._turn(partition, owned, (), turn, woken=woken)
        except TurnRefused:
            return  # the partition is about to go: its next owner sweeps

    def _due(self, owned: _Owned) -> set[bytes]:
        now = self._clock.elapsed()
        woken = owned.pop_due(rfc3339(self._clock.now()), SWEEP_LIMIT)
        for key in sorted(owned.woken)[: SWEEP_LIMIT - len(woken)]:
            owned.woken.discard(key)
            woken.add(key)
        for key, marks in owned.marks.items():
            if len(woken) >= SWEEP_LIMIT:
                break
            if now - marks.since >= IDLE_SECONDS:
                woken.add(key)
        return woken

    # -- the five steps

    async def _turn(
        self,
        partition: int,
        owned: _Owned,
        records: Sequence[InputRecord],
        held: Held,
        *,
        woken: Iterable[bytes] = (),
    ) -> None:
        rules = await self._profiles.rules()
        # 1. Decide
        turn = owned.decider.turn(
            records,
            woken=woken,
            rules=rules,
            now=self._clock.now(),
            stamps=lambda: self._stamp(owned),
            marks=owned.marks,
        )
        await self._stop_if_all_fails(turn)
        reach("sequencer.decided")
        # 2. Changelog
        offsets = await self._log.publish(
            self._rows.changelog, partition, [Entry(key, value) for key, value in turn.rows.items()]
        )
        reach("sequencer.changelog")
        if held.stale:
            return  # the new owner joins what we wrote, and reads the input again
        # 3. Install
        self._rows.install(partition, turn.rows.items(), offsets, held)
        for key, value in turn.rows.items():
            owned.marks.pop(key, None)
            owned.note(key, value)
        if await self._profiles.rules() is not rules:
            # A profile that came while the rows were on their way woke those that were blocked before (seed 9529).
            owned.woken.update(owned.blocked & turn.rows.keys())
        for key in turn.failed & owned.marks.keys():
            owned.marks[key].since = self._clock.elapsed()  # try again later, not in every sweep
        reach("sequencer.installed")
        # 4. Publish
        await self._publish(turn, owned)
        # 5. Acknowledge: the next turn of the agent's loop

    async def _publish(self, turn: Turn, owned: _Owned) -> None:
        await self._log.publish_all(turn.publish)
        since = self._clock.elapsed()
        for key, marks in turn.marks.items():
            marks.since = since
            owned.marks[key] = marks

    async def _stop_if_all_fails(self, turn: Turn) -> None:
        counts = turn.counts
        good = max(0, counts.taken - counts.bug - counts.poison - counts.parts)
        stop = self._dead_ratio.note(good=good, bug=counts.bug, poison=counts.poison)
        if stop is None:
            return
        logger.critical("consumption stopped", reason=stop.reason, last_error=turn.bug_sentence)
        value = f'{{"state":"on","alarm":"consumption-stopped","at":"{rfc3339(self._clock.now())}"}}'.encode()
        await self._log.publish(self._setting.topic("alarms"), 0, [Entry(b"consumption-stopped", value)])
        raise DeployStopped(stop.reason)

    def _stamp(self, owned: _Owned) -> Stamp:
        owned.sequence += 1
        return (owned.generation, owned.sequence)

    # -- recovery

    async def _recovered(self, partition: int) -> None:
        """Before the first batch: publish every outbox entry that is not known to be published."""
        stored = self._rows.partition(partition)
        heads = {key: head_of(value) for key, value in stored.items()}
        stamps = [head.stamp for head in heads.values()]
        generation = max([self._generation(), *(stamp[0] for stamp in stamps)])
        owned = _Owned(
            Decider(self._setting, partition, stored), generation, max((stamp[1] for stamp in stamps), default=0)
        )
        owned.looked_at = self._clock.elapsed()
        now, again = self._clock.now(), Turn()
        for key, head in heads.items():
            owned.note(key, stored[key])
            if head.outbox:
                self._republish(owned, key, stored[key], again, now)
            if self._joins.was_joined(key):
                owned.woken.add(key)
        owned.woken.update(owned.blocked)  # a profile that came while nobody owned the partition has woken nobody
        await self._publish(again, owned)
        if again.publish:
            entries = sum(len(list(records)) for records in again.publish.values())
            logger.info("outbox published again", partition=partition, entries=entries)
        self._owned[partition] = owned

    @staticmethod
    def _republish(owned: _Owned, key: bytes, value: bytes, again: Turn, now: datetime) -> None:
        try:
            turn, marks = owned.decider.republish(decode(value), now)
        except Exception as error:  # that order stands still, visibly (`Decider._load`); the others go on
            logger.error("outbox cannot be read", order=key.decode(errors="replace"), error=repr(error))
            return
        again.also(turn)
        again.marks[key] = marks

    def _revoked(self, partition: int) -> None:
        self._owned.pop(partition, None)

    async def _look_for_foreign_writes(self, partition: int, owned: _Owned) -> None:
        now = self._clock.elapsed()
        if now - owned.looked_at < FOREIGN_SECONDS:
            return
        owned.looked_at = now
        try:
            foreign = await self._rows.foreign_writes(partition)
        except NotOwned:
            return
        if foreign:
            logger.warning("foreign writes joined", partition=partition, orders=len(foreign))
            owned.woken.update(foreign)

    def _profile_changed(self) -> None:
        """A new profile version wakes the rows that wait for a mapping, and they alone."""
        for owned in self._owned.values():
            owned.woken.update(owned.blocked)
