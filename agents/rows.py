"""The rows of a table: one dict for each partition, recovered by joining, dropped on revocation."""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from agents.changelog import Changelog
from agents.faultpoints import reach
from agents.records import Held, Record

log = structlog.get_logger(__name__)

Merge = Callable[[bytes, bytes | None, bytes], bytes]
OnUnreadable = Callable[[bytes, bytes, Exception], bytes]
PartitionHook = Callable[[int], Awaitable[None] | None]


class UnreadableRecord(Exception):
    """A changelog record cannot be understood; raised by the app's merge."""


class NotOwned(Exception):
    """The rows of this partition are not here: it is another's, or not recovered yet."""


class StaleRows(Exception):
    """Rows decided in a former generation must not be installed."""


@dataclass
class _Partition:
    """The rows of one partition and how far its changelog is accounted for."""

    rows: dict[bytes, bytes] = field(default_factory=dict)
    end: int | None = None  # every record before this offset is ours or joined; None: nothing read yet
    last_own: int | None = None
    ahead: set[int] = field(default_factory=set)  # our own records beyond `end`: somebody else's lie between
    behind: dict[bytes, None] = field(default_factory=dict)  # keys whose newest record lacks part of the row
    met: set[bytes] = field(default_factory=set)  # keys with others' records: whatever is written of them is joined


class Rows:
    """A table's rows. Written in two moves: publish to `changelog`, and once that is acknowledged, `install`."""

    def __init__(self, changelog: str, reader: Changelog, *, merge: Merge, on_unreadable: OnUnreadable) -> None:
        """`merge(key, old, new)` joins a changelog record into a row; it must be idempotent and independent of order.

        It may raise UnreadableRecord; then `on_unreadable(key, raw, error)` gives the row that says so.
        """
        self.changelog = changelog
        self._reader = reader
        self._merge, self._on_unreadable = merge, on_unreadable
        self._owned: dict[int, _Partition] = {}
        self._kept: dict[int, _Partition] = {}  # dropped, but of use if the partition comes straight back
        self._revocations = 0
        self._recovered_hooks: list[PartitionHook] = []
        self._revoked_hooks: list[PartitionHook] = []

    # -- what an actor uses

    def partitions(self) -> list[int]:
        """The partitions whose rows are here."""
        return sorted(self._owned)

    def partition(self, number: int) -> Mapping[bytes, bytes]:
        """The rows of a partition: the dict itself, to be read."""
        return self._own(number).rows

    def install(
        self,
        number: int,
        items: Iterable[tuple[bytes, bytes | None]],
        offsets: Sequence[int],
        batch: Held | None = None,
    ) -> None:
        """Take rows over that the changelog has acknowledged at `offsets`; a value of None removes the key.

        Give the batch (or turn) that decided them: after a rebalance the rows may have been recovered anew without this
        decision, and a stale one must not overwrite them. Raises StaleRows then: the process should end.
        """
        own = self._own(number)
        if batch is not None and batch.stale:
            raise StaleRows(f"{self.changelog}-{number}")
        rows = own.rows
        for key, value in items:
            if value is None:
                rows.pop(key, None)
                own.behind.pop(key, None)
            elif key in own.met:
                # foreign facts may have come between deciding and now: keep them
                rows[key] = self._join(key, rows.get(key), value, number, -1)
                if rows[key] == value:
                    own.behind.pop(key, None)
                else:
                    own.behind[key] = None
            else:
                rows[key] = value
        end = own.end or 0
        for offset in offsets:
            own.last_own = offset if own.last_own is None else max(own.last_own, offset)
            if offset == end:
                end += 1
            elif offset > end:
                own.ahead.add(offset)
        while end in own.ahead:
            own.ahead.discard(end)
            end += 1
        own.end = end

    def end_offset(self, number: int) -> int:
        """The changelog offset up to which every record is ours or joined."""
        return self._own(number).end or 0

    def last_own_write(self, number: int) -> int | None:
        """The offset of our last write to the partition's changelog since recovery."""
        return self._own(number).last_own

    async def foreign_writes(self, number: int) -> dict[bytes, bytes]:
        """Join what others wrote to our changelog (a zombie's late writes), before recovery and since.

        Returns the keys whose newest changelog record lacks part of the row, with the row: the owner writes and
        installs these, since compaction would keep the newest record only. Cheap when nobody else wrote.
        """
        own = self._own(number)
        if await self._reader.end(number) > (own.end or 0):
            async for _, records, position in self._reader.read({number: own.end}):
                if self._owned.get(number) is not own:
                    return {}
                foreign = [record for record in records if record.offset not in own.ahead]
                if foreign:
                    offsets = [record.offset for record in foreign[:9]]
                    log.warning("foreign changelog records", topic=self.changelog, partition=number, offsets=offsets)
                    own.met.update(map(_key_of, foreign))
                self._take(own, records, position)
        return {key: own.rows[key] for key in own.behind if key in own.rows}

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
        """Read the changelogs of `numbers` to their end, then run the hooks. Nothing is owned until all is read.

        A partition that comes straight back is read from where its rows stood; the others' rows are gone for good.
        If a revocation comes meanwhile, nothing is owned.
        """
        revocations = self._revocations
        self._kept = fresh = {number: self._kept.get(number) or _Partition() for number in numbers}
        started, count = time.monotonic(), 0
        async for number, records, position in self._reader.read({n: own.end for n, own in fresh.items()}):
            if self._revocations != revocations:
                return
            count += len(records)
            self._take(fresh[number], records, position)
        if self._revocations != revocations:
            return
        for own in fresh.values():
            own.met = set(own.behind)
        self._owned, self._kept = fresh, {}
        log.info("rows recovered", topic=self.changelog, partitions=sorted(fresh), records=count,
                 seconds=round(time.monotonic() - started, 3))  # fmt: skip
        for number in sorted(fresh):
            try:
                await _run(self._recovered_hooks, number)
            except NotOwned:
                if self._revocations == revocations:
                    raise
            if self._revocations != revocations:
                return

    async def revoke(self) -> None:
        """Drop all rows; every rebalance revokes everything."""
        self._revocations += 1
        gone, self._owned = self._owned, {}
        # Rows that we changed after another had written are not what the log's order makes of them: they go for good.
        self._kept |= {number: own for number, own in gone.items() if not own.ahead}
        for number in sorted(gone):
            await _run(self._revoked_hooks, number)
        reach("rows.revoked")

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

    def _take(self, own: _Partition, records: Iterable[Record], position: int) -> None:
        """Join a run of changelog records. Our own among them change nothing: joining is idempotent."""
        rows, behind = own.rows, own.behind
        for record in records:
            key, value = _key_of(record), record.value
            if value is None:
                rows.pop(key, None)
                behind.pop(key, None)
                continue
            row = rows[key] = self._join(key, rows.get(key), value, record.partition, record.offset)
            if row == value:
                behind.pop(key, None)
            else:
                behind[key] = None
        own.end = max(own.end or 0, position)
        own.ahead = {offset for offset in own.ahead if offset >= own.end}

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


def _key_of(record: Record) -> bytes:
    # a record without a key is nobody's row; it gets a name of its own so that it cannot be absent
    return record.key if record.key is not None else f"unkeyed:{record.partition}:{record.offset}".encode()


async def _run(hooks: Iterable[PartitionHook], number: int) -> None:
    for hook in hooks:
        result = hook(number)
        if inspect.isawaitable(result):
            await result
