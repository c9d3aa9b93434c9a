"""The dead letters as a list: what is in the topic, less what was resolved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from adapters.views.reading import NewConsumer, records, records_of
from streams.json_text import Unreadable, read_object
from streams.letters import AT_SOURCE
from streams.parts import PART, PART_OF
from streams.record import Header, named


@dataclass(slots=True)
class DeadLetter:
    """One letter: its newest record, how many records have its id, and whether it is still open."""

    letter_id: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[Header] = field(default_factory=list)
    first_failed_at: str = ""  # of all its records: a replay that fails again dates its own letter anew
    resolution: dict[str, Any] | None = None

    @property
    def names(self) -> dict[str, str]:
        return named(self.headers)

    @property
    def is_effect(self) -> bool:
        """Whether it is about a command; else it is about a record."""
        return self.names.get("dlq.stage", "").startswith("effect:")

    @property
    def is_part(self) -> bool:
        """Whether it is one of several records that hold a body too large for one."""
        return any(name == PART_OF for name, _ in self.headers)

    @property
    def is_at_source(self) -> bool:
        """Whether the record was too large to be in its letter as well: it stands where it came from."""
        return self.names.get("dlq.value") == AT_SOURCE

    @property
    def replays(self) -> int:
        return _whole(self.names.get("dlq.replays", ""))

    @property
    def open(self) -> bool:
        return self.resolution is None or _whole(self.resolution.get("replays")) < self.replays

    def original_headers(self) -> list[Header]:
        """The headers that the record had when it was first taken in."""
        return [(name, value) for name, value in self.headers if not name.startswith(("dlq.", "replay."))]

    def command(self) -> dict[str, Any]:
        """The wanted command of an effect's letter; empty when the value is not one."""
        try:
            return read_object(self.value or b"")
        except Unreadable:
            return {}

    def summary(self) -> dict[str, Any]:
        """As `dlq list --json` has it."""
        names = self.names
        return {
            "dlq_id": self.letter_id,
            "state": "open" if self.open else str((self.resolution or {}).get("resolution", "closed")),
            "order_id": self.key.decode(errors="replace") if self.key is not None else None,
            "stage": names.get("dlq.stage"),
            "kind": names.get("dlq.error.kind"),
            "owner": names.get("dlq.owner"),
            "reason": names.get("dlq.error.message"),
            "disposition": names.get("dlq.disposition"),
            "fingerprint": names.get("dlq.fingerprint"),
            "first_failed_at": self.first_failed_at or None,
            "failed_at": names.get("dlq.failed-at"),
            "replays": self.replays,
            "source": f"{names.get('dlq.source.topic')}-{names.get('dlq.source.partition')}"
            f"@{names.get('dlq.source.offset')}",
        }


def collect(letters: Iterable[Any], resolutions: Iterable[Any]) -> dict[str, DeadLetter]:
    """Every letter by its id, from the records of the two topics; a repeat with equal `dlq.replays` is the same."""
    found: dict[str, DeadLetter] = {}
    for record in letters:
        _take(found, record)
    for record in resolutions:
        _resolve(found, record)
    return found


async def dead_letters(new_consumer: NewConsumer, prefix: str, key: bytes | None = None) -> dict[str, DeadLetter]:
    """Every letter by its id; with a key, those of that order alone."""
    found: dict[str, DeadLetter] = {}
    async for record in records_of(new_consumer, [f"{prefix}dead.letters"], key=key):
        _take(found, record)
    if found:
        async for record in records(new_consumer, f"{prefix}dead.resolutions"):
            _resolve(found, record)
    return found


def _take(found: dict[str, DeadLetter], record: Any) -> None:
    headers = [(name, None if value is None else bytes(value)) for name, value in record.headers]
    names = named(headers)
    letter_id = names.get("dlq.id") or f"unnamed:{record.partition}:{record.offset}"
    letter = DeadLetter(
        letter_id,
        record.topic,
        record.partition,
        record.offset,
        record.timestamp,
        record.key,
        record.value,
        headers,
        names.get("dlq.first-failed-at", ""),
    )
    before = found.get(letter_id)
    if before is not None:
        if letter.replays < before.replays:  # published again after a crash: it says nothing new
            return
        letter.first_failed_at = min(filter(None, (before.first_failed_at, letter.first_failed_at)), default="")
        if _whole(names.get(PART)) > _whole(before.names.get(PART)) > 0 and letter.replays == before.replays:
            return  # the parts of one body are one letter, and its first part stands for it
    found[letter_id] = letter


def _resolve(found: dict[str, DeadLetter], record: Any) -> None:
    letter = found.get(record.key.decode(errors="replace")) if record.key is not None else None
    if letter is None or record.value is None:
        return
    try:
        letter.resolution = read_object(record.value)
    except Unreadable:
        return


def _whole(value: Any) -> int:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else 0
