"""The lane's consumer over a scripted Kafka: where it starts, what it fetches, what it commits, how it lets go."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from agents.lane import Batch, Lane, LaneError, MixedTopics, RecordsDeleted, install
from agents.lane import consumer as lane_consumer
from agents.lane.batch import Window
from agents.lane.consumer import NOWHERE
from agents.rows import NotOwned
from agents.runtime import faust_app
from agents.store import table_rows

P0, P1, LOG = TP("t", 0), TP("t", 1), TP("app-orders-changelog", 0)


def records(*offsets: int) -> list[Any]:
    return [SimpleNamespace(offset=offset, timestamp=1000 * offset) for offset in offsets]


class Channel:
    """A topic's stream, as far as it takes events."""

    def __init__(self, events: list[Any]) -> None:
        self.queue = SimpleNamespace(force_put_nowait=events.append)


class Scripted:
    """A lane's consumer whose Kafka says what the test wants."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sizes: dict[str, int] | None = None) -> None:
        self.app = faust_app("app", "one:9092", partitions=2)
        self.lane: Lane = install(self.app, sizes or {"t": 2}, depth=2)
        self.consumer = consumer = self.app.consumer
        self.app.consumer_generation_id = 7
        self.assigned = {P0, P1}
        self.committed: dict[TP, int | None] = {}
        self.earliest: dict[TP, int | None] = {P0: 0, P1: 0}
        self.sought: list[dict[TP, int]] = []
        self.fetched: list[dict[TP, list[Any]]] = []
        self.asked: list[tuple[set[TP], float]] = []
        self.commits: list[Any] = []
        self.crashes: list[BaseException] = []
        self.ends: list[tuple[TP, int]] = []
        self.events: dict[TP, list[Any]] = {P0: [], P1: []}
        self.on_seek = lambda: None
        consumer._thread = SimpleNamespace(current_generation=lambda: 7)
        for name in ("seek_to_committed", "earliest_offsets", "seek_wait", "_getmany", "commit", "crash"):
            monkeypatch.setattr(consumer, name, getattr(self, f"_{name.lstrip('_')}"))
        monkeypatch.setattr(consumer, "assignment", lambda: set(self.assigned))
        monkeypatch.setattr(consumer, "highwater", lambda tp: 100 + tp.partition)
        monkeypatch.setattr(self.app.monitor, "track_tp_end_offset", lambda tp, offset: self.ends.append((tp, offset)))
        self.app.topics._tp_index = {tp: {Channel(self.events[tp])} for tp in (P0, P1)}

    async def _seek_to_committed(self) -> dict[TP, int | None]:
        self.on_seek()
        return self.committed

    async def _earliest_offsets(self, *tps: TP) -> dict[TP, int | None]:
        return {tp: self.earliest[tp] for tp in tps}

    async def _seek_wait(self, positions: dict[TP, int]) -> None:
        self.sought.append(dict(positions))

    async def _getmany(self, active_partitions: set[TP], timeout: float) -> dict[TP, list[Any]]:
        self.asked.append((set(active_partitions), timeout))
        return self.fetched.pop(0) if self.fetched else {}

    async def _commit(self, *args: Any) -> bool:
        self.commits.append(args)
        return True

    async def _crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    async def started(self) -> Scripted:
        await self.consumer.perform_seek()
        self.consumer._active_partitions = set(self.assigned)
        self.consumer.resume_flow()
        return self

    def batches(self, tp: TP) -> list[Batch]:
        return [event.value for event in self.events[tp]]


@pytest.fixture
async def scripted(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    return Scripted(monkeypatch)


# -- positions


async def test_each_partition_starts_where_it_was_committed_or_at_the_beginning(scripted: Scripted) -> None:
    """Never in between: what was not committed is read again, and what never was from its first record."""
    scripted.committed, scripted.earliest = {P0: 5, P1: None}, {P0: 5, P1: 3}
    await scripted.started()
    assert scripted.sought == [{P0: 5, P1: 3}]
    assert set(scripted.lane.windows) == {P0, P1}
    assert scripted.consumer._committed_offset[P1] == 3
    windows = scripted.lane.windows
    assert [window.generation_id for window in windows.values()] == [7, 7]
    assert not windows[P0].stale


@pytest.mark.parametrize(("committed", "first", "start"), [(-1, 4, 4), (None, None, 0), (0, 0, 0), (9, 2, 9)])
async def test_the_start_of_one_partition(
    scripted: Scripted, committed: int | None, first: int | None, start: int
) -> None:
    """Kafka says -1 where a group has committed nothing, and may not know the first offset."""
    scripted.assigned = {P0}
    scripted.committed, scripted.earliest = {P0: committed}, {P0: first}
    await scripted.started()
    assert scripted.sought == [{P0: start}]


@pytest.mark.parametrize("committed", [0, 2])
async def test_records_deleted_before_they_were_read_stop_the_start(scripted: Scripted, committed: int) -> None:
    """Retention is too short, and nobody may go on as if nothing had been lost."""
    scripted.committed, scripted.earliest = {P0: committed}, {P0: 3, P1: 0}
    with pytest.raises(RecordsDeleted, match=f"committed {committed}, the log starts at 3"):
        await scripted.consumer.perform_seek()
    assert scripted.lane.windows == {} and scripted.sought == []


async def test_a_seek_stops_the_flow_and_forgets_what_was_held(scripted: Scripted) -> None:
    """Resuming clears the streams' queues: a batch delivered before would vanish."""
    await scripted.started()
    former = dict(scripted.lane.windows)
    scripted.consumer._delivery.hold(P0, records(1))
    scripted.lane.handing_back = True
    await scripted.consumer.perform_seek()
    assert not scripted.consumer.flow_active
    assert scripted.consumer._delivery.holding() == []
    assert all(window.closed for window in former.values())
    assert set(scripted.lane.windows) == {P0, P1} and not scripted.lane.handing_back


