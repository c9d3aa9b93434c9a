"""I11: a table that was recovered is the join of all that its changelog was ever told."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from agents.dispatcher import entries
from agents.dispatcher.entries import NEVER, Begun, Ended, Entry
from streams import rowcodec
from streams.row import Row
from streams.rowcodec import UnreadableRow
from tests.simulation.checks import fold
from tests.simulation.checks.conservation import LogRecord
from tests.simulation.checks.findings import Findings
from tests.simulation.plan import Corrupt, Plan

ORDERS = "orders-changelog"


class Recovery:
    """Folds each changelog when a worker has recovered from it, going on from where it had folded before."""

    def __init__(self, plan: Plan, findings: Findings) -> None:
        self._findings = findings
        self._rots = sorted(act.at for act in plan.acts if isinstance(act, Corrupt))
        self._pending: dict[tuple[str, int], deque[tuple[int, bytes, bytes | None]]] = {}
        self._position: dict[tuple[str, int], int] = {}
        self._newest: dict[tuple[str, int, bytes], bytes | None] = {}
        self._folded: dict[tuple[str, int], dict[bytes, bytes]] = {}
        self._unjoined: list[tuple[str, str]] | None = None  # as of the last record

    def written(self, topic: str, partition: int, record: LogRecord) -> None:
        self._unjoined = None
        if record.key is not None:
            pending = self._pending.setdefault((topic, partition), deque())
            pending.append((record.offset, record.key, record.value))
            self._newest[topic, partition, record.key] = record.value

    def unjoined(self) -> list[tuple[str, str]]:
        """(topic, key) of which the newest record is not all that is known: the cleaner would keep that one alone."""
        if self._rots:
            return []
        if self._unjoined is None:
            self._unjoined = self._look_for_unjoined()
        return self._unjoined

    def _look_for_unjoined(self) -> list[tuple[str, str]]:
        found = []
        for (topic, partition, key), newest in self._newest.items():
            known = self.expected(topic, partition).get(key)
            same = _same_row if topic.endswith(ORDERS) else _same_entry
            if newest is not None and known is not None and newest != known and not same(known, newest):
                found.append((topic, key.decode(errors="replace")))
        return found

    def at_rest(self) -> None:
        self._findings.check("I11")
        for topic, name in self.unjoined():
            what = f"the newest record of {name} in {topic} lacks what an older one has; nobody wrote them together"
            self._findings.add("I11", "newest-not-whole", name, what)

    def expected(self, topic: str, partition: int, end: int | None = None) -> dict[bytes, bytes]:
        """The fold of every record so far, or of those before the offset `end`."""
        merge = _merge_rows if topic.endswith(ORDERS) else fold.merge_entry
        rows = self._folded.setdefault((topic, partition), {})
        pending = self._pending.get((topic, partition), deque())
        while pending and (end is None or pending[0][0] < end):
            self._position[topic, partition], key, value = pending.popleft()
            if value is None:
                rows.pop(key, None)
            else:
                rows[key] = merge(rows.get(key), value)
        return rows

    def recovered(
        self, worker: str, topic: str, partition: int, rows: Mapping[bytes, bytes], end: int | None = None
    ) -> None:
        """`end`: the offset up to which the worker had read, where more may have been written since."""
        expected = self.expected(topic, partition, end)
        if end is not None and self._position.get((topic, partition), -1) >= end:
            return  # another worker has read further: this one's table cannot be told any more
        self._findings.check("I11")
        since = {key for _, key, _ in self._pending.get((topic, partition), ())}  # written after it had read
        same = _same_row if topic.endswith(ORDERS) else _same_entry
        for key, value in expected.items():
            found = rows.get(key)
            if found == value or key in since:
                continue
            name = key.decode(errors="replace")
            if found is None:
                what = f"{worker} recovered {topic}-{partition} without {name}, of which the log has records"
                self._findings.add("I11", "row-absent", name, what, worker)
            elif not same(value, found) and not self._rotten(topic, found):
                what = f"{worker} recovered {name} from {topic}-{partition} otherwise than as the join of its records"
                self._findings.add("I11", "row-differs", name, what + _difference(topic, value, found), worker)
        for key in rows:
            if key not in expected and key not in since:
                name = key.decode(errors="replace")
                what = f"{worker} recovered {name} from {topic}-{partition}, which has no record of it"
                self._findings.add("I11", "row-invented", name, what, worker)

    def _rotten(self, topic: str, found: bytes) -> bool:
        """A rotten record becomes an order that stands still, or an entry that is looked up before it is sent."""
        if not self._rots or self._rots[0] > self._findings.now:
            return False
        if topic.endswith(ORDERS):
            return b'"quarantined":"its changelog record is unreadable' in found
        return isinstance(entries.decode(found), entries.Unreadable)


def _merge_rows(old: bytes | None, new: bytes) -> bytes:
    try:
        return fold.merge_row(old, new)
    except UnreadableRow:
        return old if old is not None else new


def _same_row(one: bytes, other: bytes) -> bool:
    """Equal but for the order of writing: stamps and what only the newest record says."""
    try:
        return _comparable(rowcodec.decode(one)) == _comparable(rowcodec.decode(other))
    except UnreadableRow:
        return False


def _same_entry(one: bytes, other: bytes) -> bool:
    """Equal but for a doubt that is over: compaction forgets it."""
    return _settled(entries.decode(one)) == _settled(entries.decode(other))


def _settled(entry: Entry) -> Entry:
    if isinstance(entry, Begun | Ended):
        return replace(entry, doubt=entry.doubt if entry.in_doubt else NEVER, settled=NEVER)
    return entry


def _comparable(row: Row) -> dict[str, Any]:
    return {
        "facts": (row.returns, row.inspections, row.outcomes, row.decisions, row.first_seen),
        "rulings": row.rulings,
        "commands": {cid: issued.command for cid, issued in row.issued.items()},
        "letters": {key: (letter.content, letter.replays, letter.open) for key, letter in row.letters.items()},
        "quarantine": row.quarantined,
    }


def _difference(topic: str, expected: bytes, found: bytes) -> str:
    if not topic.endswith(ORDERS):
        held, read = entries.decode(expected), entries.decode(found)
        return f": {type(held).__name__} expected, {type(read).__name__} found; {expected!r:.300} and {found!r:.300}"
    try:
        one, other = _comparable(rowcodec.decode(expected)), _comparable(rowcodec.decode(found))
    except UnreadableRow as error:
        return f": {error}"
    return f": its {', '.join(name for name in one if one[name] != other[name])} differ"
