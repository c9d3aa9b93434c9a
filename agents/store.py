"""The lane's store, as Faust sees it: `app.Table(..., store="lane://rows")`, made by `table_rows`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from faust.stores import STORES
from faust.stores.base import Store
from faust.types import TP

from agents.changelog import KafkaChangelog
from agents.rows import Merge, OnUnreadable, Rows

STORES.aliases["lane"] = "agents.store:PartitionedStore"


def table_rows(
    app: Any,
    name: str,
    *,
    partitions: int,
    merge: Merge,
    on_unreadable: OnUnreadable,
    changelog: str | None = None,
) -> Rows:
    """A Faust table of the app, and its rows; the changelog is Faust's own (`<app>-<name>-changelog`) unless named."""
    options: dict[str, Rows] = {}
    table = app.Table(
        name,
        partitions=partitions,
        store="lane://rows",  # not "lane://": a URL without host and path is false, and Faust takes its default
        key_type=bytes,
        value_type=bytes,
        options=options,
        changelog_topic=None if changelog is None else _changelog_topic(app, changelog, partitions),
    )
    topic: str = table.changelog_topic.get_topic_name()
    options["rows"] = Rows(topic, KafkaChangelog(app, topic), merge=merge, on_unreadable=on_unreadable)
    return options["rows"]


def _changelog_topic(app: Any, name: str, partitions: int) -> Any:
    return app.topic(name, partitions=partitions, key_type=bytes, value_type=bytes, key_serializer="raw",
                     value_serializer="raw", compacting=True, internal=True)  # fmt: skip


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