async def test_without_partitions_there_is_nothing_to_ask(scripted: Scripted) -> None:
    """A member that got none waits for its next assignment."""
    scripted.assigned = set()
    await scripted.started()
    assert scripted.lane.windows == {}


async def test_a_rebalance_during_the_seek_opens_nothing(scripted: Scripted) -> None:
    """These partitions may be another's soon; the next assignment seeks anew."""

    def revoked() -> None:
        scripted.consumer._revocations += 1

    await scripted.started()
    former = dict(scripted.lane.windows)
    scripted.consumer._committed_offset.clear()
    scripted.on_seek = revoked
    await scripted.consumer.perform_seek()
    assert scripted.lane.windows == {} and all(window.closed for window in former.values())
    assert scripted.consumer._committed_offset.get(P0) is None


async def test_an_app_with_a_lane_reads_lane_topics_only(scripted: Scripted) -> None:
    """Any other topic would be committed by Faust's own rules."""
    other = TP("other", 0)
    scripted.assigned, scripted.earliest = {P0, other}, {P0: 0, other: 0}
    with pytest.raises(MixedTopics, match="other is read by this app and is not a lane topic"):
        await scripted.consumer.perform_seek()


async def test_rows_have_to_be_here_before_their_partition_starts(scripted: Scripted) -> None:
    """A partition without its rows would decide from nothing."""
    table_rows(scripted.app, "orders", partitions=2, merge=lambda key, old, new: new, on_unreadable=lambda *_: b"")
    scripted.assigned = {P0, LOG}
    scripted.consumer.app.tables._changelogs = {LOG.topic: None}
    with pytest.raises(NotOwned):
        await scripted.consumer.perform_seek()
    assert scripted.lane.windows == {}


async def test_a_table_of_fausts_own_is_refused(scripted: Scripted) -> None:
    """Its store does not recover before the start, and its changelog is not waited for."""
    scripted.app.Table("plain")
    with pytest.raises(LaneError, match="table plain"):
        await scripted.consumer.perform_seek()


# -- delivery


