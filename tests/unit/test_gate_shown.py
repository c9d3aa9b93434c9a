"""What a gate shows of itself, its defaults, and its edges: the moments at which something just holds or just ends."""

from __future__ import annotations

import asyncio
import math
import random
from contextlib import suppress
from dataclasses import asdict

import pytest

from agents.gate import DeadRatio, Gate, GateSettings
from agents.gate.breaker import Breaker, BreakerState, Health
from agents.gate.concurrency import Concurrency
from agents.gate.fair import FairQueue
from agents.gate.pause import Freeze, GrowingPause
from agents.gate.settings import GateSnapshot, GateTotals
from agents.gate.suspects import Suspects
from agents.gate.window import Window
from agents.lease import LeaseLost
from streams.adapter import InDoubt, Limits, Refused, RetryAfter, SignInRefused, Throttled, Unavailable
from streams.vocabulary import CLASS_WEIGHTS, CommandClass, ErrorKind
from tests.clock import TurnedClock

MONEY, BULK = CommandClass.MONEY, CommandClass.BULK


class Upper(random.Random):
    """Always the upper end of a span."""

    def uniform(self, a: float, b: float) -> float:
        return b


class Lower(random.Random):
    """Always the lower end of a span."""

    def uniform(self, a: float, b: float) -> float:
        return a


def gate(clock: TurnedClock, **changes: float) -> Gate:
    return Gate(GateSettings(**changes), clock, Upper())  # type: ignore[arg-type]  # counts and seconds, by name


async def call(made: Gate, name: str = "c", *, ending: BaseException | None = None, write: bool = True) -> None:
    """One command with one call; the ending is swallowed."""
    async with made.slot(MONEY, name) as slot:
        with suppress(type(ending) if ending is not None else AssertionError):
            async with slot.call("post", write=write):
                if ending is not None:
                    raise ending


# -- shown


async def test_a_fresh_gate_shows_that_all_is_well() -> None:
    """Nothing waits, nothing is used, no fault so far."""
    clock = TurnedClock()
    await clock.advance(3)
    assert gate(clock, concurrency=4, head_room=1).snapshot() == GateSnapshot(
        at=3,
        in_flight=0,
        slots=0,
        limit=3,
        ceiling=3,
        waiting=dict.fromkeys(CommandClass, 0),
        calls_waiting=0,
        window_used=0,
        window_limit=0,
        breaker=BreakerState.CLOSED,
        breaker_until=0.0,
        frozen_until=0.0,
        reserved_until=0.0,
        last_fault="",
        totals=GateTotals(),
    )


async def test_a_busy_gate_shows_who_waits_and_what_is_in_flight() -> None:
    """A slot without a call, a call in flight, commands that wait by class, places of the window."""
    clock = TurnedClock()
    made = gate(clock, concurrency=2, calls_per_window=5, window_seconds=10)
    held, done = asyncio.Event(), asyncio.Event()

    async def calling() -> None:
        async with made.slot(MONEY, "a") as slot, slot.call("post", write=True):
            held.set()
            await done.wait()

    async def holding() -> None:
        async with made.slot(MONEY, "b"):
            await done.wait()

    async def waiting() -> None:
        async with made.slot(BULK, "d"):
            pass

    tasks = [asyncio.create_task(work()) for work in (calling, holding, waiting, waiting)]
    await clock.settle()
    shown = made.snapshot()
    assert (shown.in_flight, shown.slots, shown.waiting[BULK], shown.waiting[MONEY]) == (1, 2, 2, 0)
    assert (shown.window_used, shown.window_limit, shown.totals.calls) == (1, 5, 1)
    done.set()
    await asyncio.gather(*tasks)
    shown = made.snapshot()
    assert (shown.in_flight, shown.slots, sum(shown.waiting.values()), shown.window_used) == (0, 0, 0, 1)


async def test_totals_tell_how_calls_ended() -> None:
    """Each ending in its own column; the last fault in words, and none for an answer or a refusal."""
    clock = TurnedClock()
    made = gate(clock, failures_to_open=99)
    await call(made)
    await call(made)
    await call(made, ending=Refused(ErrorKind.CLOSED, "closed"))
    assert made.snapshot().last_fault == ""
    await call(made, ending=Throttled("too many", RetryAfter(0)))
    assert made.snapshot().last_fault == "post: Throttled: too many"
    await clock.advance(1)
    await call(made, ending=Unavailable("away"))
    await call(made, ending=InDoubt("cut off"))
    await call(made, ending=ValueError("ours"))
    assert made.snapshot().last_fault == "post: ValueError: ours"
    await call(made, ending=TimeoutError())
    assert made.snapshot().last_fault == "post: no answer within 8 s"
    await call(made, ending=TimeoutError("connect"))
    assert made.snapshot().last_fault == "post: TimeoutError: connect"
    await call(made, ending=SignInRefused("invalid login"))
    shown = made.snapshot()
    assert asdict(shown.totals) == {
        "calls": 10,
        "answered": 2,
        "refused": 1,
        "throttled": 1,
        "failed": 4,
        "sign_in_refused": 1,
        "cuts": shown.totals.cuts,
        "opened": 1,
    }
    assert shown.totals.cuts >= 2


