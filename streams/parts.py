"""A body bigger than a record may be travels as several records, its parts, and is put together again by the reader.

All parts of a body have the same key and partition and carry three headers: `part-of`, the SHA-256 of the whole body in
hex; `part`, counted from 1; and `parts`, how many there are. Because the name is the content, parts of a repeated
delivery fit each other, and a joined body proves itself.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field

from streams.record import Header

PART_OF = "part-of"
PART = "part"
PARTS = "parts"

MAX_RECORD = 900 * 1024  # Kafka's default limit for a batch is 1,048,588 bytes; the rest is for key and headers
MAX_PARTS = 10_000

Headers = tuple[tuple[str, bytes], ...]


class BadPart(Exception):
    """The part headers of a record contradict themselves or its value."""


@dataclass(frozen=True, slots=True)
class Piece:
    """The value of one record and the part headers it carries: none when it is the whole body."""

    value: bytes
    headers: Headers = ()


def split(body: bytes, limit: int = MAX_RECORD) -> tuple[Piece, ...]:
    """The records a body is stored as: itself if it fits in one."""
    if len(body) <= limit:
        return (Piece(body),)
    name = hashlib.sha256(body).hexdigest().encode()
    total = -(-len(body) // limit)
    return tuple(
        Piece(
            body[index * limit : (index + 1) * limit],
            ((PART_OF, name), (PART, str(index + 1).encode()), (PARTS, str(total).encode())),
        )
        for index in range(total)
    )


@dataclass(frozen=True, slots=True)
class Part:
    """One part, as read back from a record."""

    of: str
    number: int
    total: int
    value: bytes


def read_part(headers: Iterable[Header], value: bytes) -> Part | None:
    """The part that a record is, or None if it is a whole body; raises `BadPart`."""
    named = {name: content or b"" for name, content in headers if name in (PART_OF, PART, PARTS)}
    if not named:
        return None
    try:
        of, number, total = named[PART_OF].decode("ascii"), _number(named[PART]), _number(named[PARTS])
        if not 1 <= len(of) <= 64:
            raise ValueError(of)
    except (KeyError, ValueError):
        raise BadPart("a part needs the headers part-of, part and parts") from None
    if not 1 <= number <= total <= MAX_PARTS:
        raise BadPart(f"part {number} of {total} is not possible")
    return Part(of, number, total, value)


def _number(text: bytes) -> int:
    if not text.isdigit() or len(text) > 9:
        raise ValueError(text)
    return int(text)


@dataclass(slots=True)
class _Set:
    first_offset: int
    first_at: int
    values: dict[int, bytes] = field(default_factory=dict)
    size: int = 0


class Assembler:
    """Puts together the parts read from one partition of one topic.

    Until a set is whole, the reader must not acknowledge `held_from` or anything after it, or a restart would lose the
    parts already read. A set is given up when `patience_ms` of record time have gone by, or when the memory bound is
    reached (the oldest goes first). Nothing promised is lost by that: the gateway answers 200 only when every part is
    stored, and waits seconds for it, so a set that stays incomplete is one whose sender was told to send it again.
    """

    def __init__(self, *, max_bytes: int = 64 * 1024 * 1024, patience_ms: int = 60_000) -> None:
        self._max_bytes = max_bytes
        self._patience_ms = patience_ms
        self._sets: dict[tuple[str, int], _Set] = {}  # in order of their first part
        self._size = 0
        self.given_up = 0

    @property
    def held_from(self) -> int | None:
        """The offset of the first part of the oldest incomplete set."""
        return next((held.first_offset for held in self._sets.values()), None)

    @property
    def size(self) -> int:
        """Bytes held."""
        return self._size

    def add(self, part: Part, offset: int, at_ms: int) -> bytes | None:
        """Take one part (its record's offset and timestamp); the body if this made it whole; raises `BadPart`."""
        self.let_go(at_ms)
        name = (part.of, part.total)
        held = self._sets.get(name)
        if held is None:
            held = self._sets[name] = _Set(offset, at_ms)
        if part.number not in held.values:
            held.values[part.number] = part.value
            held.size += len(part.value)
            self._size += len(part.value)
        if len(held.values) == part.total:
            self._drop(name)
            body = b"".join(held.values[number] for number in range(1, part.total + 1))
            if hashlib.sha256(body).hexdigest() != part.of:
                raise BadPart(f"the {part.total} parts of {part.of} do not make the body they name")
            return body
        while self._size > self._max_bytes:
            self._give_up(next(iter(self._sets)))
        return None

    def let_go(self, now_ms: int) -> None:
        """Give up the sets that have waited too long."""
        for name in [name for name, held in self._sets.items() if now_ms - held.first_at > self._patience_ms]:
            self._give_up(name)

    def _give_up(self, name: tuple[str, int]) -> None:
        self._drop(name)
        self.given_up += 1

    def _drop(self, name: tuple[str, int]) -> None:
        self._size -= self._sets.pop(name).size