async def test_what_is_fetched_is_handed_to_its_stream_in_batches(scripted: Scripted) -> None:
    """Two at a time as the lane says, two batches open; the rest is held until there is credit."""
    await scripted.started()
    scripted.fetched.append({P0: records(0, 1, 2, 3, 4), P1: records(9)})
    await scripted.consumer._fetch({P0, P1}, 0.25)
    assert scripted.asked == [({P0, P1}, 0.25)]
    assert scripted.ends == [(P0, 100), (P1, 101)]
    assert [scripted.consumer._deliver(tp) for tp in (P0, P1)] == [2, 1]
    assert [[record.offset for record in batch.records] for batch in scripted.batches(P0)] == [[0, 1], [2, 3]]
    assert [batch.end for batch in scripted.batches(P1)] == [10]
    event = scripted.events[P0][0]
    message = event.message
    assert (message.topic, message.partition, message.offset, message.timestamp) == ("t", 0, 0, 1.0)
    assert (message.tp, message.generation_id, message.refcount) == (P0, 7, 1)
    assert message.on_final_ack(scripted.consumer) is False
    assert scripted.consumer._wanted() == {P1}


async def test_an_acknowledgement_delivers_the_next_and_can_be_committed(scripted: Scripted) -> None:
    """Its records are counted, what was held goes on at once, and whoever waits is woken."""
    await scripted.started()
    scripted.consumer._delivery.hold(P0, records(0, 1, 2, 3, 4))
    scripted.consumer._deliver(P0)
    first, second = scripted.batches(P0)
    assert scripted.consumer._new_offset(P0) is None
    scripted.consumer._woken.clear()
    assert second.ack()
    assert scripted.consumer._new_offset(P0) is None  # the first is open still
    assert first.ack()
    assert scripted.consumer._new_offset(P0) == 4
    assert scripted.consumer._woken.is_set()
    assert scripted.consumer._n_acked == 4
    assert [batch.end for batch in scripted.batches(P0)] == [2, 4, 5]
    assert scripted.consumer._new_offset(TP("t", 9)) is None


async def test_faust_asks_for_the_partitions_it_may_commit(scripted: Scripted) -> None:
    """All of ours, or those of the topics or partitions it names."""
    await scripted.started()
    pending = scripted.consumer._filter_tps_with_pending_acks
    assert set(pending()) == {P0, P1} == set(pending({"t"}))
    assert set(pending({P1})) == {P1}
    assert set(pending({"other"})) == set()


async def test_nothing_is_handed_over_while_the_flow_stands_or_the_partition_does(scripted: Scripted) -> None:
    """It stays held."""
    await scripted.started()
    scripted.consumer._delivery.hold(P0, records(0))
    scripted.consumer.stop_flow()
    assert scripted.consumer._deliver(P0) == 0
    scripted.consumer.resume_flow()
    scripted.consumer._active_partitions = {P1}
    assert scripted.consumer._deliver(P0) == 0
    assert scripted.consumer._wanted() == {P1}
    scripted.consumer._active_partitions = {P0, P1}
    assert scripted.consumer._deliver(P0) == 1


async def test_nothing_is_fetched_while_the_flow_stands(scripted: Scripted) -> None:
    """A seek is about to come: what was fetched would be dropped."""
    await scripted.started()
    scripted.consumer.stop_flow()
    await scripted.consumer._fetch({P0}, 0)
    assert not scripted.asked
    scripted.consumer.resume_flow()
    scripted.consumer._stopped.set()
    await scripted.consumer._fetch({P0}, 0)
    assert not scripted.asked


async def test_a_fetch_of_nothing_and_one_of_what_has_gone(scripted: Scripted) -> None:
    """Nothing is held, and no end offset is told of a partition that is not ours."""
    await scripted.started()
    scripted.fetched += [{}, {P1: records(1)}]
    await scripted.consumer._fetch({P0}, 0)
    del scripted.lane.windows[P1]
    await scripted.consumer._fetch({P1}, 0)
    assert scripted.consumer._delivery.holding() == [] and scripted.ends == []