def shown(**changes: object) -> str:
    """Why a gate is paused, in words."""
    plain: dict[str, object] = {
        "at": 100.0,
        "in_flight": 0,
        "slots": 0,
        "limit": 1,
        "ceiling": 1,
        "waiting": {},
        "calls_waiting": 0,
        "window_used": 0,
        "window_limit": 0,
        "breaker": BreakerState.CLOSED,
        "breaker_until": 0.0,
        "frozen_until": 0.0,
        "reserved_until": 0.0,
        "last_fault": "",
        "totals": GateTotals(),
    }
    return GateSnapshot(**{**plain, **changes}).paused  # type: ignore[arg-type]  # a table of fields


def test_a_pause_is_told_in_words() -> None:
    """The take-over before the freeze, the freeze before the outage; what is over is not told."""
    open_ = {"breaker": BreakerState.OPEN, "breaker_until": 130.0}
    assert shown() == ""
    assert shown(reserved_until=108.0, frozen_until=120.0, **open_).startswith("taking over: ")
    assert shown(reserved_until=108.0) == "taking over: calls of the previous owner may run 8 s more"
    assert shown(reserved_until=100.0, frozen_until=120.0, **open_) == "asked to stay away for 20 s more"
    assert shown(frozen_until=100.0, **open_) == "not answering; next try in 30 s"
    assert shown(breaker=BreakerState.HALF_OPEN) == "not answering; trying with one call"


def test_the_states_of_a_breaker_have_the_names_that_are_shown() -> None:
    """In metrics and on the console."""
    assert [state.value for state in BreakerState] == ["closed", "open", "half-open"]


async def test_an_open_breaker_shows_until_when() -> None:
    """While a probe is out nobody can say."""
    clock = TurnedClock()
    made = gate(clock, failures_to_open=1)
    await call(made, ending=Unavailable("away"))
    shown = made.snapshot()
    assert (shown.breaker, shown.breaker_until, shown.totals.opened) == (BreakerState.OPEN, 2.0, 1)
    await clock.advance(2)
    assert made.snapshot().breaker is BreakerState.HALF_OPEN
    async with made.slot(MONEY, "probe") as slot, slot.call("post"):
        shown = made.snapshot()
        assert (shown.breaker, shown.breaker_until) == (BreakerState.HALF_OPEN, 0.0)
    assert made.snapshot().breaker is BreakerState.CLOSED


async def test_a_reservation_ends_at_its_moment_and_a_shorter_one_changes_nothing() -> None:
    """One deadline of the predecessor, no more and no less."""
    clock = TurnedClock()
    made = gate(clock)
    made.reserve(8)
    made.reserve(5)
    assert made.reserved and made.snapshot().reserved_until == 8
    await clock.advance(7.999)
    assert made.reserved
    await clock.advance(0.001)
    assert not made.reserved
    await asyncio.wait_for(call(made), 1)


async def test_a_reservation_that_is_over_already_uses_up_the_window_of_now() -> None:
    """Whenever the predecessor's last call was, it was not later than this."""
    clock = TurnedClock()
    await clock.advance(100)
    made = gate(clock, calls_per_window=1, window_seconds=10)
    made.reserve(8)
    assert not made.reserved
    going = asyncio.create_task(call(made))
    await clock.advance(9.9)
    assert not going.done()
    await clock.advance(0.1)
    assert going.done()


# -- defaults


def test_a_gates_defaults() -> None:
    """What an account has that says nothing of itself."""
    settings = GateSettings()
    assert asdict(settings) == {
        "concurrency": 5,
        "calls_per_window": 0,
        "window_seconds": 0,
        "deadline_seconds": 8,
        "head_room": 0,
        "failures_to_open": 5,
        "failure_memory_seconds": 60,
        "first_pause_seconds": 1,
        "first_freeze_seconds": 0.1,
        "longest_pause_seconds": 60,
    }
    assert GateSettings(concurrency=3, head_room=9).ceiling == 1
    assert GateSettings.from_limits(Limits(concurrency=7), head_room=2).ceiling == 5
    assert GateSettings.from_limits(Limits(concurrency=7)).head_room == 0


