"""Step 1 of the commit protocol, Decide: from the records of one batch to changed rows and what is to be published.

Nothing here awaits or does I/O: records and rows in, a `Turn` out.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

import orjson
import structlog

from agents.clock import rfc3339
from agents.log import Entry
from agents.sequencer.garbage import uncollected
from agents.sequencer.recent import RecentRows
from agents.sequencer.result import Marks, Turn
from streams.commands import Stamp
from streams.decide import Rules, decide
from streams.facts import Fact, Undecodable, read_decision, read_inspection, read_outcome, read_snapshot
from streams.letters import Source, headers, letter_headers, letter_value, record_letter_id
from streams.parts import PART_OF
from streams.row import MAX_ROW_BYTES, Issued, Letter, Row
from streams.rowcodec import encode
from streams.vocabulary import CommandClass, ErrorKind, Owner

log = structlog.get_logger(__name__)


class InputRecord(Protocol):
    """A record as it was read."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...


Reader = Callable[[bytes], Fact]

READERS: dict[str, Reader] = {
    "events.reveni": read_snapshot,
    "events.warehouse": read_inspection,
    "events.decisions": read_decision,
    "erp.outcomes": read_outcome,
}
"""What each of the lane's topics carries, by its name without the prefix."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a sequencer stands: names that its records carry."""

    prefix: str
    group: str
    cluster: str
    app: str

    def topic(self, name: str) -> str:
        return self.prefix + name


@dataclass(slots=True)
class _Causes:
    """The records of one batch about one order.

    What changed nothing says the same as, or less than, what the row has by then. As long as the row is not written,
    that may be known from this batch alone: when the row cannot be written they go where the others go.
    """

    changes: list[InputRecord] = field(default_factory=list)
    repeats: list[InputRecord] = field(default_factory=list)

    @property
    def all(self) -> list[InputRecord]:
        return [*self.changes, *self.repeats]

    def uncount(self, turn: Turn) -> None:
        """They are not what they were counted as."""
        turn.counts.changed -= len(self.changes)
        turn.counts.duplicates -= len(self.repeats)


