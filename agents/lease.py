"""The lease: how long this process may still believe that it owns its partitions.

A worker that was paused (SIGSTOP, a suspended machine, a long stall) wakes up and goes on where it was, while another
has taken over. Before each call to the outside it asks the lease: the last heartbeat that the broker answered must be
young enough that the call ends before the broker can have given the partitions away. The clock counts through
suspension.
"""

from __future__ import annotations

from typing import Any

from agents.clock import Clock, SystemClock
from agents.records import Held


class LeaseLost(Exception):
    """The group may have given our partitions away: no call may start."""


class Lease:
    """Held while (now - sending time of the last good heartbeat) < session time-out - call deadline."""

    def __init__(self, *, session: float, deadline: float, clock: Clock | None = None) -> None:
        if session <= deadline:
            raise ValueError(f"a session of {session} s cannot cover a call of {deadline} s")
        self._span = session - deadline
        self._clock = clock or SystemClock()
        self._renewed: float | None = None
        self._heard: float | None = None

    def renew(self, sent_at: float) -> None:
        """A heartbeat sent at `sent_at` (elapsed time) was answered: we are a member in good standing."""
        self._renewed = self._heard = sent_at

    def lose(self) -> None:
        """A rebalance has begun or the broker no longer knows us; held again with the next good heartbeat."""
        self._renewed = None

    def holds(self) -> bool:
        renewed = self._renewed
        return renewed is not None and self._clock.elapsed() - renewed < self._span

    def check(self, batch: Held | None = None) -> None:
        """Raise LeaseLost unless the lease holds and `batch`, if given, still belongs to us."""
        if not self.holds():
            raise LeaseLost("no good heartbeat recently enough")
        if batch is not None and batch.stale:
            raise LeaseLost(f"{batch} is of a former generation")

    def check_read(self) -> None:
        """Raise LeaseLost when we may have been evicted; a rebalance that waits for us is no reason.

        A read changes nothing, but it counts: one by a worker that woke up too late comes on top of its successor's.
        """
        if self._heard is None or self._clock.elapsed() - self._heard >= self._span:
            raise LeaseLost("nothing heard of the group recently enough")

    def watch(self, coordinator: Any) -> None:
        """Follow aiokafka's group coordinator.

        Its heartbeat answers True also while the group rebalances, with a rejoin requested: that does not renew.
        """
        beat, prepare = coordinator._do_heartbeat, coordinator._on_join_prepare

        async def heartbeat() -> Any:
            sent_at = self._clock.elapsed()
            good = await beat()
            if good and not coordinator._rejoin_needed_fut.done():
                self.renew(sent_at)
            elif coordinator._rejoin_needed_fut.done():
                self.lose()
            return good

        async def join_prepare(*args: Any) -> Any:
            self.lose()
            return await prepare(*args)

        coordinator._do_heartbeat = heartbeat
        coordinator._on_join_prepare = join_prepare
