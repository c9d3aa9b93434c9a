"""Step 1 of the commit protocol, Decide: from the records of one batch to changed rows and what is to be published.

Nothing here awaits or does I/O: records and rows in, a `Turn` out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from agents.clock import rfc3339
from agents.sequencer.garbage import uncollected
from agents.sequencer.outbox import Fault, InputRecord, Outbox, Setting, fault_of_ours
from agents.sequencer.recent import RecentRows
from agents.sequencer.result import Marks, Turn
from streams.commands import Stamp
from streams.decide import Rules, decide, note_fault
from streams.facts import Fact, Undecodable, read_decision, read_inspection, read_outcome, read_snapshot
from streams.letters import MAX_TEXT
from streams.parts import BadPart, read_part
from streams.record import received_at
from streams.row import MAX_ROW_BYTES, Row
from streams.rowcodec import UnreadableRow, encode
from streams.vocabulary import ErrorKind

log = structlog.get_logger(__name__)

Reader = Callable[[bytes], Fact]

READERS: dict[str, Reader] = {
    "events.reveni": read_snapshot,
    "events.warehouse": read_inspection,
    "events.decisions": read_decision,
    "erp.outcomes": read_outcome,
}
"""What each of the lane's topics carries, by its name without the prefix."""


class _InParts(Exception):
    """The record is one part of a body that is bigger than a record may be."""

    def __init__(self, number: int, total: int) -> None:
        super().__init__(f"the message is bigger than one record may be and was stored in {total} parts")
        self.number = number


@dataclass(slots=True)
class _Causes:
    """The records of one batch about one order.

    What changed nothing says the same as, or less than, what the row has by then. As long as the row is not written,
    that may be known from this batch alone: when the row cannot be written they go where the others go.
    """

    changes: list[tuple[InputRecord, Fact]] = field(default_factory=list)
    repeats: list[InputRecord] = field(default_factory=list)

    @property
    def all(self) -> list[InputRecord]:
        return [*(record for record, _ in self.changes), *self.repeats]

    def uncount(self, turn: Turn) -> None:
        """They are not what they were counted as."""
        turn.counts.changed -= len(self.changes)
        turn.counts.duplicates -= len(self.repeats)


