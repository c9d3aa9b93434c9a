"""Nothing taken in vanishes (I9), and no offset passes what is not durable yet (I10): the sequencer's side.

A record is accounted for when a row that was written after it has its fact, or a dead letter names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson

from tests.simulation.checks import facts
from tests.simulation.checks.facts import LANE
from tests.simulation.checks.findings import Findings
from tests.simulation.checks.rows import Fact, RowRecord


class LogRecord(Protocol):
    """A record of the simulated log."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Any: ...


class Taken:
    """A record of the lane's topics."""

    __slots__ = ("at", "fact", "key", "offset")

    def __init__(self, at: int, offset: int, key: bytes | None, fact: Fact | None) -> None:
        self.at, self.offset, self.key, self.fact = at, offset, key, fact


class Published:
    """What is known to be in the topics that the sequencer's outbox goes to."""

    def __init__(self) -> None:
        self.commands: dict[str, int] = {}  # id: highest revision
        self.letters: dict[str, int] = {}  # id: highest replays
        self.resolutions: dict[str, int] = {}
        self.alarms: set[bytes] = set()

    def missing(self, key: bytes, row: RowRecord) -> str:
        """What a row's outbox owes and is in no topic; empty when all is there."""
        if row.owes_nothing():
            return ""
        for cid, revision in row.owed_commands:
            if self.commands.get(cid, 0) < revision:
                return f"command {cid} revision {revision}"
        for letter_id, replays, is_open in row.owed_letters:
            known = self.letters if is_open else self.resolutions
            later = self.letters.get(letter_id, -1) > replays  # opened again since
            if known.get(letter_id, -1) < replays and not later:
                return f"the {'letter' if is_open else 'closing of letter'} {letter_id}"
        for alarm in row.owed_alarms:
            if key + b"/" + alarm.encode() not in self.alarms:
                return f"the alarm {alarm}"
        return ""


