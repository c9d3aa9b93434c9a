"""The gate as a whole, on a turned clock (P01-P03, E02, I12): what passes, what waits, and what each ending means."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from itertools import pairwise

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.clock import SystemClock
from agents.gate import Gate, GateSettings
from agents.gate.breaker import BreakerState
from streams.adapter import (
    Calls,
    InDoubt,
    Limits,
    Refused,
    RetryAfter,
    SignInRefused,
    Throttled,
    Unavailable,
    VendorError,
)
from streams.vocabulary import CommandClass, ErrorKind
from tests.clock import TurnedClock

MONEY, GOODS, BULK = CommandClass.MONEY, CommandClass.GOODS, CommandClass.BULK


@dataclass
class Bench:
    """A gate, its clock, and a vendor that notes what reaches it."""

    clock: TurnedClock
    gate: Gate
    sent: list[tuple[float, str]] = field(default_factory=list)
    in_flight: int = 0
    most_in_flight: int = 0
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def send(
        self, calls: Calls, command_id: str, seconds: float, ending: BaseException | None, write: bool
    ) -> None:
        async with calls.call("create", write=write):
            self.sent.append((self.clock.elapsed(), command_id))
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            try:
                await self.clock.sleep(seconds)
            finally:
                self.in_flight -= 1
            if ending is not None:
                raise ending

    def start(
        self,
        command_id: str,
        klass: CommandClass = MONEY,
        *,
        seconds: float = 1,
        ending: BaseException | None = None,
        write: bool = True,
        calls: int = 1,
    ) -> asyncio.Task[None]:
        """A command that makes its calls and is then over; how its last one ends is swallowed if the vendor's."""

        async def run() -> None:
            async with self.gate.slot(klass, command_id) as slot:
                try:
                    for n in range(calls):
                        last = n == calls - 1
                        await self.send(slot, command_id, seconds, ending if last else None, write)
                except (VendorError, OSError, aiohttp.ClientError):
                    return

        self.tasks.append(asyncio.create_task(run()))
        return self.tasks[-1]

    @property
    def finished(self) -> bool:
        return all(task.done() for task in self.tasks)


def bench(before_send: Callable[[], None] | None = None, seed: int = 1, **changes: float) -> Bench:
    clock = TurnedClock()
    chosen = GateSettings(**changes)  # type: ignore[arg-type]  # counts and seconds, by name
    rng = random.Random(seed)
    return Bench(clock, Gate(chosen, clock, rng, before_send) if before_send else Gate(chosen, clock, rng))


async def rest(it: Bench) -> None:
    """All came to an end, and the gate holds nothing and waits for nothing."""
    await it.clock.until(lambda: it.finished)
    await it.clock.settle()
    for task in it.tasks:
        if not task.cancelled():
            task.result()
    now = it.gate.snapshot()
    assert (now.slots, now.in_flight, now.calls_waiting, sum(now.waiting.values())) == (0, 0, 0, 0)
    assert it.clock.sleeping == 0, "a timer was left behind"


async def test_the_limit_is_held_and_used_whole() -> None:
    """Twenty commands of a second on an account of five: five at once, never six, done in four seconds."""
    it = bench(concurrency=5)
    for n in range(20):
        it.start(f"c{n}")
    await it.clock.advance(0.5)
    assert it.gate.snapshot().in_flight == 5
    await rest(it)
    assert it.most_in_flight == 5
    assert it.clock.elapsed() == 4


async def test_head_room_is_left_to_others() -> None:
    """An account of five with two left to somebody else's integration."""
    it = bench(concurrency=5, head_room=2)
    for n in range(9):
        it.start(f"c{n}")
    await rest(it)
    assert it.most_in_flight == 3


async def test_classes_share_by_weight_while_all_wait() -> None:
    """Of the first hundred sent, 70 are money, 20 goods, 10 bulk; and then all the rest is done too."""
    it = bench(concurrency=1)
    for n in range(100):
        for klass in CommandClass:
            it.start(f"{klass}-{n}", klass)
    await it.clock.until(lambda: len(it.sent) == 101)
    assert Counter(name.split("-")[0] for _, name in it.sent[1:]) == {"money": 70, "goods": 20, "bulk": 10}
    await rest(it)
    assert len(it.sent) == 300


