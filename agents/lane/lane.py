"""What an app holds of its lane: sizes, gates, and who wants to hear of a revocation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from faust.types import TP

from agents.lane.batch import Batch

if TYPE_CHECKING:
    from agents.lease import Lease

Revoking = Callable[[], Awaitable[None]]


class Lane:
    """The lane of one app. Gates belong to it, not to the consumer, so that they outlive a rebalance."""

    def __init__(self, app: Any, sizes: Mapping[str, int], depth: int, lease: Lease | None) -> None:
        self.app = app
        self.sizes = dict(sizes)
        self.depth = depth
        self.lease = lease
        self._gated: set[TP] = set()
        self._revoking: list[Revoking] = []
        self._in_hand: set[Batch] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._wake: Callable[[], None] = lambda: None

    def gate(self, *tps: TP) -> None:
        """Let partitions stand still. Batches already delivered to the stream (at most `depth`) still come."""
        self._gated.update(tps)

    def ungate(self, *tps: TP) -> None:
        """Let partitions go on; nothing was skipped meanwhile."""
        self._gated.difference_update(tps)
        self._wake()

    def gated(self, tp: TP) -> bool:
        return tp in self._gated

    def on_revoking(self, hook: Revoking) -> Revoking:
        """Have `hook` awaited when partitions are about to go, while acknowledgements still count.

        All hooks and the batches in hand together have half of the rebalance time-out.
        """
        self._revoking.append(hook)
        return hook

    # What follows is for the lane's own modules.

    def take(self, batch: Batch) -> None:
        self._in_hand.add(batch)
        self._idle.clear()

    def release(self, batch: Batch) -> None:
        self._in_hand.discard(batch)
        if not self._in_hand:
            self._idle.set()

    def wakes(self, wake: Callable[[], None]) -> None:
        self._wake = wake

    async def quiesce(self) -> None:
        """Wait for the hooks and for the bodies that hold a batch."""
        await asyncio.gather(*(hook() for hook in self._revoking))
        await self._idle.wait()