async def test_a_topic_with_two_streams_is_refused(scripted: Scripted) -> None:
    """Each would have every batch."""
    await scripted.started()
    scripted.app.topics._tp_index[P0] = {1, 2}
    scripted.consumer._delivery.hold(P0, records(0))
    with pytest.raises(MixedTopics, match="t has 2 streams"):
        scripted.consumer._deliver(P0)


# -- the fetcher's loop


class Loop:
    """The fetcher's loop, turn by turn: what it fetched and for how long it waited, until the script is at its end."""

    def __init__(self, scripted: Scripted, monkeypatch: pytest.MonkeyPatch, turns: int) -> None:
        self.fetches: list[tuple[set[TP], float]] = []
        self.waits = 0
        consumer = scripted.consumer
        fetcher = SimpleNamespace(_stopped=asyncio.Event())
        fetch, wait = consumer._fetch, consumer._wait_for_credit

        async def noted(wanted: set[TP], timeout: float) -> None:
            self.fetches.append((set(wanted), timeout))
            await fetch(wanted, 0)
            end()

        async def waited() -> None:
            self.waits += 1
            assert not consumer._woken.is_set(), "what woke it before is no reason to go on now"
            consumer._woken.set()
            await wait()
            end()

        def end() -> None:
            nonlocal turns
            turns -= 1
            if not turns:
                fetcher._stopped.set()

        monkeypatch.setattr(consumer, "_fetch", noted)
        monkeypatch.setattr(consumer, "_wait_for_credit", waited)
        self.run = lambda: asyncio.wait_for(consumer._drain_messages(fetcher), 5)