async def test_a_backlog_drains_in_order() -> None:
    """P03: first come, first served within a class."""
    it = bench(concurrency=3)
    names = [f"c{n}" for n in range(30)]
    for name in names:
        it.start(name)
    await rest(it)
    assert [name for _, name in it.sent] == names


async def test_a_throttle_freezes_everything_until_it_is_due() -> None:
    """Retry-After 30: nothing is sent before, the next right then; and the limit is cut once."""
    it = bench(concurrency=10)
    for n in range(10):
        it.start(f"t{n}", ending=Throttled("slow down", RetryAfter(30)))
    await it.clock.advance(1)
    for n in range(20):
        it.start(f"c{n}")
    await it.clock.advance(29.9)
    now = it.gate.snapshot()
    assert (len(it.sent), now.frozen_until, now.limit, now.totals.cuts) == (10, 31, 7, 1)
    assert now.paused == "asked to stay away for 0 s more"
    assert now.last_fault == "create: Throttled: slow down"
    await it.clock.advance(0.2)
    assert [moment for moment, _ in it.sent[10:]] == [31] * 7
    await rest(it)


async def test_a_freeze_holds_the_next_call_of_a_command_under_way() -> None:
    """A command between two calls waits, too."""
    it = bench(concurrency=2)
    it.start("two calls", calls=2)
    it.start("throttled", seconds=0.5, ending=Throttled("no", RetryAfter(10)))
    await rest(it)
    assert it.sent[-1] == (10.5, "two calls")


async def test_throttles_that_say_nothing_are_met_with_growing_pauses() -> None:
    """NetSuite's 429 has no Retry-After: a pause of 0.1 to 0.2 s, then twice that, then twice again."""
    it = bench(concurrency=1)
    for n in range(4):
        it.start(f"c{n}", seconds=0, ending=Throttled("concurrency"))
    await it.clock.until(lambda: len(it.sent) == 4)
    moments = [moment for moment, _ in it.sent]
    pauses = [later - earlier for earlier, later in pairwise(moments)]
    assert [0.1 <= pauses[0] <= 0.2, 0.2 <= pauses[1] <= 0.4, 0.4 <= pauses[2] <= 0.8] == [True] * 3
    await rest(it)


async def test_an_answer_makes_the_next_pause_short_again() -> None:
    """Four throttles, an answer, a throttle: the pause is 0.1 to 0.2 s again, after a call of 0.1 s."""
    it = bench(concurrency=1)
    for n in range(7):
        it.start(f"c{n}", seconds=0.1, ending=None if n in (4, 6) else Throttled("concurrency"))
    await rest(it)
    moments = [moment for moment, _ in it.sent]
    assert moments[4] - moments[3] >= 0.8 + 0.1
    assert moments[6] - moments[5] <= 0.2 + 0.1


async def test_calls_per_window_are_held_and_used() -> None:
    """Twenty calls in any ten seconds, whichever command makes them."""
    it = bench(concurrency=8, calls_per_window=20, window_seconds=10)
    for n in range(30):
        it.start(f"c{n}", seconds=0.1, calls=2)
    await rest(it)
    moments = [moment for moment, _ in it.sent]
    assert len(moments) == 60
    assert max(sum(start <= other < start + 10 for other in moments) for start in moments) == 20
    assert it.clock.elapsed() < 22


async def test_past_the_deadline_the_call_is_cut_off() -> None:
    """A hung call ends as TimeoutError outside the block after 8 s, and frees its place."""
    it = bench(concurrency=4)
    seen: list[str] = []

    async def hang() -> None:
        async with it.gate.slot(MONEY, "hung") as slot:
            try:
                async with slot.call("create", write=True):
                    try:
                        await it.clock.sleep(1000)
                    except asyncio.CancelledError:
                        seen.append("cancelled inside")
                        raise
            except TimeoutError:
                seen.append("time-out outside")

    it.tasks.append(asyncio.create_task(hang()))
    await it.clock.advance(7.9)
    assert seen == []
    await it.clock.advance(0.1)
    await it.clock.settle()
    assert seen == ["cancelled inside", "time-out outside"]
    now = it.gate.snapshot()
    assert (now.in_flight, now.limit, now.last_fault) == (0, 2, "create: no answer within 8 s")
    await rest(it)


