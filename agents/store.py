"""Our store on Faust's table: one dict of rows for each partition, recovered by joining, dropped on revocation."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import structlog
from faust.stores import STORES
from faust.stores.base import Store
from faust.types import TP

from agents.changelog import ChangelogReader
from agents.lane.batch import Record

log = structlog.get_logger(__name__)

Merge = Callable[[bytes, bytes | None, bytes], bytes]
OnUnreadable = Callable[[bytes, bytes, Exception], bytes]
PartitionHook = Callable[[int], Awaitable[None] | None]

STORES.aliases["lane"] = "agents.store:PartitionedStore"


class UnreadableRecord(Exception):
    """A changelog record cannot be understood; raised by the app's merge."""


class NotOwned(Exception):
    """The rows of this partition are not here: it is another's, or not recovered yet."""


@dataclass
class _Partition:
    """The rows of one partition and how far its changelog is accounted for."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    end: int = 0  # every record before this offset is ours or joined
    last_own: int | None = None
    ahead: set[int] = field(default_factory=set)  # our own records beyond `end`: somebody else's lie between
    joined: set[bytes] = field(default_factory=set)  # keys whose row holds foreign facts that we have not written


class Rows:
    """A table's rows. Written in two moves: publish to `changelog`, and once that is acknowledged, `install`."""

    def __init__(
        self,
        app: Any,
        name: str,
        *,
        partitions: int,
        merge: Merge,
        on_unreadable: OnUnreadable,
        changelog: str | None = None,
    ) -> None:
        """`merge(key, old, new)` joins a changelog record into a row; it must be idempotent and independent of order.

        It may raise UnreadableRecord; then `on_unreadable(key, raw, error)` gives the row that says so.
        """
        self.table = app.Table(
            name,
            partitions=partitions,
            store="lane://rows",  # not "lane://": a URL without host and path is false, and Faust takes its default
            key_type=bytes,
            value_type=bytes,
            options={"rows": self},
            changelog_topic=None if changelog is None else _changelog_topic(app, changelog, partitions),
        )
        self.changelog: str = self.table.changelog_topic.get_topic_name()
        self._app = app
        self._merge, self._on_unreadable = merge, on_unreadable
        self._owned: dict[int, _Partition] = {}
        self._recovered_hooks: list[PartitionHook] = []
        self._revoked_hooks: list[PartitionHook] = []

    # -- what an actor uses

    def partitions(self) -> list[int]:
        """The partitions whose rows are here."""
        return sorted(self._owned)

    def partition(self, number: int) -> Mapping[bytes, bytes]:
        """The rows of a partition: the dict itself, to be read."""
        return self._own(number).rows

    def install(self, number: int, items: Iterable[tuple[bytes, bytes | None]], offsets: Sequence[int]) -> None:
        """Take rows over that the changelog has acknowledged at `offsets`; a value of None removes the key."""
        own = self._own(number)
        rows = own.rows
        for key, value in items:
            if value is None:
                rows.pop(key, None)
            elif key in own.joined:
                # foreign facts came between deciding and now: keep them
                rows[key] = self._join(key, rows.get(key), value, number, -1)
                if rows[key] == value:
                    own.joined.discard(key)
            else:
                rows[key] = value
        for offset in offsets:
            own.last_own = offset if own.last_own is None else max(own.last_own, offset)
            if offset == own.end:
                own.end += 1
            elif offset > own.end:
                own.ahead.add(offset)
        while own.ahead and own.end in own.ahead:
            own.ahead.discard(own.end)
            own.end += 1

    def end_offset(self, number: int) -> int:
        """The changelog offset up to which every record is ours or joined."""
        return self._own(number).end

    def last_own_write(self, number: int) -> int | None:
        """The offset of our last write to the partition's changelog since recovery."""
        return self._own(number).last_own

    async def foreign_writes(self, number: int) -> dict[bytes, bytes]:
        """Join what others wrote to our changelog since we own it (a zombie's late writes).

        Returns the keys whose newest changelog record lacks part of the row, with the row: the owner writes these.
        """
        own = self._own(number)
        tp = TP(self.changelog, number)
        if (await self._app.consumer.highwaters(tp))[tp] > own.end:
            async for _, records, position in self._reader().read({number: own.end}):
                if self._owned.get(number) is not own:
                    return {}
                for record in records:
                    if record.offset in own.ahead:
                        own.ahead.discard(record.offset)
                    elif record.offset >= own.end and not self._is_known(own, record):
                        self._apply(own.rows, record)
                        own.joined.add(_key_of(record))
                        log.warning("foreign changelog record", topic=self.changelog, partition=number,
                                    offset=record.offset)  # fmt: skip
                own.end = max(own.end, position)
        return {key: own.rows[key] for key in own.joined if key in own.rows}

    def on_recovered(self, hook: PartitionHook) -> PartitionHook:
        """Have `hook(partition)` run after recovery, before the partition's first batch; an error ends the process."""
        self._recovered_hooks.append(hook)
        return hook

    def on_revoked(self, hook: PartitionHook) -> PartitionHook:
        """Have `hook(partition)` run when the rows of the partition have been dropped."""
        self._revoked_hooks.append(hook)
        return hook

    # -- what the lane uses

    async def restore(self, numbers: Iterable[int]) -> None:
        """Read the changelogs of `numbers` to their end, then run the hooks. Nothing is owned until all is read."""
        fresh = {number: _Partition() for number in numbers}
        async for number, records, position in self._reader().read(dict.fromkeys(fresh)):
            rows = fresh[number].rows
            for record in records:
                self._apply(rows, record)
            fresh[number].end = position
        self._owned = fresh
        for number in sorted(fresh):
            await _run(self._recovered_hooks, number)

    async def revoke(self) -> None:
        """Drop all rows; every rebalance revokes everything."""
        gone, self._owned = sorted(self._owned), {}
        for number in gone:
            await _run(self._revoked_hooks, number)

    def require(self, numbers: Iterable[int]) -> None:
        """Refuse to start a partition whose rows are not here."""
        for number in numbers:
            self._own(number)

    # -- inside

    def _own(self, number: int) -> _Partition:
        try:
            return self._owned[number]
        except KeyError:
            raise NotOwned(f"{self.changelog}-{number}") from None

    def _reader(self) -> ChangelogReader:
        return ChangelogReader(self._app, self.changelog)

    @staticmethod
    def _is_known(own: _Partition, record: Record) -> bool:
        return own.rows.get(_key_of(record)) == record.value

    def _apply(self, rows: dict[bytes, bytes], record: Record) -> None:
        key = _key_of(record)
        if record.value is None:
            rows.pop(key, None)
        else:
            rows[key] = self._join(key, rows.get(key), record.value, record.partition, record.offset)

    def _join(self, key: bytes, old: bytes | None, new: bytes, partition: int, offset: int) -> bytes:
        try:
            return self._merge(key, old, new)
        except UnreadableRecord as error:
            log.error("unreadable changelog record", topic=self.changelog, partition=partition, offset=offset,
                      error=str(error))  # fmt: skip
            marker = self._on_unreadable(key, new, error)
            if old is None:
                return marker
            try:
                return self._merge(key, old, marker)
            except UnreadableRecord:
                return marker


