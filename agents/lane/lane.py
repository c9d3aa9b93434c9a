"""What an app holds of its lane: sizes, gates, turns, and who wants to hear of a revocation."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from faust.types import TP

from agents.lane.batch import Batch, Turn, Window
from agents.lane.errors import TurnRefused

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
        self.watched = True  # a batch that stays in hand for minutes is told; not where a vendor's pace decides
        self.windows: dict[TP, Window] = {}
        self.handing_back = False
        self.broken = False
        self.wake: Callable[[], None] = lambda: None
        self._gated: set[TP] = set()
        self._revoking: list[Revoking] = []
        self._locks: dict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._in_hand: set[Batch | Turn] = set()
        self._idle = asyncio.Event()
        self._idle.set()

    # -- what an actor uses

    def gate(self, *tps: TP) -> None:
        """Let partitions stand still. Batches already delivered to the stream (at most `depth`) still come."""
        self._gated.update(tps)

    def ungate(self, *tps: TP) -> None:
        """Let partitions go on; nothing was skipped meanwhile."""
        self._gated.difference_update(tps)
        self.wake()

    def gated(self, tp: TP) -> bool:
        return tp in self._gated

    def busy(self, partition: int) -> bool:
        """Whether something of that number is in hand: what it leaves to be done is not there yet."""
        return self._locks[partition].locked()

    @asynccontextmanager
    async def turn(self, partition: int) -> AsyncIterator[Turn]:
        """Act on a partition number between two batches of it: timers and wake-ups are turns.

        No batch of that number, of whatever topic, is in hand meanwhile, and a rebalance waits for the turn. Raises
        TurnRefused when the partition is not ours, or about to go. For streams that acknowledge by themselves.
        """
        async with self._locks[partition]:
            window = next((window for tp, window in self.windows.items() if tp.partition == partition), None)
            if window is None or window.stale or self.handing_back or self.broken:
                raise TurnRefused(f"partition {partition}")
            turn = Turn(window)
            with self._hold(turn):
                yield turn

    def on_revoking(self, hook: Revoking) -> Revoking:
        """Have `hook` awaited when partitions are about to go, while acknowledgements still count.

        All hooks and the work in hand together have half of the rebalance time-out.
        """
        self._revoking.append(hook)
        return hook

    # -- what the lane's own modules use

    @asynccontextmanager
    async def in_hand(self, batch: Batch) -> AsyncIterator[bool]:
        """Give the batch its turn; False if it is too late for it: it will be delivered again."""
        async with self._locks[batch.tp.partition]:
            if batch.stale or self.handing_back or self.broken:
                yield False
                return
            with self._hold(batch):
                yield True

    async def quiesce(self) -> None:
        """Wait for the hooks and for whatever is in hand; nothing new starts until windows are opened again."""
        self.handing_back = True
        await self.revoking()
        await self._idle.wait()

    async def revoking(self) -> None:
        """Tell those who want to hear of it that partitions are about to go."""
        await asyncio.gather(*(hook() for hook in self._revoking))

    def open_windows(self, windows: dict[TP, Window]) -> None:
        self.close_windows()
        self.windows = windows
        self.handing_back = False
        self.wake()

    def close_windows(self) -> None:
        for window in self.windows.values():
            window.closed = True
        self.windows = {}

    @contextmanager
    def _hold(self, held: Batch | Turn) -> Iterator[None]:
        self._in_hand.add(held)
        self._idle.clear()
        try:
            yield
        except Exception:
            self.broken = True  # the process is about to end; what waits for its turn must not go on
            raise
        finally:
            self._in_hand.discard(held)
            if not self._in_hand:
                self._idle.set()
