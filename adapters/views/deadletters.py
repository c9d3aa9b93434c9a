"""The dead letters as a list: what is in the topic, less what was resolved."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson

from adapters.views.reading import NewConsumer, records


@dataclass(slots=True)
class DeadLetter:
    """One letter: its newest record, and whether it is still open."""

    letter_id: str
    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]] = field(default_factory=list)
    resolution: dict[str, Any] | None = None

    @property
    def names(self) -> dict[str, str]:
        return {name: value.decode(errors="replace") for name, value in self.headers}

    @property
    def is_effect(self) -> bool:
        """Whether it is about a command; else it is about a record."""
        return self.names.get("dlq.stage", "").startswith("effect:")

    @property
    def replays(self) -> int:
        return int(self.names.get("dlq.replays") or 0)

    @property
    def open(self) -> bool:
        return self.resolution is None or int(self.resolution.get("replays") or 0) < self.replays

    def original_headers(self) -> list[tuple[str, bytes]]:
        return [(name, value) for name, value in self.headers if not name.startswith("dlq.")]


async def dead_letters(new_consumer: NewConsumer, prefix: str) -> dict[str, DeadLetter]:
    """Every letter by its id; a repeat with equal `dlq.replays` is the same letter."""
    letters: dict[str, DeadLetter] = {}
    async for record in records(new_consumer, f"{prefix}dead.letters"):
        headers = [(name, bytes(value)) for name, value in record.headers]
        names = {name: value.decode(errors="replace") for name, value in headers}
        letter_id = names.get("dlq.id", f"unnamed:{record.partition}:{record.offset}")
        letters[letter_id] = DeadLetter(
            letter_id,
            record.topic,
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            headers,
        )
    async for record in records(new_consumer, f"{prefix}dead.resolutions"):
        if record.key is None or record.value is None:
            continue
        letter = letters.get(record.key.decode(errors="replace"))
        if letter is not None:
            letter.resolution = orjson.loads(record.value)
    return letters