class PartitionedStore(Store):  # type: ignore[misc]  # faust's classes are untyped here
    """What Faust sees of the rows. It reads through here, and never writes: the changelog goes first."""

    @property
    def rows(self) -> Rows:
        rows: Rows = self.options["rows"]
        return rows

    def persisted_offset(self, tp: TP) -> None:
        return None

    def apply_changelog_batch(self, batch: Iterable[Any], to_key: Any, to_value: Any) -> None:
        if any(True for _ in batch):
            raise RuntimeError("the lane's store reads its changelog itself: is the lane installed?")

    def reset_state(self) -> None:
        """There is nothing on this machine to reset."""

    async def backup_partition(self, tp: Any, flush: bool = True, purge: bool = False, keep: int = 1) -> None:
        """The changelog is the backup."""

    def restore_backup(self, tp: Any, latest: bool = True, backup_id: int = 0) -> None:
        """The changelog is the backup."""

    def __getitem__(self, key: bytes) -> bytes:
        for number in self.rows.partitions():
            rows = self.rows.partition(number)
            if key in rows:
                return rows[key]
        raise KeyError(key)

    def __iter__(self) -> Any:
        for number in self.rows.partitions():
            yield from self.rows.partition(number)

    def __len__(self) -> int:
        return sum(len(self.rows.partition(number)) for number in self.rows.partitions())

    def __setitem__(self, key: bytes, value: bytes) -> None:
        raise TypeError("rows are written by publishing to the changelog, then Rows.install")

    def __delitem__(self, key: bytes) -> None:
        raise TypeError("rows are written by publishing to the changelog, then Rows.install")


def _key_of(record: Record) -> bytes:
    # a record without a key is nobody's row; it gets a name of its own so that it cannot be absent
    return record.key if record.key is not None else f"unkeyed:{record.partition}:{record.offset}".encode()


def _changelog_topic(app: Any, name: str, partitions: int) -> Any:
    return app.topic(name, partitions=partitions, key_type=bytes, value_type=bytes, key_serializer="raw",
                     value_serializer="raw", compacting=True, internal=True)  # fmt: skip


async def _run(hooks: Iterable[PartitionHook], number: int) -> None:
    for hook in hooks:
        result = hook(number)
        if inspect.isawaitable(result):
            await result