async def test_the_deadline_does_not_count_the_wait_for_the_window() -> None:
    """A call that waited a minute for its turn still has its eight seconds."""
    it = bench(concurrency=2, calls_per_window=1, window_seconds=60)
    it.start("first")
    it.start("second", seconds=7)
    await rest(it)
    assert it.gate.snapshot().totals.answered == 2


async def test_an_outage_is_met_with_one_probe_at_a_time_and_drains_after_it() -> None:
    """I14, E02: during ten minutes down few calls are sent, one at once; then everything passes."""
    it = bench(concurrency=10)
    up = 600.0

    async def persistent(command_id: str) -> None:
        while True:
            async with it.gate.slot(MONEY, command_id) as slot:
                ending = Unavailable("refused") if it.clock.elapsed() < up else None
                try:
                    await it.send(slot, command_id, 0.1, ending, True)
                    return
                except Unavailable:
                    pass

    it.tasks = [asyncio.create_task(persistent(f"c{n}")) for n in range(50)]
    await it.clock.advance(5)
    it.most_in_flight = 0
    sent = len(it.sent)
    await it.clock.advance(590)
    assert it.most_in_flight == 1
    assert 8 <= len(it.sent) - sent <= 30
    assert it.gate.snapshot().breaker is not BreakerState.CLOSED
    assert max(it.gate.held_against(f"c{n}") for n in range(50)) == 1
    await it.clock.until(lambda: it.finished, within=120)
    assert it.clock.elapsed() < up + 62
    await rest(it)


async def test_holders_of_every_slot_cannot_block_the_probe() -> None:
    """All slots are held by commands between two calls when the breaker opens: one of them is the probe."""
    it = bench(concurrency=5)
    for n in range(5):
        it.start(f"fails{n}", seconds=0.5, ending=Unavailable("down"))
    await it.clock.advance(0)
    it.tasks.clear()
    for n in range(5):
        it.start(f"two calls {n}", calls=2, seconds=0.7)
    await rest(it)
    assert it.gate.snapshot().totals.opened == 1


async def test_refused_sign_in_makes_the_account_wait_at_once() -> None:
    """One refusal of our credentials, and nothing more is sent for a while; no command is to blame."""
    it = bench(concurrency=1)
    it.start("first", seconds=0, ending=SignInRefused("invalid token"))
    it.start("second")
    await it.clock.advance(0.9)
    assert len(it.sent) == 1
    assert it.gate.held_against("first") == 0
    assert it.gate.snapshot().paused.startswith("not answering; next try in")
    await rest(it)
    assert len(it.sent) == 2


@pytest.mark.parametrize(
    "ending",
    [
        Refused(ErrorKind.CLOSED, "order closed"),
        Throttled("no", RetryAfter(0.001)),
        ValueError("a fault of our own"),
        None,
    ],
)
async def test_what_is_no_outage_never_opens_the_breaker(ending: Exception | None) -> None:
    """A hundred refusals, throttles or bugs: the account is healthy."""
    it = bench(concurrency=5)
    for n in range(100):
        it.start(f"c{n}", seconds=0.01, ending=ending)
    await it.clock.until(lambda: it.finished)
    await asyncio.gather(*it.tasks, return_exceptions=True)
    assert it.gate.snapshot().breaker is BreakerState.CLOSED
    assert it.gate.snapshot().totals.opened == 0


@pytest.mark.parametrize(
    "ending",
    [InDoubt("reset"), Unavailable("down"), TimeoutError(), ConnectionResetError(), aiohttp.ServerDisconnectedError()],
)
async def test_what_is_an_outage_opens_the_breaker(ending: Exception) -> None:
    """Five different commands, each kind of failure."""
    it = bench(concurrency=5)
    for n in range(5):
        it.start(f"c{n}", ending=ending)
    await it.clock.advance(1)
    assert it.gate.snapshot().breaker is BreakerState.OPEN
    await rest(it)


