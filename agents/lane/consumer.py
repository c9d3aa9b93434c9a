"""The lane's consumer: exact positions over restarts and rebalances, delivery in batches, commits without holes.

What is fetched is held until it can be delivered (`Delivery`); fetch and seek exclude each other. So no record is
dropped on the way, which is how stock Faust loses them: it seeks while records are in its queues.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from agents.lane.batch import Batch, Window
from agents.lane.delivery import Delivery, hand_back
from agents.lane.errors import LaneError, MixedTopics, RecordsDeleted
from agents.lane.lane import Lane
from agents.lane.membership import MembershipThread
from agents.lane.stuck import StuckWatch
from agents.store import PartitionedStore

POLL_SECONDS = 0.5  # how long a fetch may wait when there is nothing else to do
POLL_SECONDS_BUSY = 0.01  # ... when some partition waits for credit, growing to the next while nothing comes
POLL_SECONDS_WAITING = 0.1
NOWHERE = TP("", 0)


class _Carrier(ConsumerMessage):  # type: ignore[misc]  # faust's classes are untyped here
    """The message that Faust's stream sees. Acknowledging it does nothing: batches are acknowledged by themselves."""

    def on_final_ack(self, consumer: Any) -> bool:
        return False


class LaneConsumer(driver.Consumer):  # type: ignore[misc]  # faust's classes are untyped here
    """Faust's aiokafka consumer, reading batches."""

    lane: Lane
    _n_acked: int

    def on_init(self) -> None:
        super().on_init()
        self._delivery = Delivery(self.lane, self._hand_over, self._on_ack)
        self._position = asyncio.Lock()
        self._woken = asyncio.Event()
        self._revocations = 0
        self._revocations_at_assignment = 0
        self._stuck = StuckWatch()
        self.lane.wake = self._woken.set

    def _new_consumer_thread(self) -> MembershipThread:
        return MembershipThread(self, loop=self.loop, beacon=self.beacon)

    # -- positions

    async def perform_seek(self) -> None:
        """Start all source partitions at their committed offset, or at the beginning if there is none."""
        async with self._position, asyncio.timeout(self.app.conf.broker_request_timeout):
            # The flow stays shut until Faust resumes it: resuming clears the streams' queues (mode's FlowControlEvent),
            # so a batch delivered now would vanish.
            self.stop_flow()
            self._delivery.forget()
            self.lane.close_windows()
            committed = await self.seek_to_committed()
            mine = sorted(tp for tp in self.assignment() if not self._is_changelog_tp(tp))
            earliest = await self.earliest_offsets(*mine) if mine else {}
            start: dict[TP, int] = {}
            for tp in mine:
                offset, first = committed.get(tp), earliest[tp] or 0
                if offset is not None and 0 <= offset < first:
                    raise RecordsDeleted(f"{tp}: committed {offset}, the log starts at {first}")
                start[tp] = first if offset is None or offset < 0 else offset
            await self.seek_wait(start)
            if self._revocations != self._revocations_at_assignment:
                return  # another rebalance began meanwhile; these partitions may be another's soon
            self._check_topics(mine)
            self._committed_offset.update(start)
            generation, current = self.app.consumer_generation_id, self._thread.current_generation
            self.lane.open_windows({tp: Window(generation, current) for tp in start})

    def _check_topics(self, source: list[TP]) -> None:
        for tp in source:
            if tp.topic not in self.lane.sizes:
                raise MixedTopics(f"{tp.topic} is read by this app and is not a lane topic")
        for table in self.app.tables.values():
            if not isinstance(table.data, PartitionedStore):
                raise LaneError(f"table {table.name}: an app with a lane keeps its rows in the lane's store")
            table.data.rows.require({tp.partition for tp in source})

    # -- commits: Faust asks which partitions have something, and which offset

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        return iter([tp for tp in self.lane.windows if topics is None or tp in topics or tp.topic in topics])

    def _new_offset(self, tp: TP) -> int | None:
        window = self.lane.windows.get(tp)
        return window.committable if window is not None else None

    def _on_ack(self, batch: Batch) -> None:
        self._n_acked += len(batch.records)
        self._deliver(batch.tp)
        self._woken.set()

    async def verify_all_partitions_active(self) -> None:
        """Faust asks now and then whether a partition hangs; what it looks at itself (events, its own acknowledgements)
        a lane does not have, so it said so of every healthy partition, five minutes after the start."""
        if not self.lane.watched:
            return
        for tp, seconds in self._stuck.look(self.lane.windows, self.loop.time()).items():
            self.log.warning("a batch of %s has been in hand for %.0f s", tp, seconds)

    # -- rebalance and stop

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._revocations_at_assignment = self._revocations
        await super().on_partitions_assigned(assigned, generation_id)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self._revocations += 1
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()
        await self._hand_back()
        for table in self.app.tables.values():
            if isinstance(table.data, PartitionedStore):
                await table.data.rows.revoke()
        await super().on_partitions_revoked(revoked)

    async def wait_empty(self) -> None:
        """Faust asks for this when it stops, and once more inside a revocation."""
        await self._hand_back()

    async def _hand_back(self) -> None:
        """Let the work in hand finish, commit it, and make everything delivered stale.

        What fails on the way ends the process. It is not raised: aiokafka only logs what a listener raises, and a stop
        that raises leaves the consumer's thread behind, so that the process would never end.
        """
        try:
            # half: the broker waits for all members' time-out, and the commit needs its share
            await hand_back(self.lane, self.commit, self.app.conf.broker_rebalance_timeout / 2)
        except Exception as error:
            self.lane.broken = True
            self.log.exception("handing partitions back failed: %r", error)
            await self.crash(error)

    # -- fetch and deliver

    async def _drain_messages(self, fetcher: Any) -> None:
        """Faust's fetcher runs this for as long as it lives."""
        waiting = POLL_SECONDS_BUSY
        try:
            while not (self._stopped.is_set() or fetcher._stopped.is_set()):
                if not self.flow_active:
                    await self.wait(self.can_resume_flow)
                    continue
                self._woken.clear()
                delivered = sum(self._deliver(tp) for tp in self._delivery.holding())
                wanted = self._wanted()
                if len(wanted) == len(self.lane.windows) and wanted:
                    await self._fetch(wanted, POLL_SECONDS)
                elif wanted:
                    waiting = POLL_SECONDS_BUSY if delivered else min(waiting * 2, POLL_SECONDS_WAITING)
                    await self._fetch(wanted, waiting)
                else:
                    await self._wait_for_credit()
                if self._commit_every and self._n_acked >= self._commit_every:
                    self._n_acked = 0
                    await self.commit()
                await asyncio.sleep(0)
        except (asyncio.CancelledError, *self.consumer_stopped_errors):
            if not self.transport.app.should_stop:
                raise

    def _wanted(self) -> set[TP]:
        active: set[TP] = self._get_active_partitions()
        return self._delivery.wanted() & active

    async def _fetch(self, wanted: set[TP], timeout: float) -> None:
        async with self._position:
            if not self.flow_active or self.should_stop:
                return
            fetched = await self._getmany(active_partitions=wanted, timeout=timeout)
            for tp, records in (fetched or {}).items():
                if self._delivery.hold(tp, records):
                    self.app.monitor.track_tp_end_offset(tp, self.highwater(tp))

    async def _wait_for_credit(self) -> None:
        try:
            await asyncio.wait_for(self._woken.wait(), POLL_SECONDS_WAITING)
        except TimeoutError:
            # aiokafka leaves the group when nobody polled for max_poll_interval: an empty poll counts
            await self._fetch({NOWHERE}, 0)

    def _deliver(self, tp: TP) -> int:
        if not self.flow_active or tp not in self._get_active_partitions():
            return 0
        return self._delivery.deliver(tp)

    def _hand_over(self, batch: Batch) -> None:
        event = self.app.conf.Event(self.app, None, batch, None, self._carrier(batch))
        self._channel(batch.tp).queue.force_put_nowait(event)

    def _channel(self, tp: TP) -> Any:
        channels = self.app.topics._tp_index[tp]
        if len(channels) != 1:
            raise MixedTopics(f"{tp.topic} has {len(channels)} streams; a lane topic has exactly one")
        return next(iter(channels))

    def _carrier(self, batch: Batch) -> _Carrier:
        first, last = batch.records[0], batch.records[-1]
        carrier = _Carrier(
            batch.tp.topic, batch.tp.partition, first.offset, last.timestamp / 1000, 0, None, None, None, None, 0, 0,
            batch.tp, generation_id=batch.generation_id,
        )  # fmt: skip
        carrier.refcount = 1
        return carrier