async def test_with_credit_everywhere_a_fetch_may_wait(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for whatever comes; what came is handed over at the next turn."""
    await scripted.started()
    scripted.fetched.append({P0: records(0)})
    loop = Loop(scripted, monkeypatch, 2)
    await loop.run()
    assert loop.fetches == [({P0, P1}, 0.5), ({P0, P1}, 0.5)]
    assert len(scripted.batches(P0)) == 1


async def test_beside_a_partition_without_credit_the_others_are_asked_often(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its acknowledgement must not wait for a fetch of another: a hundredth of a second, growing to a tenth."""
    await scripted.started()
    scripted.lane.gate(P0)
    loop = Loop(scripted, monkeypatch, 6)
    await loop.run()
    assert [seconds for _, seconds in loop.fetches] == [0.02, 0.04, 0.08, 0.1, 0.1, 0.1]
    assert {frozenset(wanted) for wanted, _ in loop.fetches} == {frozenset({P1})}


async def test_a_delivery_makes_the_next_fetch_short_again(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Things are moving."""
    await scripted.started()
    scripted.lane.gate(P0)
    scripted.fetched += [{}, {}, {P1: records(1)}]
    loop = Loop(scripted, monkeypatch, 4)
    await loop.run()
    assert [seconds for _, seconds in loop.fetches] == [0.02, 0.04, 0.08, 0.01]


async def test_without_any_credit_it_waits_to_be_woken(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is fetched meanwhile."""
    await scripted.started()
    scripted.lane.gate(P0, P1)
    loop = Loop(scripted, monkeypatch, 3)
    await loop.run()
    assert (loop.fetches, loop.waits) == ([], 3)
    assert not scripted.asked


async def test_without_any_partition_it_waits_to_be_woken(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to fetch."""
    scripted.assigned = set()
    await scripted.started()
    loop = Loop(scripted, monkeypatch, 2)
    await loop.run()
    assert (loop.fetches, loop.waits) == ([], 2)


async def test_a_long_wait_for_credit_polls_for_nothing(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """aiokafka leaves the group when nobody polls: an empty poll of no partition counts."""
    await scripted.started()
    monkeypatch.setattr(lane_consumer, "POLL_SECONDS_WAITING", 0)
    await scripted.consumer._wait_for_credit()
    assert scripted.asked == [({NOWHERE}, 0)]
    scripted.asked.clear()
    monkeypatch.setattr(lane_consumer, "POLL_SECONDS_WAITING", 60)
    scripted.consumer._woken.set()
    await scripted.consumer._wait_for_credit()
    assert not scripted.asked


async def test_enough_acknowledgements_are_committed_in_between(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By count, beside the clock; the count begins anew."""
    await scripted.started()
    scripted.consumer._commit_every, scripted.consumer._n_acked = 3, 3
    await Loop(scripted, monkeypatch, 2).run()
    assert (len(scripted.commits), scripted.consumer._n_acked) == (1, 0)
    scripted.consumer._n_acked = 2
    await Loop(scripted, monkeypatch, 1).run()
    assert len(scripted.commits) == 1
    scripted.consumer._commit_every, scripted.consumer._n_acked = None, 9
    await Loop(scripted, monkeypatch, 1).run()
    assert len(scripted.commits) == 1


async def test_while_the_flow_stands_the_loop_waits_for_it(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """A seek is under way."""
    await scripted.started()
    scripted.consumer.stop_flow()
    loop = Loop(scripted, monkeypatch, 1)
    waited: list[Any] = []

    async def wait(event: Any) -> None:
        waited.append(event)
        scripted.consumer.resume_flow()

    monkeypatch.setattr(scripted.consumer, "wait", wait)
    await loop.run()
    assert waited == [scripted.consumer.can_resume_flow]
    assert len(loop.fetches) == 1


async def test_an_error_of_the_fetch_ends_the_loop_unless_we_are_stopping(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A consumer that was stopped under it is no fault of a process that ends."""
    await scripted.started()
    stopped = scripted.consumer.consumer_stopped_errors[0]

    async def fails(wanted: set[TP], timeout: float) -> None:
        raise stopped

    monkeypatch.setattr(scripted.consumer, "_fetch", fails)
    fetcher = SimpleNamespace(_stopped=asyncio.Event())
    with pytest.raises(stopped):
        await scripted.consumer._drain_messages(fetcher)
    monkeypatch.setattr(type(scripted.app), "should_stop", True)
    await scripted.consumer._drain_messages(fetcher)


# -- rebalance and stop


async def _nothing(*_: Any, **__: Any) -> None:
    """What Faust does by itself."""


async def test_revoked_partitions_are_handed_back_before_their_rows_go(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The flow stops, the hooks run, what is acknowledged is committed; then the windows close and the rows go."""
    monkeypatch.setattr(driver.Consumer, "on_partitions_revoked", _nothing)
    rows = table_rows(
        scripted.app, "orders", partitions=2, merge=lambda key, old, new: new, on_unreadable=lambda *_: b""
    )
    order: list[str] = []

    async def hook() -> None:
        order.append(f"hook, flow {scripted.consumer.flow_active}, commits {len(scripted.commits)}")

    async def revoke() -> None:
        order.append(f"rows, windows {len(scripted.lane.windows)}, commits {len(scripted.commits)}")

    monkeypatch.setattr(rows, "require", lambda numbers: None)
    monkeypatch.setattr(rows, "revoke", revoke)
    scripted.lane.on_revoking(hook)
    await scripted.started()
    scripted.app.flow_control.resume()
    revocations = scripted.consumer._revocations
    await scripted.consumer.on_partitions_revoked({P0, P1})
    assert order == ["hook, flow False, commits 0", "rows, windows 0, commits 1"]
    assert not scripted.app.flow_control.is_active()
    assert scripted.consumer._revocations == revocations + 1
    assert not scripted.crashes


async def test_an_assignment_counts_from_the_revocations_before_it(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A seek after it knows whether another rebalance has begun."""
    told: list[Any] = []

    async def assigned(self: Any, tps: set[TP], generation: int = 0) -> None:
        told.append((tps, generation))

    monkeypatch.setattr(driver.Consumer, "on_partitions_assigned", assigned)
    scripted.consumer._revocations = 4
    await scripted.consumer.on_partitions_assigned({P0}, 9)
    assert told == [({P0}, 9)]
    await scripted.started()
    assert set(scripted.lane.windows) == {P0, P1}


async def test_a_stop_hands_everything_back(scripted: Scripted) -> None:
    """Faust asks for it when it stops."""
    await scripted.started()
    await scripted.consumer.wait_empty()
    assert len(scripted.commits) == 1 and scripted.lane.windows == {}


async def test_what_fails_on_the_way_ends_the_process_and_is_not_raised(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """aiokafka only logs what a listener raises, and a stop that raises never ends."""
    await scripted.started()

    async def fails() -> bool:
        raise RuntimeError("the broker is away")

    monkeypatch.setattr(scripted.consumer, "commit", fails)
    await scripted.consumer.wait_empty()
    assert [str(error) for error in scripted.crashes] == ["the broker is away"]
    assert scripted.lane.broken and scripted.lane.windows == {}


async def test_handing_back_has_half_of_the_rebalances_time(
    scripted: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The broker waits for all members' time-out, and the commit needs its share."""
    told: list[float] = []

    async def handed(lane: Lane, commit: Any, within: float) -> None:
        told.append(within)

    monkeypatch.setattr(lane_consumer, "hand_back", handed)
    await scripted.consumer.wait_empty()
    assert told == [15.0]


# -- recovery


async def test_recovery_is_the_stores_own(scripted: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    """Faust has nothing to read of their changelogs and seeks none of them; the rows are restored before it goes on."""
    rows = table_rows(
        scripted.app, "orders", partitions=2, merge=lambda key, old, new: new, on_unreadable=lambda *_: b""
    )
    recovery = scripted.app.tables.recovery
    table = scripted.app.tables["orders"]
    plain = TP("plain-changelog", 0)
    recovery.tp_to_table = {LOG: table, plain: SimpleNamespace(data={})}
    recovery.active_highwaters[LOG] = 41
    base = type(recovery).__mro__[1]
    told: list[Any] = []

    async def build(self: Any, consumer: Any, tps: set[TP], destination: Any, title: str) -> None:
        told.append(("build", set(tps), title))

    async def seek(self: Any, consumer: Any, tps: set[TP], offsets: Any, title: str) -> None:
        told.append(("seek", set(tps), title))

    async def completed(self: Any, generation_id: int = 0) -> None:
        told.append(("completed", generation_id))

    async def restore(numbers: set[int]) -> None:
        told.append(("restore", numbers))

    monkeypatch.setattr(base, "_build_offsets", build)
    monkeypatch.setattr(base, "_seek_offsets", seek)
    monkeypatch.setattr(base, "on_recovery_completed", completed)
    monkeypatch.setattr(rows, "restore", restore)
    offsets: dict[TP, int] = {LOG: 3, plain: 5}
    await recovery._build_offsets(scripted.consumer, {LOG, plain}, offsets, "active")
    assert offsets == {LOG: 41, plain: 5}
    standby: dict[TP, int] = {LOG: 3}
    await recovery._build_offsets(scripted.consumer, {LOG}, standby, "standby")
    assert standby == {LOG: 3}
    await recovery._seek_offsets(scripted.consumer, {LOG, plain}, offsets, "active")
    recovery.actives_for_table[table] = {LOG, TP(LOG.topic, 1)}
    await recovery.on_recovery_completed(9)
    assert told == [
        ("build", {LOG, plain}, "active"),
        ("build", {LOG}, "standby"),
        ("seek", {plain}, "active"),
        ("restore", {0, 1}),
        ("completed", 9),
    ]


async def test_a_window_of_another_generation_is_stale(scripted: Scripted) -> None:
    """The group has moved on, as its coordinator knows before Faust does."""
    await scripted.started()
    window: Window = scripted.lane.windows[P0]
    assert not window.stale
    scripted.consumer._thread.current_generation = lambda: 8
    assert not window.stale, "a window asks the thread that it was opened with"