async def test_a_command_slow_by_itself_does_not_cut_the_limit_again_and_again() -> None:
    """It times out each time while others succeed: one cut, made good again, and it is held against the command."""
    it = bench(concurrency=3)
    for n in range(6):
        it.start("slow", seconds=100)
        await it.clock.advance(9)
        for m in range(6):
            it.start(f"c{n}-{m}")
        await it.clock.advance(7)
    now = it.gate.snapshot()
    assert (now.totals.cuts, now.limit, now.breaker) == (1, 3, BreakerState.CLOSED)
    assert it.gate.held_against("slow") == 6
    it.gate.forget("slow")
    assert it.gate.held_against("slow") == 0
    await rest(it)


async def test_after_a_take_over_nothing_passes_before_the_predecessors_deadline() -> None:
    """I12: its calls may still be in flight, so its places stay reserved; its window counts as used."""
    it = bench(concurrency=5, calls_per_window=100, window_seconds=10)
    it.gate.reserve(8)
    it.start("c")
    await it.clock.advance(7.5)
    assert it.gate.snapshot().paused == "taking over: calls of the previous owner may run 0 s more"
    await rest(it)
    assert it.sent == [(18, "c")]


async def test_after_a_take_over_without_a_window_work_starts_at_the_deadline() -> None:
    """No longer than needed."""
    it = bench(concurrency=5)
    it.gate.reserve(8)
    it.start("c")
    await rest(it)
    assert it.sent == [(8, "c")]


async def test_a_probe_stopped_by_a_lost_lease_leaves_the_way_to_the_next() -> None:
    """Not sent is neither up nor down."""
    checks = iter([None, PermissionError("the lease is lost"), None])

    def lease() -> None:
        if fault := next(checks):
            raise fault

    it = bench(lease, concurrency=1)
    for n in range(3):
        it.start(f"c{n}", ending=None if n else SignInRefused("no"))
    await rest(it)
    assert [name for _, name in it.sent] == ["c0", "c2"]


async def test_the_lease_is_checked_right_before_each_write_and_stops_it() -> None:
    """A lost lease leaves the call unsent, uses up nothing, and says nothing about the account."""
    checks: list[float] = []
    lost = False

    def lease() -> None:
        checks.append(it.clock.elapsed())
        if lost:
            raise PermissionError("the lease is lost")

    it = bench(lease, concurrency=1, calls_per_window=2, window_seconds=60)
    it.start("read", write=False)
    it.start("write")
    it.start("waits for the window")
    await it.clock.advance(3)
    assert checks == [1]
    lost = True
    await it.clock.until(lambda: it.finished)
    assert checks == [1, 61]
    assert [name for _, name in it.sent] == ["read", "write"]
    now = it.gate.snapshot()
    assert (now.totals.calls, now.totals.failed, now.window_used, now.slots) == (2, 0, 1, 0)


async def test_a_read_has_a_check_of_its_own() -> None:
    """A worker that woke up too late must not even read: its calls would come on top of its successor's."""

    def evicted() -> None:
        raise PermissionError("perhaps evicted")

    clock = TurnedClock()
    gate = Gate(GateSettings(concurrency=1, deadline_seconds=8), clock, random.Random(1), before_read=evicted)
    async with gate.slot(CommandClass.MONEY, "c") as slot:
        async with slot.call("write", write=True):
            pass
        with pytest.raises(PermissionError):
            async with slot.call("read back"):
                raise AssertionError("it was sent")
    assert (gate.snapshot().totals.calls, gate.snapshot().slots) == (1, 0)


async def test_a_cancelled_waiter_leaves_the_line() -> None:
    """Whoever waits for a slot or for the window may be cancelled; the others go on."""
    it = bench(concurrency=2, calls_per_window=2, window_seconds=10)
    it.start("a", calls=2)
    it.start("b")
    waits = it.start("c")
    await it.clock.advance(1.5)
    it.tasks[0].cancel()
    waits.cancel()
    await it.clock.settle()
    now = it.gate.snapshot()
    assert (now.slots, now.calls_waiting, now.waiting[MONEY]) == (0, 0, 0)
    it.start("d")
    await rest(it)
    assert [name for _, name in it.sent] == ["a", "b", "d"]


