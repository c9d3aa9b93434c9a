"""What was fetched and is not delivered yet, and what is delivered and not acknowledged: the credit of a lane.

The position of a partition is the fetcher's position minus what is held here. So no record is dropped on the way: what
cannot be delivered now (no credit, gated, flow stopped) stays held, and a seek forgets what is held.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable

import structlog
from faust.types import TP

from agents.lane.batch import Batch
from agents.lane.lane import Lane
from agents.records import Record

log = structlog.get_logger(__name__)


class Delivery:
    """Batches out of fetched records, as far as the lane's credit goes."""

    def __init__(self, lane: Lane, hand_over: Callable[[Batch], None], on_ack: Callable[[Batch], None]) -> None:
        self._lane = lane
        self._hand_over = hand_over
        self._on_ack = on_ack
        self._held: dict[TP, deque[Record]] = {}

    def hold(self, tp: TP, records: Iterable[Record]) -> bool:
        """Keep what was fetched; False when the partition is not ours any more."""
        if tp not in self._lane.windows:
            return False
        self._held.setdefault(tp, deque()).extend(records)
        return True

    def forget(self) -> None:
        """Before a seek: everything held will be fetched again."""
        self._held.clear()

    def holding(self) -> list[TP]:
        """The partitions of which something is held."""
        return list(self._held)

    def wanted(self) -> set[TP]:
        """The partitions of which more should be fetched: they have credit, and nothing is held of them."""
        return {tp for tp in self._lane.windows if not self._held.get(tp) and self._has_credit(tp)}

    def deliver(self, tp: TP) -> int:
        """Hand over what is held of one partition, as far as its credit goes; the number of batches."""
        held, window = self._held.get(tp), self._lane.windows.get(tp)
        if not held or window is None:
            return 0
        size, count = self._lane.sizes[tp.topic], 0
        while held and self._has_credit(tp):
            records = [held.popleft() for _ in range(min(size, len(held)))]
            self._hand_over(Batch(tp, records, window, self._on_ack))
            count += 1
        return count

    def _has_credit(self, tp: TP) -> bool:
        return not self._lane.gated(tp) and len(self._lane.windows[tp].open) < self._lane.depth


async def hand_back(lane: Lane, commit: Callable[[], Awaitable[bool]], within: float) -> None:
    """Before partitions go: let the work in hand finish, commit it, and make everything delivered stale.

    `commit` is false when another commit was under way and was only waited for. Raises what a hook or a commit raises;
    the windows are closed all the same.
    """
    try:
        if not lane.windows:
            # Rows may be recovered, and what the hooks stop at work on them, before a window was opened: a rebalance in
            # that moment left a dispatcher's session running beside the next one (seen: documents made twice).
            await lane.revoking()
            return
        try:
            await asyncio.wait_for(lane.quiesce(), within)
        except TimeoutError:
            log.warning("work in hand did not finish in time; it will be delivered again")
        # A commit that is under way does not hold the last acknowledgements.
        if not await commit():
            await commit()
    finally:
        lane.close_windows()
