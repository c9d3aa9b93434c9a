"""What a sequencer publishes: commands, letters and alarms of rows, and letters about records that no row took."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import orjson

from agents.clock import rfc3339
from agents.log import Entry
from agents.sequencer.result import Marks, Turn
from streams.letters import Source, contents, headers, letter_headers, letter_value, record_letter_id
from streams.parts import PART_OF
from streams.record import RECEIVED_AT, Header, datable, header, named
from streams.row import Issued, Letter, Row
from streams.vocabulary import CommandClass, ErrorKind, Owner


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
    def headers(self) -> Sequence[Header]: ...


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a sequencer stands: names that its records carry."""

    prefix: str
    group: str
    cluster: str
    app: str

    def topic(self, name: str) -> str:
        return self.prefix + name


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a record goes to the dead letters."""

    stage: str
    kind: ErrorKind
    message: str
    disposition: str = "poison"
    type: str = ""
    stack: str = ""
    is_part: bool = False  # the record is one of several that hold one body


def fault_of_ours(error: Exception) -> Fault:
    """What our own program raised on a record."""
    name = type(error).__name__
    message = f"our own program failed on this message: {name}: {error}"
    stack = "".join(traceback.format_exception(error))
    return Fault("sequence", ErrorKind.BUG, message, type=name, stack=stack)


class Outbox:
    """Adds to a turn what one partition publishes."""

    def __init__(self, setting: Setting, partition: int) -> None:
        self._setting, self._partition = setting, partition

    # -- of rows

    def of(self, row: Row, turn: Turn, now: datetime) -> Marks:
        """Everything of a row that is not known to be in its topic."""
        marks = Marks()
        for entry in row.unpublished():
            if isinstance(entry, Issued):
                self._command(turn, entry)
                marks.commands.add((entry.command.id, entry.command.revision))
            else:
                self._exception(turn, row, entry, now)
                marks.letters.add((entry.letter_id, entry.replays, entry.open))
        return marks

    def _command(self, turn: Turn, issued: Issued) -> None:
        command = issued.command
        topic = f"erp.commands.{command.account}"
        if command.klass is not CommandClass.MONEY:
            topic += f".{command.klass.value}"
        turn.add(self._setting.topic(topic), 0, Entry(command.order_key.encode(), command.encode()))

    def _exception(self, turn: Turn, row: Row, letter: Letter, now: datetime) -> None:
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

    # -- of records

    def about(self, turn: Turn, record: InputRecord, fault: Fault, now: datetime) -> None:
        """A letter about a record: its bytes, headers and timestamp as they were. The parts of a body share one."""
        source = Source(record.topic, record.partition, record.offset, record.timestamp, self._setting.group)
        original = [(name, value) for name, value in record.headers if not name.startswith("dlq.")]
        names = named(original)
        body = f"{names[PART_OF]}|{header(original, RECEIVED_AT)}" if fault.is_part else ""
        letter_id = names.get("replay.of") or record_letter_id(self._setting.cluster, source, fault.stage, body=body)
        replays = _whole(names.get("replay.count", "0"))
        fields = self._fields(letter_id, source, fault, now, replays)
        kept = contents(record.key, record.value, original, fields)
        entry = Entry(kept.key, kept.value, kept.headers, datable(record.timestamp, now))
        turn.add(self._setting.topic("dead.letters"), record.partition, entry)

    def _fields(
        self, letter_id: str, source: Source, fault: Fault, now: datetime, replays: int = 0
    ) -> list[tuple[str, bytes]]:
        moment = rfc3339(now)
        return headers(
            letter_id=letter_id,
            source=source,
            stage=fault.stage,
            disposition=fault.disposition,
            kind=fault.kind,
            error_type=fault.type or fault.kind.value,
            message=fault.message,
            owner=Owner.ENGINEERING,
            first_failed_at=moment,
            failed_at=moment,
            app=self._setting.app,
            stack=fault.stack,
            attempts=1,
            replays=replays,
        )


def _whole(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