async def test_a_cancelled_holder_frees_its_slot() -> None:
    """In the middle of a call: the place is free at once, the account is not blamed."""
    it = bench(concurrency=1)
    held = it.start("a", seconds=5)
    it.start("b")
    await it.clock.advance(1)
    held.cancel()
    await rest(it)
    assert it.sent == [(0, "a"), (1, "b")]
    assert it.gate.snapshot().totals.failed == 0
    assert it.gate.snapshot().last_fault == ""


async def test_a_waiter_granted_and_cancelled_in_one_turn_gives_its_place_back() -> None:
    """The slot is granted, and before the task runs it is cancelled: nothing leaks."""
    it = bench(concurrency=1)
    async with it.gate.slot(MONEY, "a"):
        granted = it.start("b")
        await it.clock.settle()
    assert it.gate.snapshot().slots == 1
    granted.cancel()
    it.start("c")
    await rest(it)
    assert [name for _, name in it.sent] == ["c"]


async def test_a_waiter_cancelled_in_the_turn_it_would_be_granted_is_passed_over() -> None:
    """The place goes to the next in line."""
    it = bench(concurrency=1)
    async with it.gate.slot(MONEY, "a"):
        cancelled = it.start("b")
        it.start("c")
        await it.clock.settle()
        cancelled.cancel()
    await rest(it)
    assert [name for _, name in it.sent] == ["c"]


@pytest.mark.parametrize("when", ["before the grant", "after the grant"])
async def test_a_call_cancelled_in_the_turn_it_is_granted_gives_its_place_in_the_window_back(when: str) -> None:
    """One is stopped by its lease, the next in line is cancelled in the same turn: the third has the place."""
    next_in_line: list[asyncio.Task[None]] = []

    def lease() -> None:
        if it.clock.elapsed() == 10 and not next_in_line[0].cancelling():
            if when == "before the grant":
                next_in_line[0].cancel()
            raise PermissionError("the lease is lost")

    it = bench(lease, concurrency=4, calls_per_window=1, window_seconds=9)

    async def stopped(calls: Calls) -> None:
        try:
            await it.send(calls, "stopped", 1, None, True)
        except PermissionError:
            next_in_line[0].cancel()

    async with AsyncExitStack() as slots:
        names = ["first", "stopped", "cancelled", "third"]
        held = {name: await slots.enter_async_context(it.gate.slot(MONEY, name)) for name in names}
        for name in names:
            sending = stopped(held[name]) if name == "stopped" else it.send(held[name], name, 1, None, True)
            it.tasks.append(asyncio.create_task(sending))
        next_in_line.append(it.tasks[2])
        await it.clock.until(lambda: it.finished)
    assert it.tasks[2].cancelled()
    await rest(it)
    assert it.sent == [(0, "first"), (10, "third")]


async def test_no_timer_is_left_when_nobody_waits() -> None:
    """The only waiter of a frozen gate is cancelled: nothing wakes up for nobody."""
    it = bench(concurrency=1)
    it.start("throttled", seconds=0, ending=Throttled("no", RetryAfter(30)))
    waits = it.start("waits")
    await it.clock.advance(0)
    assert it.clock.sleeping == 1
    waits.cancel()
    await rest(it)


async def test_a_cancelled_probe_leaves_the_way_to_the_next() -> None:
    """Otherwise a rebalance during the probe would shut the account for ever."""
    it = bench(concurrency=1)
    it.start("sign-in", seconds=0, ending=SignInRefused("no"))
    await it.clock.settle()
    probe = it.start("probe", seconds=5)
    it.start("next")
    await it.clock.until(lambda: len(it.sent) == 2)
    probe.cancel()
    await rest(it)
    assert it.gate.snapshot().breaker is BreakerState.CLOSED


