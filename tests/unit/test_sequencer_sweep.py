"""What a sweep takes up, and that it leaves alone what rests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from faust.types import TP

from agents.lane import Lane
from agents.lane.batch import Window
from agents.log import Entries
from agents.profiles import ProfileWatcher
from agents.records import Record
from agents.rows import Rows
from agents.sequencer import actor
from agents.sequencer.actor import FOREIGN_SECONDS, IDLE_SECONDS, Sequencer
from agents.sequencer.joins import Joins
from agents.sequencer.outbox import Setting
from agents.sequencer.turn import READERS
from streams.row import Letter
from streams.rowcodec import decode, encode
from tests.simulation.kafka import Record as Stored
from tests.unit.erp import START, Erp, rules
from tests.unit.told import snapshot

CHANGELOG = "orders-changelog"
RULES = rules()


class Turned:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def elapsed(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")


class Kept:
    """A changelog of one partition, and the log that writes it."""

    def __init__(self, *values: tuple[bytes, bytes]) -> None:
        self.records = [Stored(CHANGELOG, 0, offset, 0, key, value) for offset, (key, value) in enumerate(values)]

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        for number, start in starts.items():
            yield number, list[Record](self.records[start or 0 :]), len(self.records)

    async def end(self, partition: int) -> int:
        return len(self.records)

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        offsets = []
        for key, value, _, _ in entries:
            if topic == CHANGELOG:
                offsets.append(len(self.records))
                self.records.append(Stored(CHANGELOG, 0, offsets[-1], 0, key, value))
        return offsets

    async def publish_all(self, records: Mapping[tuple[str, int], Entries]) -> dict[tuple[str, int], list[int]]:
        return {place: await self.publish(*place, entries) for place, entries in records.items()}


class Counted(Lane):
    """A lane that counts the turns taken."""

    turns = 0

    def turn(self, partition: int) -> Any:
        self.turns += 1
        return super().turn(partition)


class Stage:
    """A sequencer that owns one partition with these rows."""

    def __init__(self, *values: tuple[bytes, bytes]) -> None:
        self.log, self.clock = Kept(*values), Turned()
        self.lane = Counted(None, dict.fromkeys(READERS, 10), 2, None)
        joins = Joins()
        self.rows = Rows(CHANGELOG, self.log, merge=joins.merge, on_unreadable=joins.unreadable)
        profiles = ProfileWatcher("profiles", RULES.playbooks, _none)
        profiles.take(RULES.profile.to_record())
        self.sequencer = Sequencer(
            self.lane,
            self.rows,
            self.log,
            joins=joins,
            setting=Setting("", "sequencer", "cluster", "sequencer"),
            profiles=profiles,
            clock=self.clock,
            generation=lambda: 2,
        )

    async def begin(self) -> None:
        await self.rows.restore([0])
        self.lane.open_windows({TP("events.reveni", 0): Window(2, lambda: 2)})
        self.lane.turns = 0


def _none() -> Any:
    raise AssertionError("nothing here reads the topic")


def order(*, asked: bool, blocked: bool = False) -> tuple[bytes, bytes]:
    """An order of which the first deadline passes in five minutes; `asked`: what it asks is known to be published."""
    erp = Erp()
    erp.row.absorb(snapshot())
    erp.decide()
    for issued in erp.row.issued.values():
        issued.published = asked
    if blocked:
        erp.row.letters["a"] = Letter("a", {"mapping_key": "skus.TEE-RED-M.ns"}, published=True)
    return b"5001", encode(erp.row)


def sweeps(stage: Stage, *moments: float) -> list[int]:
    """How many turns there were after a sweep at each of these moments."""

    async def main() -> list[int]:
        await stage.begin()
        counts = []
        for moment in moments:
            stage.clock.seconds = moment
            await stage.sequencer.sweep()
            counts.append(stage.lane.turns)
        return counts

    return asyncio.run(main())


def test_a_partition_that_rests_is_left_alone() -> None:
    """Nothing is due and nothing was woken: no turn is taken for which batches would have to wait."""
    assert sweeps(Stage(order(asked=True)), 0.0, 2.0, FOREIGN_SECONDS - 1) == [0, 0, 0]


def test_the_end_of_the_changelog_is_looked_at_now_and_then() -> None:
    """A zombie's write wakes nobody: it is looked for by a turn of its own."""
    assert sweeps(Stage(order(asked=True)), FOREIGN_SECONDS, FOREIGN_SECONDS + 1, 2 * FOREIGN_SECONDS) == [1, 1, 2]


def test_what_is_late_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deadline that passes writes the row with its alarm."""
    monkeypatch.setattr(actor, "FOREIGN_SECONDS", 1e9)
    stage = Stage(order(asked=True))
    assert sweeps(stage, 299.0, 301.0, 303.0) == [0, 1, 1]
    assert decode(stage.log.records[-1].value or b"").alarms


def test_what_was_published_is_written_down_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that nothing else changes is written once more, with what of it was published."""
    monkeypatch.setattr(actor, "FOREIGN_SECONDS", 1e9)
    stage = Stage(order(asked=False))
    assert sweeps(stage, IDLE_SECONDS - 1, IDLE_SECONDS, IDLE_SECONDS + 2) == [0, 1, 1]
    assert not list(decode(stage.log.records[-1].value or b"").unpublished())


def test_what_waits_for_a_mapping_is_taken_up_by_the_first_sweep() -> None:
    """A profile may have come while nobody owned the partition."""
    assert sweeps(Stage(order(asked=True, blocked=True)), 0.0, 2.0) == [1, 1]


def test_a_batch_in_hand_is_waited_for() -> None:
    """What it leaves to be done is not known before its end."""
    stage = Stage(order(asked=True))

    async def main() -> None:
        await stage.begin()
        async with stage.lane.turn(0):
            sweep = asyncio.create_task(stage.sequencer.sweep())
            await asyncio.sleep(0)
            assert not sweep.done()
        await sweep
        assert stage.lane.turns == 2

    asyncio.run(main())
