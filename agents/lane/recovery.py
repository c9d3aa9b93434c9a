"""Recovery of the lane's stores: read in bulk by the store itself, to the end, before any stream starts.

Faust's own recovery hands over one event at a time (12,000 rows a second), swallows what a store raises, and goes on.
Here Faust keeps deciding when to recover and what is assigned; the reading is the store's, and whatever it raises ends
the process.
"""

from __future__ import annotations

from typing import Any

from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.types import TP

from agents.store import PartitionedStore


class LaneRecovery(Recovery):  # type: ignore[misc]  # faust's classes are untyped here
    """Leaves the changelogs of the lane's stores to them."""

    def _theirs(self, tps: set[TP]) -> set[TP]:
        return {tp for tp in tps if isinstance(self.tp_to_table[tp].data, PartitionedStore)}

    async def _build_offsets(self, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        await super()._build_offsets(consumer, tps, destination, title)
        if title == "active":
            # nothing is left for Faust to read: "have offset" is "need offset"
            for tp in self._theirs(tps):  # not update(): on a Counter that adds
                destination[tp] = self.active_highwaters[tp]

    async def _seek_offsets(self, consumer: Any, tps: set[TP], offsets: Any, title: str) -> None:
        await super()._seek_offsets(consumer, tps - self._theirs(tps), offsets, title)

    async def on_recovery_completed(self, generation_id: int = 0) -> None:
        for table in self.tables.values():
            if isinstance(table.data, PartitionedStore):
                await table.data.rows.restore({tp.partition for tp in self.actives_for_table[table]})
        await super().on_recovery_completed(generation_id)


class LaneTableManager(TableManager):  # type: ignore[misc]  # faust's classes are untyped here
    """Faust's table manager with the lane's recovery."""

    _recovery: LaneRecovery | None

    @property
    def recovery(self) -> LaneRecovery:
        if self._recovery is None:
            self._recovery = LaneRecovery(self.app, self, beacon=self.beacon, loop=self.loop)
        return self._recovery