async def test_a_slot_makes_one_call_at_a_time_and_none_after_it_was_left() -> None:
    """Otherwise an adapter could pass the account's limit behind the gate's back."""
    it = bench(concurrency=1)
    async with it.gate.slot(MONEY, "c") as slot:
        async with slot.call("one"):
            with pytest.raises(RuntimeError, match="one call at a time"):
                async with slot.call("two"):
                    pass
        async with slot.call("after"):
            pass
    with pytest.raises(RuntimeError, match="none after it was left"):
        async with slot.call("late"):
            pass


def test_settings_come_from_what_the_adapter_declares() -> None:
    """The account's own limits, nothing else."""
    chosen = GateSettings.from_limits(
        Limits(concurrency=15, calls_per_window=20, window_seconds=10, deadline_seconds=4)
    )
    assert (chosen.ceiling, chosen.calls_per_window, chosen.window_seconds, chosen.deadline_seconds) == (15, 20, 10, 4)


endings = st.sampled_from(
    [None] * 4
    + [Unavailable("x"), InDoubt("x"), Throttled("x", RetryAfter(3)), Throttled("x"), SignInRefused("x"), KeyError("x")]
)
command = st.tuples(
    st.sampled_from(CommandClass),
    st.integers(0, 30),  # tenths of a second before it comes
    st.integers(0, 120),  # tenths of a second for each call: some pass the deadline
    endings,
    st.integers(1, 3),  # calls
    st.none() | st.integers(0, 50),  # tenths of a second after which it is cancelled
    st.booleans(),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(command, max_size=25), st.integers(1, 4), st.integers(0, 4), st.integers(0, 99))
def test_limits_hold_and_everything_ends_whatever_happens(
    script: list[tuple[CommandClass, int, int, Exception | None, int, int | None, bool]],
    concurrency: int,
    calls_per_window: int,
    seed: int,
) -> None:
    """Failures, throttles, hangs, bugs, cancellations mixed: limits hold, nothing hangs, nothing leaks (I12, I14)."""

    async def play() -> None:
        it = bench(seed=seed, concurrency=concurrency, calls_per_window=calls_per_window, window_seconds=5)
        for n, (klass, wait, lasts, ending, calls, cancelled, write) in enumerate(script):
            await it.clock.advance(wait / 10)
            task = it.start(f"c{n}", klass, seconds=lasts / 10, ending=ending, calls=calls, write=write)
            if cancelled is not None:
                it.tasks.append(asyncio.create_task(cancel_later(it, task, cancelled / 10)))
        await it.clock.until(lambda: it.finished)
        await asyncio.gather(*it.tasks, return_exceptions=True)
        it.tasks.clear()
        await rest(it)
        assert it.most_in_flight <= concurrency
        moments = [moment for moment, _ in it.sent]
        if calls_per_window:
            assert all(sum(start <= m < start + 5 for m in moments) <= calls_per_window for start in moments)

    asyncio.run(play())


async def cancel_later(it: Bench, task: asyncio.Task[None], seconds: float) -> None:
    sleep: Awaitable[None] = it.clock.sleep(seconds)
    await sleep
    task.cancel()


async def test_it_works_on_the_machines_own_clock() -> None:
    """A window and a deadline of some milliseconds, for real: paced, cut off, nothing stuck."""
    clock = SystemClock()
    gate = Gate(
        GateSettings(concurrency=4, calls_per_window=2, window_seconds=0.02, deadline_seconds=0.01),
        clock,
        random.Random(1),
    )
    moments: list[float] = []

    async def run(number: int) -> None:
        async with gate.slot(MONEY, f"c{number}") as slot, slot.call("read"):
            moments.append(clock.elapsed())
            if number == 3:
                await asyncio.Event().wait()

    async with asyncio.timeout(10):
        endings = await asyncio.gather(*(run(n) for n in range(8)), return_exceptions=True)
    assert [type(ending) for ending in endings] == [type(None)] * 3 + [TimeoutError] + [type(None)] * 4
    assert all(sum(start <= moment < start + 0.02 for moment in moments) <= 2 for start in moments)