def test_the_rule_of_a_bad_deploy_by_default() -> None:
    """Twenty dead, and half of the last two hundred."""
    ratio = DeadRatio()
    assert (ratio.last, ratio.least_dead, ratio.share, ratio.stops) == (200, 20, 0.5, True)
    assert ratio.note(good=20, bug=10, poison=9) is None
    stop = ratio.note(bug=1, good=0)
    assert stop is not None
    assert stop.reason.startswith(
        "20 of the last 40 records could not be processed (11 by a fault in this software, 9 unr"
    )
    assert ratio.note(good=1) is None
    for wrong in ({"share": 0}, {"share": 1.01}, {"least_dead": 0}, {"last": 19}):
        with pytest.raises(ValueError, match="not a stop rule"):
            DeadRatio(**wrong)  # type: ignore[arg-type]  # by name
    DeadRatio(share=1, least_dead=1, last=1)


def test_the_window_of_a_bad_deploy_holds_the_last_records() -> None:
    """Whole batches, and at least so many records; the oldest batch goes once the rest is enough."""
    ratio = DeadRatio(last=10, least_dead=5, share=0.5)
    assert ratio.note(good=10) is None
    assert ratio.note(poison=4) is None
    assert ratio.note(good=0) is None
    assert ratio.note(poison=5) is None  # nine of nineteen
    stop = ratio.note(poison=1)  # the ten good ones are not needed any more
    assert stop is not None and stop.reason.startswith("10 of the last 10")


# -- edges


def breaker(failures: int = 3, memory: float = 60) -> Breaker:
    return Breaker(failures, memory, GrowingPause(1, 60, Upper()))


def attempt(made: Breaker, now: float, health: Health, command: str, *, write: bool = True) -> None:
    permit = made.enter(now)
    assert permit is not None
    made.leave(permit, now, health, command, write=write)


def test_an_answered_read_clears_failed_reads_and_no_failed_writes() -> None:
    """Two failed reads, an answered one, two more: closed. With a failed write in between the next failure opens it."""
    made = breaker()
    for name in "ab":
        attempt(made, 0, Health.FAILED, name, write=False)
    attempt(made, 0, Health.ANSWERED, "r", write=False)
    for name in "cd":
        attempt(made, 0, Health.FAILED, name, write=False)
    assert made.closed
    attempt(made, 0, Health.ANSWERED, "r", write=False)
    for name in "ef":
        attempt(made, 0, Health.FAILED, name)
    attempt(made, 0, Health.ANSWERED, "r", write=False)
    attempt(made, 0, Health.FAILED, "g", write=False)
    assert not made.closed and made.opened == 1


def test_failures_are_remembered_for_the_time_that_is_set() -> None:
    """To the moment: what is just that old counts no more."""
    for age, closed in ((59.999, False), (60.0, True)):
        made = breaker(failures=2)
        attempt(made, 0, Health.FAILED, "a")
        attempt(made, age, Health.FAILED, "b")
        assert made.closed is closed


def test_what_a_call_that_was_not_sent_shows_is_nothing() -> None:
    """Neither a failure nor a success."""
    made = breaker(failures=2)
    attempt(made, 0, Health.FAILED, "a")
    attempt(made, 0, Health.UNKNOWN, "b")
    assert made.closed
    attempt(made, 0, Health.FAILED, "c")
    assert not made.closed


def test_an_open_breaker_lets_its_probe_in_at_its_moment() -> None:
    """Not before, and one alone; each opening is counted."""
    made = breaker(failures=1)
    attempt(made, 0, Health.FAILED, "a")
    assert made.opens_at() == 2 and made.enter(1.999) is None
    permit = made.enter(2)
    assert permit is not None and permit.probe
    assert made.opens_at() == math.inf and made.enter(9) is None
    made.leave(permit, 2, Health.SIGN_IN_REFUSED, "a", write=True)
    assert (made.opened, made.opens_at()) == (2, 6)
    assert made.state(5.999) is BreakerState.OPEN and made.state(6) is BreakerState.HALF_OPEN
    fresh = breaker().enter(0)
    assert fresh is not None and not fresh.probe


