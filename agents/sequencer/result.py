"""What a turn comes to: changed rows, what is published, and what the rows' next records have to mark."""

from __future__ import annotations

from dataclasses import dataclass, field

from agents.log import Entry
from streams.row import Row


@dataclass(slots=True)
class Marks:
    """What was published since the row was last written: the next record of the row carries it."""

    commands: set[tuple[str, int]] = field(default_factory=set)
    letters: set[tuple[str, int, bool]] = field(default_factory=set)
    since: float = 0.0

    def apply(self, row: Row) -> None:
        for cid, revision in self.commands:
            issued = row.issued.get(cid)
            if issued is not None and issued.command.revision == revision:
                issued.published = True
        for letter_id, replays, is_open in self.letters:
            for letters in (row.letters, row.alarms):
                letter = letters.get(letter_id)
                if letter is not None and (letter.replays, letter.open) == (replays, is_open):
                    letter.published = True


@dataclass(slots=True)
class Counts:
    """What became of the records of a turn (I9): each is counted as taken, and as one of the others."""

    taken: int = 0
    changed: int = 0
    duplicates: int = 0
    bug: int = 0
    poison: int = 0
    parked: int = 0  # too large: for a record (its first part), or for its order's row
    parts: int = 0  # further parts of a body that was counted with its first


@dataclass(slots=True)
class Turn:
    """What one batch comes to."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    publish: dict[tuple[str, int], list[Entry]] = field(default_factory=dict)
    marks: dict[bytes, Marks] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)
    failed: set[bytes] = field(default_factory=set)  # orders that could not be decided
    bug_sentence: str = ""

    def add(self, topic: str, partition: int, entry: Entry) -> None:
        self.publish.setdefault((topic, partition), []).append(entry)

    def also(self, other: Turn) -> None:
        """Publish what another turn has to say as well."""
        for place, entries in other.publish.items():
            self.publish.setdefault(place, []).extend(entries)
