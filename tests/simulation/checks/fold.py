"""What a changelog comes to: the fold of its records, by copies of the product's joins that no mutation reaches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import FunctionType
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from agents.dispatcher import entries
from agents.sequencer.joins import Joins
from streams import rowcodec
from streams.rowcodec import UnreadableRow

P = ParamSpec("P")
R = TypeVar("R")


class _Record(Protocol):
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...


def _own(function: Callable[P, R]) -> Callable[P, R]:
    """A copy: a mutation swaps the code of the function that the product calls, and not of this one."""
    known = cast(FunctionType, function)
    copy = FunctionType(known.__code__, known.__globals__, known.__name__, known.__defaults__, known.__closure__)
    copy.__kwdefaults__ = known.__kwdefaults__
    return cast("Callable[P, R]", copy)


_rows = _own(rowcodec.merge)
_entries = _own(entries.merge)
_unreadable = _own(Joins.unreadable)


def merge_row(old: bytes | None, new: bytes) -> bytes:
    """The join of an order's records; raises UnreadableRow."""
    return _rows(old, new)


def merge_entry(old: bytes | None, new: bytes) -> bytes:
    """The join of an account's table's records of one key."""
    return new if old is None or old == new else _entries(old, new)


def rows(logs: Iterable[Any]) -> dict[bytes, bytes]:
    """Every order's row, from the partitions of the changelog; a rotten record makes its order stand still."""
    found: dict[bytes, bytes] = {}
    for log in logs:
        for record in log.records:
            key, value = record.key or b"", record.value or b""
            try:
                found[key] = merge_row(found.get(key), value)
            except UnreadableRow as error:
                found[key] = _still(found.get(key), _unreadable(key, value, error))
    return found


def _still(old: bytes | None, marker: bytes) -> bytes:
    try:
        return merge_row(old, marker)
    except UnreadableRow:
        return marker


def table(records: Iterable[_Record], before: Mapping[bytes, bytes] | None = None) -> dict[bytes, bytes]:
    """The newest of each command of an account; `before`: what the records before these came to."""
    found = dict(before or {})
    for record in records:
        if record.key is not None and record.value is not None:
            found[record.key] = merge_entry(found.get(record.key), record.value)
    return found