def test_the_limit_is_cut_once_for_what_was_sent_before_the_cut() -> None:
    """What began at the very moment of the cut began under the old limit; said by what it returns."""
    made = Concurrency(10)
    assert made.overloaded(now=5, started=4) is True
    assert made.overloaded(now=6, started=5) is False
    assert (made.limit, made.cuts) == (7, 1)
    for _ in range(20):
        made.succeeded(started=5)
    assert made.limit == 7
    made.succeeded(started=5.1)
    assert made.overloaded(now=7, started=5.1) is True
    assert (made.limit, made.cuts) == (4, 2)
    for _ in range(4):
        made.succeeded(started=8)
    assert made.limit == 5, "the successes before the cut do not count towards the next place"


def test_a_pause_lies_in_the_upper_half_of_a_ceiling_that_doubles() -> None:
    """Two, four, eight times the first, to the longest; reset, it begins anew."""
    upper, lower = GrowingPause(1, 10, Upper()), GrowingPause(1, 10, Lower())
    assert [upper.take() for _ in range(5)] == [2, 4, 8, 10, 10]
    assert [lower.take() for _ in range(5)] == [1, 2, 4, 5, 5]
    upper.reset()
    assert [upper.take() for _ in range(2)] == [2, 4]
    assert GrowingPause(3, 4, Lower()).take() == 3  # never shorter than the first
    assert GrowingPause(3, 60, Upper()).take() == 6


def test_a_freeze_lasts_as_the_vendor_says_or_grows() -> None:
    """A word of the vendor's stands over a shorter one, whoever said it; an unsaid one counts once a round trip."""
    made = Freeze(GrowingPause(1, 60, Upper()))
    made.throttled(10, 9, 5)
    assert made.until == 15
    made.throttled(11, 9, 2)
    assert made.until == 15
    made.throttled(12, 11, None)  # begun at the freeze's own moment: of the same round trip
    assert made.until == 15
    made.throttled(14, 12, None)
    assert made.until == 16
    made.throttled(20, 14, None)
    assert made.until == 16
    made.throttled(20, 14.1, None)
    assert made.until == 24
    made.succeeded(20)
    made.throttled(30, 29, None)
    assert made.until == 38
    made.succeeded(30.1)
    made.throttled(40, 39, None)
    assert made.until == 42
    fresh = Freeze(GrowingPause(1, 60, Upper()))
    assert fresh.until == 0
    fresh.throttled(0, 0, None)
    assert fresh.until == 2


def test_a_window_opens_to_the_moment() -> None:
    """A place is free again just so long after its call's end."""
    made = Window(2, 10)
    assert made.begin(0) and made.begin(0) and not made.begin(0)
    assert made.opens_at(0) == math.inf and made.used(0) == 2
    made.end(3)
    assert made.opens_at(4) == 13 and not made.begin(12.999)
    assert made.begin(13) and made.used(13) == 2
    made.give_back()
    assert made.used(13) == 1
    for wrong in ((-1, 1), (1, -1), (1, 0)):
        with pytest.raises(ValueError, match="not a window"):
            Window(*wrong)
    free = Window(0, 0)
    assert free.begin(0) and free.opens_at(0) == 0
    free.end(0)
    assert free.used(0) == 0


def test_a_window_that_a_predecessor_used_up() -> None:
    """All of its places, until a window after its last moment."""
    made = Window(3, 10)
    made.fill(5)
    assert (made.used(5), made.opens_at(5), made.used(15), made.opens_at(15)) == (3, 15, 0, 0)


def test_fair_waiting_counts_and_refuses_to_serve_nobody() -> None:
    """By class, in all, and in order."""
    made: FairQueue[str] = FairQueue(CLASS_WEIGHTS)
    with pytest.raises(IndexError, match="nobody waits"):
        made.pop()
    for name in "ab":
        made.push(MONEY, name)
    made.push(BULK, "c")
    assert (len(made), made.waiting()) == (3, {MONEY: 2, CommandClass.GOODS: 0, BULK: 1})
    assert [made.pop() for _ in range(3)] == [(MONEY, "a"), (BULK, "c"), (MONEY, "b")]
    assert len(made) == 0


def test_what_is_held_against_a_command() -> None:
    """Its first failure, and each after a success of somebody else's; a write needs another's write."""
    made = Suspects()
    assert made.held_against("a") == 0
    assert made.failed("a", write=True) == 1
    made.succeeded("b", write=False)
    assert made.failed("a", write=True) == 1
    made.succeeded("b", write=True)
    assert made.failed("a", write=True) == 2 == made.held_against("a")
    made.succeeded("a", write=True)
    assert made.failed("a", write=True) == 2
    assert made.failed("r", write=False) == 1
    made.succeeded("b", write=False)
    assert made.failed("r", write=False) == 2
    made.succeeded("r", write=False)
    assert made.failed("r", write=False) == 2
    made.forget("a")
    made.forget("nobody")
    assert made.held_against("a") == 0


