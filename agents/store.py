"""The lane's store, as Faust sees it: `app.Table(..., store="lane://rows")`, made by `Rows`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faust.stores.base import Store
from faust.types import TP

from agents.rows import NotOwned, Rows, StaleRows, UnreadableRecord

__all__ = ["NotOwned", "PartitionedStore", "Rows", "StaleRows", "UnreadableRecord"]


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
