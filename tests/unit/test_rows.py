"""A table's rows and what others wrote to its changelog, over a changelog in memory."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass

from agents.records import Record
from agents.rows import Rows


@dataclass
class Written:
    """A record of the changelog."""

    key: bytes | None
    value: bytes | None
    offset: int
    topic: str = "rows-changelog"
    partition: int = 0
    timestamp: int = 0
    headers: Sequence[tuple[str, bytes]] = ()


class Log:
    """A changelog of one partition; whoever likes may append to it."""

    def __init__(self) -> None:
        self.records: list[Written] = []
        self.starts: list[int | None] = []

    def append(self, key: bytes, value: bytes) -> int:
        self.records.append(Written(key, value, len(self.records)))
        return len(self.records) - 1

    async def end(self, partition: int) -> int:
        return len(self.records)

    async def read(self, starts: Mapping[int, int | None]) -> AsyncIterator[tuple[int, Sequence[Record], int]]:
        for partition, start in starts.items():
            self.starts.append(start)
            yield partition, self.records[start or 0 :], len(self.records)


def union(key: bytes, old: bytes | None, new: bytes) -> bytes:
    """The row holds each letter that anybody wrote."""
    return bytes(sorted({*(old or b""), *new}))


def unreadable(key: bytes, raw: bytes, error: Exception) -> bytes:
    raise AssertionError(f"{key!r} was unreadable") from error


async def owned(log: Log) -> Rows:
    rows = Rows("rows-changelog", log, merge=union, on_unreadable=unreadable)
    await rows.restore([0])
    return rows


async def test_rows_that_lack_a_zombies_write_are_named_in_the_order_of_its_writing() -> None:
    """Their owner publishes them in the order in which they are named, so the same writes make the same log."""
    log = Log()
    rows = await owned(log)
    keys = [f"order-{number * 7 % 20:02d}".encode() for number in range(20)]
    for key in keys:
        rows.install(0, [(key, b"ab")], [log.append(key, b"ab")])
    for key in keys:
        log.append(key, b"az")
    foreign = await rows.foreign_writes(0)
    assert list(foreign) == keys
    assert set(foreign.values()) == {b"abz"}


async def test_what_the_owner_wrote_again_is_not_behind_any_more() -> None:
    """The others are named still, in their old order, and at the end none is."""
    log = Log()
    rows = await owned(log)
    for key in (b"c", b"a", b"b"):
        rows.install(0, [(key, b"ab")], [log.append(key, b"ab")])
    for key in (b"c", b"a", b"b"):
        log.append(key, b"az")
    assert list(await rows.foreign_writes(0)) == [b"c", b"a", b"b"]
    rows.install(0, [(b"a", b"abz")], [log.append(b"a", b"abz")])
    assert list(await rows.foreign_writes(0)) == [b"c", b"b"]
    for key in (b"c", b"b"):
        rows.install(0, [(key, b"abz")], [log.append(key, b"abz")])
    assert await rows.foreign_writes(0) == {}


async def test_rows_written_on_top_of_anothers_are_read_anew_when_the_partition_comes_back() -> None:
    """What a zombie took its own write to come to is not what the log's order makes of it; its own alone are kept."""
    for foreign, start in ((False, 2), (True, None)):
        log = Log()
        rows = await owned(log)
        rows.install(0, [(b"k", b"a")], [log.append(b"k", b"a")])
        if foreign:
            log.append(b"k", b"ab")
        rows.install(0, [(b"k", b"az")], [log.append(b"k", b"az")])
        await rows.revoke()
        await rows.restore([0])
        assert log.starts[-1] == start
        assert rows.partition(0)[b"k"] == (b"abz" if foreign else b"az")


async def test_a_write_that_was_on_its_way_while_anothers_was_read_does_not_displace_it() -> None:
    """What was decided before another's record was read is joined with it, and written again since it lacks it."""
    log = Log()
    rows = await owned(log)
    rows.install(0, [(b"k", b"a")], [log.append(b"k", b"a")])
    log.append(b"k", b"ab")  # another's, who knew our row: the newest record is the whole row
    assert await rows.foreign_writes(0) == {}
    rows.install(0, [(b"k", b"az")], [log.append(b"k", b"az")])
    assert rows.partition(0)[b"k"] == b"abz"
    assert await rows.foreign_writes(0) == {b"k": b"abz"}


async def test_a_row_written_again_does_not_displace_what_was_written_meanwhile() -> None:
    """Of a joined row on its way to the log and a newer one, both are kept, whichever is acknowledged last."""
    log = Log()
    rows = await owned(log)
    rows.install(0, [(b"k", b"a")], [log.append(b"k", b"a")])
    log.append(b"k", b"z")
    again = await rows.foreign_writes(0)
    assert again == {b"k": b"az"}
    rows.install(0, [(b"k", b"amz")], [log.append(b"k", b"amz")])
    rows.install(0, again.items(), [log.append(b"k", b"az")])
    assert rows.partition(0)[b"k"] == b"amz"
    assert await rows.foreign_writes(0) == {b"k": b"amz"}