class Decider:
    """Takes turns for one partition."""

    def __init__(self, setting: Setting, partition: int, stored: Mapping[bytes, bytes]) -> None:
        self._setting, self._partition, self._stored = setting, partition, stored
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
        except Undecodable as error:
            turn.counts.poison += 1
            self._letter(turn, record, now, stage=error.stage, kind=error.kind, message=error.message)
            return
        key = record.key
        assert key is not None  # `_read` refuses a record without one
        row = rows.get(key)
        if row is None:
            row = rows[key] = self._load(key, marks)
        if row.quarantined:
            turn.counts.parked += 1
            self._letter(
                turn,
                record,
                now,
                stage="sequence",
                kind=ErrorKind.TOO_LARGE,
                message=f"order {row.order_key} stands still: {row.quarantined}",
                disposition="parked-overflow",
            )
            return
        if not row.absorb(fact):
            turn.counts.duplicates += 1
            if key in touched:
                touched[key].repeats.append(record)
            return
        turn.counts.changed += 1
        received = _received_at(record)
        row.first_seen = min(filter(None, (row.first_seen, received)))
        row.source = (record.topic, record.partition, record.offset, record.timestamp)
        touched.setdefault(key, _Causes()).changes.append(record)

    def _read(self, record: InputRecord) -> Fact:
        if any(name == PART_OF for name, _ in record.headers):
            message = "the message is bigger than one record may be and was stored in parts"
            raise Undecodable(message, stage="decode", kind=ErrorKind.TOO_LARGE)
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
        stored = self._stored.get(key)
        row = self._recent.take(key, stored) if stored is not None else Row(key.decode())
        if key in marks:
            marks[key].apply(row)
        return row

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
        except Exception as error:  # a fault of ours stops this order, visibly; too many of them stop us (E09)
            turn.counts.bug += max(1, len(causes.all))
            causes.uncount(turn)
            turn.bug_sentence = f"{type(error).__name__}: {error}"
            log.error("deciding failed", order=row.order_key, error=turn.bug_sentence, exc_info=True)
            for record in causes.all:
                self._bug(turn, record, now, error)
            return
        row.previous, row.stamp = row.stamp, stamp
        value = encode(row)
        if len(value) > MAX_ROW_BYTES:
            turn.counts.parked += len(causes.all)
            causes.uncount(turn)
            self._quarantine(key, causes.all, len(value), turn, now, stamp, marks)
            return
        turn.rows[key] = value
        published = self._outbox(row, turn, now)
        if published.commands or published.letters:
            turn.marks[key] = published
        self._recent.keep(key, value, row)

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
            self._letter(
                turn,
                record,
                now,
                stage="sequence",
                kind=ErrorKind.TOO_LARGE,
                message=f"order {row.order_key} stands still: {row.quarantined}",
                disposition="parked-overflow",
            )

    # -- what is published

    def _outbox(self, row: Row, turn: Turn, now: datetime) -> Marks:
        marks = Marks()
        for entry in row.unpublished():
            if isinstance(entry, Issued):
                self._command(turn, entry)
                marks.commands.add((entry.command.id, entry.command.revision))
            else:
                self.publish_letter(turn, row, entry, now)
                marks.letters.add((entry.letter_id, entry.replays, entry.open))
        return marks

    def republish(self, row: Row, now: datetime) -> tuple[Turn, Marks]:
        """The outbox of a recovered row, published again: known is only what its record says."""
        turn = Turn()
        return turn, self._outbox(row, turn, now)

    def _command(self, turn: Turn, issued: Issued) -> None:
        command = issued.command
        topic = f"erp.commands.{command.account}"
        if command.klass is not CommandClass.MONEY:
            topic += f".{command.klass.value}"
        turn.add(self._setting.topic(topic), 0, Entry(command.order_key.encode(), command.encode()))

    def publish_letter(self, turn: Turn, row: Row, letter: Letter, now: datetime) -> None:
        """An exception's letter when it opens, its resolution when it closes; an alarm in its own topic."""
        key = row.order_key.encode()
        moment = rfc3339(now)
        if letter.letter_id in row.alarms and row.alarms[letter.letter_id] is letter:
            name = f"{row.order_key}/{letter.letter_id}"
            state = {"state": "on" if letter.open else "ended", "order_id": row.order_key, "at": moment}
            value = orjson.dumps({**letter.content, **state, "raised_at": letter.since})
            turn.add(self._setting.topic("alarms"), 0, Entry(name.encode(), value))
        elif letter.open:
            source = Source(*row.source, self._setting.group) if row.source else self._changelog_source()
            fields = letter_headers(
                letter.letter_id,
                letter.content,
                source=source,
                since=letter.since,
                at=moment,
                replays=letter.replays,
                app=self._setting.app,
            )
            entry = Entry(key, letter_value(letter.content), fields)
            turn.add(self._setting.topic("dead.letters"), self._partition, entry)
        else:
            value = orjson.dumps(
                {
                    "dlq_id": letter.letter_id,
                    "order_id": row.order_key,
                    "replays": letter.replays,
                    "at": moment,
                    "by": "sequencer",
                    "resolution": "closed by itself: its cause is gone",
                }
            )
            turn.add(self._setting.topic("dead.resolutions"), 0, Entry(letter.letter_id.encode(), value))

    def _changelog_source(self) -> Source:
        return Source(f"{self._setting.group}-orders-changelog", self._partition, -1, -1, self._setting.group)

    def _bug(self, turn: Turn, record: InputRecord, now: datetime, error: Exception) -> None:
        stack = "".join(traceback.format_exception(error))
        self._letter(
            turn,
            record,
            now,
            stage="sequence",
            kind=ErrorKind.BUG,
            message=f"our own program failed on this message: {type(error).__name__}: {error}",
            error_type=type(error).__name__,
            stack=stack,
        )

    def _letter(
        self,
        turn: Turn,
        record: InputRecord,
        now: datetime,
        *,
        stage: str,
        kind: ErrorKind,
        message: str,
        disposition: str = "poison",
        error_type: str = "",
        stack: str = "",
    ) -> None:
        """A letter about a record: its bytes, headers and timestamp as they were."""
        source = Source(record.topic, record.partition, record.offset, record.timestamp, self._setting.group)
        moment = rfc3339(now)
        original = [(name, value) for name, value in record.headers if not name.startswith("dlq.")]
        replay = {name: value.decode(errors="replace") for name, value in original if name.startswith("replay.")}
        fields = headers(
            letter_id=replay.get("replay.of") or record_letter_id(self._setting.cluster, source, stage),
            source=source,
            stage=stage,
            disposition=disposition,
            kind=kind,
            error_type=error_type or kind.value,
            message=message,
            owner=Owner.ENGINEERING,
            first_failed_at=moment,
            failed_at=moment,
            app=self._setting.app,
            stack=stack,
            attempts=1,
            replays=_whole(replay.get("replay.count", "0")),
        )
        entry = Entry(record.key, record.value, [*original, *fields], record.timestamp)
        turn.add(self._setting.topic("dead.letters"), record.partition, entry)


def _received_at(record: InputRecord) -> str:
    for name, value in record.headers:
        if name == "received-at":
            try:
                moment = datetime.fromisoformat(value.decode())
            except ValueError:
                break
            if moment.tzinfo is not None:
                return rfc3339(moment)
    return rfc3339(datetime.fromtimestamp(record.timestamp / 1000, tz=UTC))


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
