"""What a sweep takes up, and that it leaves alone what rests."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import structlog
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
from agents.sequencer.result import Counts, Turn
from agents.sequencer.turn import READERS
from streams.row import Letter
from streams.rowcodec import decode, encode
from tests.scenarios.messages import tee
from tests.simulation.kafka import Record as Stored
from tests.unit.erp import START, Erp, rules
from tests.unit.told import snapshot

CHANGELOG = "orders-changelog"
RULES = rules()


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What is logged about faults on purpose is not printed."""
    with structlog.testing.capture_logs():
        yield


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
        self.others: list[tuple[str, bytes | None]] = []  # what went to other topics

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        for number, start in starts.items():
            yield number, list[Record](self.records[start or 0 :]), len(self.records)

    async def end(self, partition: int) -> int:
        return len(self.records)

    async def publish(self, topic: str, partition: int, entries: Entries) -> list[int]:
        offsets = []
        for key, value, _, _ in entries:
            if topic != CHANGELOG:
                self.others.append((topic, value))
            else:
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


def fails(*_: Any) -> None:
    raise ZeroDivisionError("on purpose")


def test_an_order_that_fails_is_tried_again_later_and_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Woken by what it published: once a minute, not in every sweep; counted once, however often it fails (E09)."""
    monkeypatch.setattr(actor, "FOREIGN_SECONDS", 1e9)
    monkeypatch.setattr("agents.sequencer.turn.decide", fails)
    stage = Stage(order(asked=False))
    moments = [IDLE_SECONDS + seconds for seconds in range(110)]
    turns = sweeps(stage, *moments)
    assert turns[0] == 1
    assert turns[-1] == 2
    letters = [value for topic, value in stage.log.others if topic == "dead.letters"]
    assert len(letters) == 1
    later = [IDLE_SECONDS * minute + 61 for minute in range(2, 40)]
    stage = Stage(order(asked=False))
    assert len(sweeps(stage, *later)) == 38  # no `DeployStopped`, and one letter as before
    assert [topic for topic, _ in stage.log.others].count("dead.letters") == 1


def test_a_row_whose_outbox_cannot_be_read_keeps_no_partition_from_starting() -> None:
    """The others' outboxes are published again, and its own order stands still."""
    key, sound = order(asked=False)
    broken = sound.replace(b'"decisions":{}', b'"decisions":7')
    assert broken != sound
    stage = Stage((key, broken), (b"5002", sound))
    assert sweeps(stage, 0.0) == [0]
    assert [topic for topic, _ in stage.log.others] == ["erp.commands.ns"]


def test_an_order_that_cannot_be_decided_is_not_taken_for_the_deploys_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forty orders that each fail once are; one order that fails forty times is one."""
    monkeypatch.setattr(actor, "FOREIGN_SECONDS", 1e9)
    monkeypatch.setattr("agents.sequencer.turn.decide", fails)
    sound = order(asked=False)[1]
    many = [(f"{number}".encode(), sound.replace(b'"5001"', f'"{number}"'.encode())) for number in range(6000, 6040)]
    with pytest.raises(actor.DeployStopped):
        sweeps(Stage(*many), IDLE_SECONDS)


def test_a_turn_counts_each_of_its_records_once_towards_the_stop() -> None:
    """Good is what is neither dead nor a further part of a body; parked ones are good: they are nobody's fault."""
    noted: list[dict[str, int]] = []
    stage = Stage()
    stage.sequencer._dead_ratio = SimpleNamespace(note=lambda **counts: noted.append(counts))  # type: ignore[assignment]
    turn = Turn()
    turn.counts = Counts(taken=30, changed=10, duplicates=2, bug=3, poison=4, parked=2, parts=9)
    asyncio.run(stage.sequencer._stop_if_all_fails(turn))
    assert noted == [{"good": 14, "bug": 3, "poison": 4}]


def test_a_profile_that_comes_while_a_row_is_on_its_way_wakes_it() -> None:
    """Decided by the profile before, and blocked by it: what it waits for may be there by now."""
    erp = Erp()
    erp.hear(snapshot(lines=[tee(reason="moon_phase")]))
    (letter,) = erp.row.open_letters()
    assert letter.content["mapping_key"] == "reasons.moon_phase.ns"
    erp.row.letters.clear()  # as before it was decided
    stage = Stage((b"5001", encode(erp.row)))
    newer = rules(('too_small = { ns = "1" }', 'too_small = { ns = "1" }\nmoon_phase = { ns = "9" }'), version=2)
    publish = stage.log.publish

    async def published(topic: str, partition: int, entries: Entries) -> list[int]:
        offsets = await publish(topic, partition, entries)
        if topic == CHANGELOG and stage.sequencer._profiles._rules.profile.version < 2:
            stage.sequencer._profiles.take(newer.profile.to_record())
        return offsets

    async def main() -> list[bool]:
        await stage.begin()
        stage.log.publish = published  # type: ignore[method-assign]
        stage.sequencer._owned[0].woken.add(b"5001")
        seen = []
        for _ in range(2):
            await stage.sequencer.sweep()
            row = decode(stage.log.records[-1].value or b"")
            seen.append(bool(row.open_letters()))
        return seen

    assert asyncio.run(main()) == [True, False]