def test_the_oldest_suspect_is_forgotten_first() -> None:
    """Bounded, by default at ten thousand."""
    assert Suspects().remembered == 10_000
    made = Suspects(remembered=2)
    for name in ("a", "b", "a", "c"):
        made.failed(name, write=True)
    assert [made.held_against(name) for name in "abc"] == [1, 0, 1]


# -- order


async def test_the_line_for_a_call_is_kept_over_a_freeze() -> None:
    """Who waited first goes first, and a slot is given out only when its first call could be sent."""
    clock = TurnedClock()
    made = gate(clock, concurrency=3)
    sent: list[str] = []

    async def work(name: str) -> None:
        async with made.slot(MONEY, name) as slot, slot.call("one"):
            sent.append(name)

    await call(made, ending=Throttled("too many", RetryAfter(5)))
    tasks = [asyncio.create_task(work(name)) for name in "abc"]
    await clock.advance(4.9)
    assert (sent, made.snapshot().slots, made.snapshot().waiting[MONEY]) == ([], 0, 3)
    await clock.advance(0.2)
    await asyncio.gather(*tasks)
    assert sent == ["a", "b", "c"]


async def test_a_timed_out_write_cuts_the_limit_unless_it_is_the_commands_own_habit() -> None:
    """Also where an adapter has made a doubt of the time-out; any other doubt cuts nothing."""
    clock = TurnedClock()
    made = gate(clock, concurrency=10, failures_to_open=99)
    cause = InDoubt("no answer")
    cause.__cause__ = TimeoutError()
    await call(made, "a", ending=cause)
    assert made.snapshot().limit == 7
    await clock.advance(1)
    await call(made, "b", ending=InDoubt("reset"))
    assert made.snapshot().limit == 7
    await call(made, "ok")
    await call(made, "a", ending=TimeoutError())
    assert made.snapshot().limit == 7
    await call(made, "new", ending=TimeoutError())
    assert made.snapshot().limit == 4
    assert (made.held_against("a"), made.held_against("new")) == (2, 1)
    made.forget("a")
    assert made.held_against("a") == 0


async def test_a_refusal_is_an_answer() -> None:
    """It clears what failed before, and counts as a success of its account."""
    clock = TurnedClock()
    made = gate(clock, failures_to_open=2)
    for _ in range(3):
        await call(made, "a", ending=Unavailable("away"))
        await call(made, "b", ending=Refused(ErrorKind.CLOSED, "closed"))
    assert made.snapshot().breaker is BreakerState.CLOSED
    assert made.held_against("a") == 3


async def test_the_check_before_a_write_is_not_the_one_before_a_read() -> None:
    """The dispatcher's lease: each is asked for its own kind, once a call."""
    asked: list[str] = []
    clock = TurnedClock()
    made = Gate(GateSettings(), clock, Upper(), lambda: asked.append("send"), lambda: asked.append("read"))
    await call(made)
    await call(made, write=False)
    assert asked == ["send", "read"]


async def test_a_call_that_is_stopped_before_it_is_sent_leaves_its_place_at_once() -> None:
    """To whoever waits for the window, although its own command goes on to hold its slot."""
    checked: list[int] = []

    def check() -> None:
        checked.append(1)
        if len(checked) == 2:
            raise LeaseLost

    clock, go, release, sent = TurnedClock(), asyncio.Event(), asyncio.Event(), list[str]()
    made = Gate(GateSettings(concurrency=3, calls_per_window=1, window_seconds=10), clock, Upper(), check)

    async def stopped() -> None:
        async with made.slot(MONEY, "a") as slot:
            await go.wait()
            with pytest.raises(LeaseLost):
                async with slot.call("post", write=True):
                    raise AssertionError("not reached")
            await release.wait()

    async def waiting() -> None:
        async with made.slot(MONEY, "b") as slot:
            await go.wait()
            async with slot.call("post", write=True):
                sent.append("b")

    tasks = [asyncio.create_task(work()) for work in (stopped, waiting)]
    await clock.settle()
    await call(made)
    go.set()
    await clock.advance(9.9)
    assert sent == []
    await clock.advance(0.1)
    assert sent == ["b"]
    assert made.snapshot().totals.calls == 2
    release.set()
    await asyncio.gather(*tasks)