class Decider:
    """Takes turns for one partition. Whatever is raised about one record or one order ends at it, as a dead letter."""

    def __init__(self, setting: Setting, partition: int, stored: Mapping[bytes, bytes]) -> None:
        self._stored = stored
        self._outbox = Outbox(setting, partition)
        self._recent = RecentRows()
        self._readers = {setting.topic(name): reader for name, reader in READERS.items()}

    def turn(
        self,
        records: Iterable[InputRecord],
        *,
        woken: Iterable[bytes] = (),
        rules: Rules,
        now: datetime,
        stamps: Callable[[], Stamp],
        marks: Mapping[bytes, Marks],
    ) -> Turn:
        """Join the records into their rows, decide about each row that changed or was woken, and list what follows."""
        turn, rows = Turn(), dict[bytes, Row]()
        touched = {key: _Causes() for key in sorted(woken)}  # sets have no order to rely on
        with uncollected():
            for record in records:
                turn.counts.taken += 1
                self._absorb(record, rows, touched, turn, now, marks)
            for key, causes in touched.items():
                self._decide(key, causes, rows, turn, rules, now, stamps, marks)
        return turn

    # -- reading

    def _absorb(
        self,
        record: InputRecord,
        rows: dict[bytes, Row],
        touched: dict[bytes, _Causes],
        turn: Turn,
        now: datetime,
        marks: Mapping[bytes, Marks],
    ) -> None:
        try:
            fact = self._read(record)
        except _InParts as part:
            first = part.number == 1
            turn.counts.parked += first
            turn.counts.parts += not first
            fault = Fault("decode", ErrorKind.TOO_LARGE, str(part), is_part=True)
            self._outbox.about(turn, record, fault, now)
            return
        except Undecodable as error:
            turn.counts.poison += 1
            self._outbox.about(turn, record, Fault(error.stage, error.kind, error.message), now)
            return
        except Exception as error:
            self._bug(turn, record, error, now)
            return
        key = record.key
        assert key is not None  # `_read` refuses a record without one
        row = rows.get(key)
        if row is None:
            row = rows[key] = self._load(key, marks)
        if row.quarantined:
            turn.counts.parked += 1
            self._outbox.about(turn, record, _standing_still(row), now)
            return
        try:
            changed = _take(row, record, fact, now)
        except Exception as error:
            self._bug(turn, record, error, now)
            row = rows[key] = self._load(key, marks)  # it may be half in: the row as it was before it
            for before, known in touched[key].changes if key in touched else ():
                _take(row, before, known, now)
            return
        if not changed:
            turn.counts.duplicates += 1
            if key in touched:
                touched[key].repeats.append(record)
            return
        turn.counts.changed += 1
        touched.setdefault(key, _Causes()).changes.append((record, fact))

    def _read(self, record: InputRecord) -> Fact:
        try:
            part = read_part(record.headers, b"")
        except BadPart as error:
            raise Undecodable(str(error), stage="decode") from None
        if part is not None:
            raise _InParts(part.number, part.total)
        if record.value is None:
            raise Undecodable("the record has no value", stage="decode")
        if record.key is None:
            # Read all the same: what is wrong with the body says more than that its order is not known.
            self._readers[record.topic](record.value)
            raise Undecodable("the record has no order key", stage="decode")
        try:
            key = record.key.decode()
        except UnicodeDecodeError:
            raise Undecodable("the order key is not UTF-8 text", stage="decode") from None
        fact = self._readers[record.topic](record.value)
        named = getattr(fact, "order_id", None) or getattr(fact, "order_key", None)
        if named != key:
            raise Undecodable(f"the body is about order {named!r}, its record's key says {key!r}")
        return fact

    def _load(self, key: bytes, marks: Mapping[bytes, Marks]) -> Row:
        """The row of an order as it stands; one that cannot be read stands still, and is not written over."""
        stored = self._stored.get(key)
        try:
            row = self._recent.take(key, stored) if stored is not None else Row(key.decode())
        except UnreadableRow as error:
            log.error("a row cannot be read", order=key.decode(errors="replace"), error=str(error))
            return Row(key.decode(errors="replace"), quarantined=f"its row is unreadable: {error}")
        if key in marks:
            marks[key].apply(row)
        return row

    def _bug(self, turn: Turn, record: InputRecord, error: Exception, now: datetime) -> None:
        turn.counts.bug += 1
        turn.bug_sentence = f"{type(error).__name__}: {error}"
        log.error("a record cannot be taken in", topic=record.topic, partition=record.partition, offset=record.offset,
                  error=turn.bug_sentence, exc_info=True)  # fmt: skip
        self._outbox.about(turn, record, fault_of_ours(error), now)

    # -- deciding

    def _decide(
        self,
        key: bytes,
        causes: _Causes,
        rows: dict[bytes, Row],
        turn: Turn,
        rules: Rules,
        now: datetime,
        stamps: Callable[[], Stamp],
        marks: Mapping[bytes, Marks],
    ) -> None:
        row = rows[key] if key in rows else self._load(key, marks)
        if row.quarantined:
            return
        stamp = stamps()
        try:
            decide(row, rules, now, stamp)
            row.previous, row.stamp = row.stamp, stamp
            value = encode(row)
            said = Turn()
            published = self._outbox.of(row, said, now)
        except Exception as error:  # a fault of ours stops this order, visibly; too many of them stop us (E09)
            turn.counts.bug += len(causes.all)
            causes.uncount(turn)
            turn.failed.add(key)
            turn.bug_sentence = f"{type(error).__name__}: {error}"
            log.error("deciding failed", order=row.order_key, error=turn.bug_sentence, exc_info=True)
            for record in causes.all:
                self._outbox.about(turn, record, fault_of_ours(error), now)
            if not causes.all:
                self._note_fault(key, turn, error, now, stamp, marks)
            return
        if len(value) > MAX_ROW_BYTES:
            turn.counts.parked += len(causes.all)
            causes.uncount(turn)
            self._quarantine(key, causes.all, len(value), turn, now, stamp, marks)
            return
        turn.rows[key] = value
        turn.also(said)
        if published.commands or published.letters:
            turn.marks[key] = published
        self._recent.keep(key, value, row)

    def _note_fault(
        self, key: bytes, turn: Turn, error: Exception, now: datetime, stamp: Stamp, marks: Mapping[bytes, Marks]
    ) -> None:
        """An order fails when it is woken, with no record that a letter could be about: its row says so, once."""
        row = self._load(key, marks)
        sentence = f"Our own program fails on this order: {type(error).__name__}: {error}"[:MAX_TEXT]
        if note_fault(row, sentence, now, stamp):
            turn.counts.bug += 1
            said = Turn()
            turn.marks[key] = self._outbox.of(row, said, now)
            turn.rows[key] = encode(row)
            turn.also(said)

    def _quarantine(
        self,
        key: bytes,
        causes: list[InputRecord],
        size: int,
        turn: Turn,
        now: datetime,
        stamp: Stamp,
        marks: Mapping[bytes, Marks],
    ) -> None:
        """The row as it was, marked; what would have made it too large goes to the dead letters whole."""
        row = self._load(key, marks)
        row.quarantined = f"its row would be {size} bytes, the limit is {MAX_ROW_BYTES}"
        row.previous, row.stamp = row.stamp, stamp
        turn.rows[key] = encode(row)
        for record in causes:
            self._outbox.about(turn, record, _standing_still(row), now)

    def republish(self, row: Row, now: datetime) -> tuple[Turn, Marks]:
        """The outbox of a recovered row, published again: known is only what its record says."""
        turn = Turn()
        return turn, self._outbox.of(row, turn, now)


def _take(row: Row, record: InputRecord, fact: Fact, now: datetime) -> bool:
    """Join what a record says into its row; False when it says nothing new."""
    received = rfc3339(received_at(record.headers, record.timestamp, now))
    if not row.absorb(fact, received):
        return False
    row.first_seen = min(filter(None, (row.first_seen, received)))
    row.source = (record.topic, record.partition, record.offset, record.timestamp)
    return True


def _standing_still(row: Row) -> Fault:
    message = f"order {row.order_key} stands still: {row.quarantined}"
    return Fault("sequence", ErrorKind.TOO_LARGE, message, disposition="parked-overflow")