class Conservation:
    """Follows the lane's topics, the orders' changelog and what is published from it."""

    def __init__(self, findings: Findings) -> None:
        self.published = Published()
        self.buried: set[tuple[str, int, int]] = set()
        self.newest: dict[bytes, RowRecord] = {}
        self.said: dict[bytes, dict[str, dict[str, dict[str, Any]]]] = {}  # key: return: hash: data
        self.letters_of: dict[str, str] = {}
        self._about: dict[str, tuple[str, int, int]] = {}  # letter: the record of the lane that it is about
        self._findings = findings
        self._taken: dict[tuple[str, int], list[Taken]] = {}
        self._committed: dict[tuple[str, int], int] = {}
        self._rows: dict[bytes, list[RowRecord]] = {}
        self._read: dict[tuple[str, bytes], tuple[str, dict[str, Any], Fact] | None] = {}
        self._count = 0

    # -- what is written

    def taken(self, topic: str, partition: int, record: LogRecord) -> dict[str, Any] | None:
        """A record of a lane topic; its event, where it is one."""
        self._count += 1
        value, key = record.value or b"", record.key
        found = self._read.get((topic, value))
        if found is None and (topic, value) not in self._read:
            found = self._read[topic, value] = facts.read(topic, value)
        fact = None
        if found is not None and key is not None and key == found[0].encode():
            fact = found[2]
            if fact.kind == "snapshot":
                data = found[1]["data"]
                said = self.said.setdefault(key, {}).setdefault(str(data.get("return_id")), {})
                said[fact.needle[1:-1].decode()] = data
        self._taken.setdefault((topic, partition), []).append(Taken(self._count, record.offset, key, fact))
        return found[1] if found else None

    def row(self, record: LogRecord) -> None:
        self._count += 1
        if record.key is None or record.value is None:
            return
        row = RowRecord(self._count, record.value)
        self._rows.setdefault(record.key, []).append(row)
        self.newest[record.key] = row

    def command(self, raw: Mapping[str, Any]) -> None:
        """A command only exists if the row that decided it is durable."""
        self._findings.check("I10")
        cid, revision = raw["id"], raw["revision"]
        self.published.commands[cid] = max(revision, self.published.commands.get(cid, 0))
        needle = f'"id":"{cid}","revision":{revision},'.encode()
        if not any(needle in row.value for row in reversed(self._rows.get(raw["order_key"].encode(), ()))):
            what = f"command {cid} ({raw['kind']}) revision {revision} was to follow its row; no row has it yet"
            self._findings.add("I10", "command-before-row", raw["order_key"], what)

    def letter(
        self, key: bytes | None, letter_id: str, replays: int, *, about: tuple[str, int, int] | None = None
    ) -> None:
        """An exception's letter likewise follows the row that opened it; `about`: the record that another is about."""
        self.letters_of[letter_id] = (key or b"").decode(errors="replace")
        self.published.letters[letter_id] = max(replays, self.published.letters.get(letter_id, -1))
        if about is not None:
            self._about[letter_id] = about
        if about is not None or key is None:
            return
        self._findings.check("I10")
        needle = f'"{letter_id}"'.encode()
        if not any(needle in row.value for row in reversed(self._rows.get(key, ()))):
            what = f"letter {letter_id} was to follow its row; no row has it yet"
            self._findings.add("I10", "letter-before-row", key.decode(errors="replace"), what)

    def knows(self, order_id: str, text: str) -> bool:
        """Whether any row of an order so far has a text."""
        needle = f'"{text}"'.encode()
        return any(needle in row.value for row in reversed(self._rows.get(order_id.encode(), ())))

    def resolution(self, value: bytes | None) -> None:
        try:
            raw = orjson.loads(value or b"")
            letter_id, replays = str(raw["dlq_id"]), int(raw.get("replays") or 0)
        except (ValueError, KeyError, TypeError):
            return
        self.published.resolutions[letter_id] = max(replays, self.published.resolutions.get(letter_id, -1))

    def dead_outcomes(self) -> set[str]:
        """Commands of which an outcome lies in an open dead letter: whoever sends it in again brings it."""
        dead: dict[tuple[str, int], set[int]] = {}
        for letter_id, (topic, partition, offset) in self._about.items():
            still_open = self.published.resolutions.get(letter_id, -1) < self.published.letters[letter_id]
            if topic == "erp.outcomes" and still_open:
                dead.setdefault((topic, partition), set()).add(offset)
        return {
            one.fact.about
            for place, offsets in dead.items()
            for one in self._taken.get(place, ())
            if one.fact is not None and one.offset in offsets
        }

    # -- what is acknowledged

    def committed(self, topic: str, partition: int, offset: int) -> None:
        place = (topic, partition)
        start = self._committed.get(place, 0)
        if offset <= start:
            return
        self._committed[place] = offset
        for one in self._between(place, start, offset):
            self._findings.check("I10")
            if (topic, partition, one.offset) in self.buried:
                continue
            if one.fact is None or one.key is None:
                self._passed(topic, partition, one, "it says nothing that a row can take, and no dead letter names it")
                continue
            owed = "no row has it and no dead letter names it"
            # Any record will do, not the newest alone: a zombie's late one lacks facts until the owner joins it.
            for row in reversed(self._rows.get(one.key, ())):
                if one.fact.within(row):
                    owed = self.published.missing(one.key, row)
                    if not owed:
                        break
                    owed = f"{owed} that its row decided is in no topic"
            if owed:
                self._passed(topic, partition, one, owed)

    def _between(self, place: tuple[str, int], start: int, end: int) -> Iterator[Taken]:
        for one in reversed(self._taken.get(place, ())):
            if one.offset < start:
                return
            if one.offset < end:
                yield one

    def _passed(self, topic: str, partition: int, one: Taken, why: str) -> None:
        what = f"{topic}-{partition}@{one.offset} was acknowledged before it was durable: {why}"
        self._findings.add("I10", "acknowledged-too-early", (one.key or b"").decode(errors="replace"), what)

    # -- at rest

    def at_rest(self, rows: Mapping[bytes, RowRecord]) -> None:
        """Each record taken in is in its order's row, or dead."""
        for (topic, partition), taken in self._taken.items():
            self._findings.check("I9", len(taken))
            for one in taken:
                if (topic, partition, one.offset) in self.buried:
                    continue
                row = rows.get(one.key) if one.key is not None else None
                if row is not None and (row.quarantined or (one.fact is not None and one.fact.within(row))):
                    continue
                what = f"{topic}-{partition}@{one.offset} was taken in; it is in no row, and no dead letter names it"
                self._findings.add("I9", "record-vanished", (one.key or b"").decode(errors="replace"), what)


def is_lane(topic: str) -> bool:
    return topic in LANE
