"""Credit, gates, turns and handing back: what a lane hands over, and what it keeps back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any

import pytest
from faust.types import TP

from agents.lane import Batch, Lane, TurnRefused, batches, stream_batches
from agents.lane.batch import Turn, Window
from agents.lane.delivery import Delivery, hand_back

ONE, TWO = TP("one", 0), TP("two", 0)


def window() -> Window:
    return Window(1, lambda: 1)


def records(count: int, first: int = 0) -> list[Any]:
    return [SimpleNamespace(offset=offset) for offset in range(first, first + count)]


def batch_of(made: Window, tp: TP = ONE, last: int = 9) -> Batch:
    return Batch(tp, records(1, last), made, lambda batch: None)


class Handed:
    """A lane of two topics, and what it handed over."""

    def __init__(self, depth: int = 2, size: int = 3) -> None:
        self.lane = Lane(None, {"one": size, "two": 10}, depth, None)
        self.batches: list[Batch] = []
        self.acked: list[Batch] = []
        self.delivery = Delivery(self.lane, self.batches.append, self.acked.append)
        self.lane.open_windows({ONE: window(), TWO: window()})

    @property
    def offsets(self) -> list[list[int]]:
        return [[record.offset for record in batch.records] for batch in self.batches]


def test_what_is_held_is_handed_over_in_batches_as_far_as_the_credit_goes() -> None:
    """Three at a time, two batches open; an acknowledgement makes room for one more; nothing is left out."""
    handed = Handed()
    assert handed.delivery.hold(ONE, records(8))
    assert handed.delivery.deliver(ONE) == 2
    assert handed.offsets == [[0, 1, 2], [3, 4, 5]]
    assert handed.delivery.deliver(ONE) == 0
    assert handed.batches[0].ack()
    assert handed.acked == [handed.batches[0]]
    assert handed.delivery.deliver(ONE) == 1
    assert [record.offset for record in handed.batches[2].records] == [6, 7]
    assert [batch.end for batch in handed.batches] == [3, 6, 8]


def test_what_comes_later_waits_behind_what_is_held() -> None:
    """One line for each partition, in the order of the log."""
    handed = Handed(depth=9)
    handed.delivery.hold(ONE, records(2))
    handed.delivery.hold(ONE, records(2, 2))
    handed.delivery.hold(TWO, records(1, 7))
    assert (handed.delivery.deliver(ONE), handed.delivery.deliver(TWO)) == (2, 1)
    assert handed.offsets == [[0, 1, 2], [3], [7]]
    assert [batch.tp for batch in handed.batches] == [ONE, ONE, TWO]


def test_only_what_has_credit_and_nothing_held_is_fetched() -> None:
    """What waits for credit or stands at a gate is not fetched further."""
    handed = Handed(depth=1)
    assert handed.delivery.wanted() == {ONE, TWO}
    handed.delivery.hold(ONE, records(4))
    assert handed.delivery.wanted() == {TWO}
    assert handed.delivery.deliver(ONE) == 1
    assert handed.delivery.wanted() == {TWO}
    handed.batches[0].ack()
    assert handed.delivery.deliver(ONE) == 1
    assert handed.delivery.wanted() == {TWO}  # nothing is held, but there is no credit
    handed.batches[1].ack()
    assert handed.delivery.wanted() == {ONE, TWO}
    handed.lane.gate(TWO)
    assert handed.delivery.wanted() == {ONE}


def test_a_gate_holds_back_and_loses_nothing() -> None:
    """Closed: nothing is handed over. Open again: all of it, and whoever fetches is woken."""
    handed = Handed()
    woken: list[int] = []
    handed.lane.wake = lambda: woken.append(1)
    handed.lane.gate(ONE)
    assert handed.lane.gated(ONE) and not handed.lane.gated(TWO)
    handed.delivery.hold(ONE, records(2))
    assert handed.delivery.deliver(ONE) == 0
    assert not woken
    handed.lane.ungate(ONE)
    assert woken == [1]
    assert handed.delivery.deliver(ONE) == 1
    handed.lane.ungate(ONE)  # of what is not gated


def test_nothing_is_held_or_handed_over_of_what_is_not_ours() -> None:
    """The partition went while the fetch was under way."""
    handed = Handed()
    handed.lane.close_windows()
    assert not handed.delivery.hold(ONE, records(1))
    assert handed.delivery.deliver(ONE) == 0
    assert handed.delivery.wanted() == set()
    handed.lane.open_windows({ONE: window()})
    handed.delivery.hold(ONE, records(1))
    handed.lane.close_windows()
    assert handed.delivery.deliver(ONE) == 0
    assert handed.delivery.holding() == [ONE]


def test_a_seek_forgets_what_is_held() -> None:
    """It will be fetched again."""
    handed = Handed()
    handed.delivery.hold(ONE, records(1))
    handed.delivery.forget()
    assert handed.delivery.deliver(ONE) == 0
    assert handed.delivery.holding() == []


def test_opening_windows_closes_the_former_and_ends_the_handing_back() -> None:
    """A batch of before is stale from then on, and whoever waits is woken."""
    handed = Handed()
    woken: list[int] = []
    handed.lane.wake = lambda: woken.append(1)
    handed.delivery.hold(ONE, records(1))
    handed.delivery.deliver(ONE)
    handed.lane.handing_back = True
    handed.lane.open_windows({ONE: window()})
    assert handed.batches[0].stale and not handed.batches[0].ack()
    assert not handed.acked
    assert (handed.lane.handing_back, woken) == (False, [1])


# -- handing back


class Committing:
    """Commits, and what they said: False is one that was only waited for."""

    def __init__(self, *answers: bool) -> None:
        self.answers = list(answers)
        self.times = 0

    async def __call__(self) -> bool:
        self.times += 1
        return self.answers.pop(0)


async def test_handing_back_waits_for_the_work_in_hand_and_commits_it() -> None:
    """The hooks run, the batch in hand ends, then the commit; then everything delivered is stale."""
    lane, told, commit = Lane(None, {"one": 1}, 1, None), list[str](), Committing(True)
    made = window()
    lane.open_windows({ONE: made})
    batch = batch_of(made)

    async def hook() -> None:
        told.append("hook")

    assert lane.on_revoking(hook) is hook
    release = asyncio.Event()

    async def work() -> None:
        async with lane.in_hand(batch) as in_time:
            assert in_time
            await release.wait()
            told.append("worked")
            batch.ack()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    handing = asyncio.create_task(hand_back(lane, commit, 60))
    for _ in range(5):
        await asyncio.sleep(0)
    assert (told, commit.times, handing.done()) == (["hook"], 0, False)
    release.set()
    await handing
    await working
    assert (told, commit.times) == (["hook", "worked"], 1)
    assert made.closed and made.committable == 10 and lane.windows == {}
    assert lane.handing_back


async def test_a_commit_that_was_under_way_is_followed_by_one_more() -> None:
    """It does not hold the last acknowledgements."""
    lane, commit = Lane(None, {"one": 1}, 1, None), Committing(False, True)
    lane.open_windows({ONE: window()})
    await hand_back(lane, commit, 60)
    assert commit.times == 2


async def test_work_that_does_not_end_in_time_is_delivered_again() -> None:
    """What is done is committed, and the batch in hand is stale."""
    lane, commit = Lane(None, {"one": 1}, 1, None), Committing(True)
    made = window()
    lane.open_windows({ONE: made})
    batch, stop = batch_of(made), asyncio.Event()

    async def work() -> None:
        async with lane.in_hand(batch):
            await stop.wait()

    working = asyncio.create_task(work())
    await asyncio.sleep(0)
    await hand_back(lane, commit, 0)
    assert commit.times == 1
    assert batch.stale and not batch.ack()
    stop.set()
    await working


async def test_hooks_hear_of_a_revocation_before_a_window_was_opened() -> None:
    """What recovery has set to work must stop then, too; there is nothing to commit."""
    lane, commit, told = Lane(None, {"one": 1}, 1, None), Committing(), list[int]()

    async def hook() -> None:
        told.append(1)

    lane.on_revoking(hook)
    await hand_back(lane, commit, 60)
    assert (told, commit.times) == ([1], 0)


async def test_windows_are_closed_whatever_a_hook_or_a_commit_raises() -> None:
    """It is raised all the same, and ends the process."""
    lane = Lane(None, {"one": 1}, 1, None)
    made = window()
    lane.open_windows({ONE: made})

    async def fails() -> bool:
        raise RuntimeError("the broker is away")

    with pytest.raises(RuntimeError):
        await hand_back(lane, fails, 60)
    assert made.closed and lane.windows == {}


# -- turns


async def test_a_turn_excludes_the_batches_of_its_number_and_no_others() -> None:
    """Whatever their topic; a rebalance waits for it."""
    lane = Lane(None, {"one": 1, "two": 1}, 1, None)
    mine, other = window(), window()
    lane.open_windows({ONE: mine, TP("one", 1): other})
    order: list[str] = []

    async def work(batch: Batch, name: str) -> None:
        async with lane.in_hand(batch) as in_time:
            order.append(f"{name} {in_time}")

    assert not lane.busy(0)
    async with lane.turn(0) as turn:
        assert not turn.stale
        assert lane.busy(0) and not lane.busy(1)
        waiting = asyncio.create_task(work(batch_of(mine), "mine"))
        await work(batch_of(other, TP("one", 1)), "other")
        for _ in range(3):
            await asyncio.sleep(0)
        order.append("turn")
        quiet = asyncio.create_task(lane.quiesce())
        await asyncio.sleep(0)
        assert not quiet.done()
    await waiting
    await quiet
    assert order == ["other True", "turn", "mine False"]  # handing back: it will be delivered again


@pytest.mark.parametrize("why", ["nothing", "other", "stale", "handing back", "broken"])
async def test_a_turn_of_what_is_not_ours_or_about_to_go_is_refused(why: str) -> None:
    """Nothing decided there may take effect; nothing is in hand afterwards."""
    lane = Lane(None, {"one": 1}, 1, None)
    if why != "nothing":
        lane.open_windows({TP("one", 1 if why == "other" else 0): Window(1, lambda: 2 if why == "stale" else 1)})
    lane.handing_back, lane.broken = why == "handing back", why == "broken"
    with pytest.raises(TurnRefused, match="partition 0"):
        async with lane.turn(0):
            pass
    assert not lane.busy(0)
    lane.handing_back = lane.broken = False
    await lane.quiesce()


@pytest.mark.parametrize("why", ["stale", "handing back", "broken"])
async def test_a_batch_that_is_too_late_is_not_begun(why: str) -> None:
    """It will be delivered again."""
    lane = Lane(None, {"one": 1}, 1, None)
    made = Window(1, lambda: 2 if why == "stale" else 1)
    lane.open_windows({ONE: made})
    lane.handing_back, lane.broken = why == "handing back", why == "broken"
    async with lane.in_hand(batch_of(made)) as in_time:
        assert not in_time
        assert not lane._in_hand


async def test_being_cancelled_breaks_nothing() -> None:
    """A turn that is cut off at a stop is not a fault: what waits may go on."""
    lane = Lane(None, {"one": 1}, 1, None)
    lane.open_windows({ONE: window()})
    with pytest.raises(asyncio.CancelledError):
        async with lane.turn(0):
            raise asyncio.CancelledError
    assert not lane.broken
    await lane.quiesce()


async def test_two_in_hand_are_waited_for_both() -> None:
    """Of two partitions; the first to end does not end the wait."""
    lane = Lane(None, {"one": 1}, 1, None)
    lane.open_windows({ONE: window(), TP("one", 1): window()})
    async with lane.turn(1):
        async with lane.turn(0):
            pass
        quiet = asyncio.create_task(lane.quiesce())
        for _ in range(3):
            await asyncio.sleep(0)
        assert not quiet.done()
    await quiet


# -- streams


class Stream:
    """A Faust stream of prepared batches."""

    def __init__(self, lane: Lane, made: list[Batch]) -> None:
        self.app = SimpleNamespace(consumer=SimpleNamespace(lane=lane))
        self._made = made
        self.acknowledges = True

    def noack(self) -> Stream:
        self.acknowledges = False
        return self

    async def events(self) -> AsyncIterator[Any]:
        assert not self.acknowledges
        for batch in self._made:
            yield SimpleNamespace(value=batch)


async def test_a_batch_is_acknowledged_when_the_body_has_finished() -> None:
    """Not while it runs, and one that is too late is passed over."""
    lane = Lane(None, {"one": 1}, 9, None)
    made, late = window(), window()
    late.closed = True
    lane.open_windows({ONE: made})
    first, second = batch_of(made, last=0), batch_of(made, last=1)
    seen: list[Batch] = []
    async for batch in batches(Stream(lane, [first, batch_of(late), second])):
        assert not batch.acked and lane.busy(0)
        seen.append(batch)
    assert seen == [first, second] and first.acked and second.acked
    assert made.committable == 2


async def test_a_body_that_raises_acknowledges_nothing_and_stops_the_lane() -> None:
    """The process is about to end."""
    lane = Lane(None, {"one": 1}, 9, None)
    made = window()
    lane.open_windows({ONE: made})
    batch = batch_of(made)
    reading = batches(Stream(lane, [batch]))
    with pytest.raises(RuntimeError):
        async for _ in reading:
            try:
                raise RuntimeError
            finally:
                await reading.athrow(RuntimeError())  # type: ignore[attr-defined]  # an asynchronous generator
    assert not batch.acked and lane.broken


async def test_a_reader_may_acknowledge_by_itself() -> None:
    """Nothing is acknowledged for it, a rebalance does not wait, and stale batches are not shown."""
    lane = Lane(None, {"one": 1}, 9, None)
    made, late = window(), window()
    late.closed = True
    lane.open_windows({ONE: made})
    first, second = batch_of(made, last=0), batch_of(made, last=1)
    seen = [batch async for batch in stream_batches(Stream(lane, [first, batch_of(late), second]), auto_ack=False)]
    assert seen == [first, second]
    assert not first.acked and not lane.busy(0)
    assert second.ack() and made.committable is None
    assert first.ack() and made.committable == 2


def test_a_batch_knows_its_place() -> None:
    """Its end is the offset after its last record; an acknowledged one lets its records go."""
    made = Window(4, lambda: 4)
    told: list[Batch] = []
    batch = Batch(ONE, records(3, 5), made, told.append)
    assert (batch.end, batch.generation_id, batch.stale, batch.tp) == (8, 4, False, ONE)
    assert batch.ack() and told == [batch]
    assert batch.records == () and not made.open
    assert not Turn(made).stale
