"""The gate of one account: every call to it passes here, and waits here.

A command takes a **slot** (adaptive concurrency, shared between the classes by weight); each HTTP request inside it is
a **call** (take-over, freeze, breaker, calls per window, deadline). All are let through by `_admit`, in order; whatever
may open the gate (an end, a moment due) runs it again, so nothing polls.
"""

from __future__ import annotations

import asyncio
import math
import random as random_module
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import aiohttp

from agents.clock import Clock
from agents.described import described
from agents.gate.breaker import Breaker, Health, Pass
from agents.gate.concurrency import Concurrency
from agents.gate.fair import FairQueue
from agents.gate.pause import Freeze, GrowingPause
from agents.gate.settings import GateSettings, GateSnapshot, GateTotals
from agents.gate.suspects import Suspects
from agents.gate.window import Window
from streams.adapter import InDoubt, Refused, SignInRefused, Throttled, Unavailable
from streams.vocabulary import CLASS_WEIGHTS, CommandClass

_FAILURES = (InDoubt, Unavailable, OSError, aiohttp.ClientError)  # TimeoutError is an OSError


def _nothing_to_check() -> None:
    """No lease: a single owner by construction (a test, a one-off scan)."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call let through: where it came from, and when it began."""

    command_id: str
    name: str
    write: bool
    permit: Pass
    started: float


class Slot:
    """A command's place at the gate; `streams.adapter.Calls` for its adapter. One call at a time."""

    def __init__(self, gate: Gate, command_id: str) -> None:
        self._gate = gate
        self._command_id = command_id
        self._calling = False
        self._left = False

    @asynccontextmanager
    async def call(self, name: str, *, write: bool = False) -> AsyncIterator[None]:
        """Run one HTTP request: wait for leave, check the lease, and hold it to the deadline.

        Past the deadline the block is cancelled and `TimeoutError` leaves this context: a caller who writes takes that,
        outside the block, for `InDoubt`. What leaves the block tells the gate how the account is.
        """
        if self._calling or self._left:
            raise RuntimeError(f"{name}: a slot makes one call at a time, and none after it was left")
        self._calling = True
        try:
            async with self._gate._call(self._command_id, name, write=write):
                yield
        finally:
            self._calling = False

    def _leave(self) -> None:
        self._left = True


class Gate:
    """Holds the calls of one account within its limits, and keeps them back while it is throttled or down.

    `before_send` runs right before each write is sent, `before_read` before each read, after all waiting (the
    dispatcher's lease checks); what they raise leaves the call, which is then not sent.
    """

    def __init__(
        self,
        settings: GateSettings,
        clock: Clock,
        random: random_module.Random,
        before_send: Callable[[], None] = _nothing_to_check,
        before_read: Callable[[], None] = _nothing_to_check,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._before_send, self._before_read = before_send, before_read
        first, longest = settings.first_pause_seconds, settings.longest_pause_seconds
        self._breaker = Breaker(
            settings.failures_to_open, settings.failure_memory_seconds, GrowingPause(first, longest, random)
        )
        self._freeze = Freeze(GrowingPause(settings.first_freeze_seconds, longest, random))
        self._concurrency = Concurrency(settings.ceiling)
        self._window = Window(settings.calls_per_window, settings.window_seconds)
        self._suspects = Suspects()
        self._reserved_until = 0.0
        self._slots = 0
        self._in_flight = 0
        self._slot_waiters: FairQueue[asyncio.Future[None]] = FairQueue(CLASS_WEIGHTS)
        self._call_waiters: OrderedDict[asyncio.Future[Pass], None] = OrderedDict()
        self._alarm: asyncio.Task[None] | None = None
        self._alarm_at = math.inf
        self._last_fault = ""
        self._totals = GateTotals()

    @asynccontextmanager
    async def slot(self, klass: CommandClass, command_id: str) -> AsyncIterator[Slot]:
        """Wait for a place for one command, and hold it for the block."""
        await self._wait_for_slot(klass)
        slot = Slot(self, command_id)
        try:
            yield slot
        finally:
            slot._leave()
            self._slots -= 1
            self._admit()

    def reserve(self, until: float) -> None:
        """After a take-over: admit nothing before `until` (on the clock's `elapsed`), the predecessor's last deadline.

        What it sent within the account's window is not known either, so the window counts as used, up to that moment.
        """
        self._reserved_until = max(self._reserved_until, until)
        self._window.fill(max(until, self._clock.elapsed()))
        self._admit()

    @property
    def reserved(self) -> bool:
        """Whether the slots are still left to a predecessor's calls."""
        return self._clock.elapsed() < self._reserved_until

    def held_against(self, command_id: str) -> int:
        """How many failed calls count against the command: others succeeded between each and the next (E02)."""
        return self._suspects.held_against(command_id)

    def fails_alone(self, command_id: str) -> bool:
        """Whether others succeeded between the command's last two failed calls (E02)."""
        return self._suspects.fails_alone(command_id)

    def forget(self, command_id: str) -> None:
        """The command has ended, one way or the other."""
        self._suspects.forget(command_id)

    def snapshot(self) -> GateSnapshot:
        """The gate at this moment."""
        now = self._clock.elapsed()
        opens_at = self._breaker.opens_at()
        return GateSnapshot(
            at=now,
            in_flight=self._in_flight,
            slots=self._slots,
            limit=self._concurrency.limit,
            ceiling=self._concurrency.ceiling,
            waiting=self._slot_waiters.waiting(),
            calls_waiting=len(self._call_waiters),
            window_used=self._window.used(now) if self._window.limit else 0,
            window_limit=self._window.limit,
            breaker=self._breaker.state(now),
            breaker_until=0.0 if math.isinf(opens_at) else opens_at,
            frozen_until=self._freeze.until,
            reserved_until=self._reserved_until,
            last_fault=self._last_fault,
            totals=replace(self._totals, cuts=self._concurrency.cuts, opened=self._breaker.opened),
        )

    # Waiting. A waiter that is granted and cancelled in the same turn of the loop gives back what it was granted.

    async def _wait_for_slot(self, klass: CommandClass) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._slot_waiters.push(klass, waiter)
        self._admit()
        try:
            await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._slot_waiters.remove(klass, waiter)
            else:
                self._slots -= 1
            self._admit()
            raise

    async def _wait_for_call(self) -> Pass:
        waiter: asyncio.Future[Pass] = asyncio.get_running_loop().create_future()
        self._call_waiters[waiter] = None
        self._admit()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.cancelled():
                self._call_waiters.pop(waiter, None)
            else:
                self._not_sent(waiter.result())
            self._admit()
            raise

    # Admitting.

    def _admit(self) -> None:
        """Let through whoever may pass now, and wake up again when the next one may."""
        now = self._clock.elapsed()
        self._wake_at(min(self._admit_calls(now), self._admit_slots(now)))

    def _admit_calls(self, now: float) -> float:
        """Grant calls in order; returns when the next may pass (infinity: not before something ends)."""
        while self._call_waiters:
            opens_at = self._opens_at(now)
            if opens_at > now:
                return opens_at
            waiter, _ = self._call_waiters.popitem(last=False)
            if waiter.done():  # cancelled, and not yet run to leave the line
                continue
            permit = self._breaker.enter(now)
            if permit is None or not self._window.begin(now):
                raise AssertionError("the gate is open, yet it gives no leave")
            waiter.set_result(permit)
        return math.inf

    def _admit_slots(self, now: float) -> float:
        """Grant slots by weight; returns when the next may be granted.

        No slot is given out while its first call could not be sent, so that who is next is decided as late as possible.
        While the account is being probed one command at a time is let in; one admitted before can be the probe, too.
        """
        while len(self._slot_waiters):
            opens_at = self._opens_at(now)
            if opens_at > now:
                return opens_at
            limit = self._concurrency.limit if self._breaker.closed else 1
            if self._slots >= limit:
                return math.inf
            _, waiter = self._slot_waiters.pop()
            if waiter.done():
                continue
            self._slots += 1
            waiter.set_result(None)
        return math.inf

    def _opens_at(self, now: float) -> float:
        return max(self._reserved_until, self._freeze.until, self._breaker.opens_at(), self._window.opens_at(now))

    def _wake_at(self, moment: float) -> None:
        if self._alarm is not None:
            if moment == self._alarm_at:
                return
            self._alarm.cancel()
            self._alarm = None
        self._alarm_at = moment
        if not math.isinf(moment):
            self._alarm = asyncio.create_task(self._wake(moment), name="gate alarm")

    async def _wake(self, moment: float) -> None:
        await self._clock.sleep(max(0.0, moment - self._clock.elapsed()))
        self._alarm = None
        self._admit()

    # Calling.

    @asynccontextmanager
    async def _call(self, command_id: str, name: str, *, write: bool) -> AsyncIterator[None]:
        permit = await self._wait_for_call()
        try:
            (self._before_send if write else self._before_read)()
        except BaseException:
            self._not_sent(permit)
            self._admit()
            raise
        call = _Call(command_id, name, write, permit, self._clock.elapsed())
        self._in_flight += 1
        self._totals.calls += 1
        try:
            async with self._deadline():
                yield
        except BaseException as error:
            self._ended(call, error)
            raise
        else:
            self._ended(call, None)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        """`asyncio.timeout` on our own clock, so that a test or a simulation can turn it."""
        async with asyncio.timeout(None) as scope:
            timer = asyncio.create_task(self._expire(scope), name="call deadline")
            try:
                yield
            finally:
                timer.cancel()

    async def _expire(self, scope: asyncio.Timeout) -> None:
        await self._clock.sleep(self.settings.deadline_seconds)
        scope.reschedule(asyncio.get_running_loop().time())

    def _not_sent(self, permit: Pass) -> None:
        self._window.give_back()
        self._breaker.leave(permit, self._clock.elapsed(), Health.UNKNOWN, "", write=False)

    def _ended(self, call: _Call, error: BaseException | None) -> None:
        now = self._clock.elapsed()
        self._in_flight -= 1
        self._window.end(now)
        health = self._judge(call, error, now)
        self._breaker.leave(call.permit, now, health, call.command_id, write=call.write)
        self._admit()

    def _judge(self, call: _Call, error: BaseException | None, now: float) -> Health:
        """What the end of a call says about the account; paces concurrency and freeze by it."""
        if error is None or isinstance(error, Refused):
            self._totals.answered += error is None
            self._totals.refused += error is not None
            self._concurrency.succeeded(call.started)
            self._freeze.succeeded(call.started)
            self._suspects.succeeded(call.command_id, write=call.write)
            return Health.ANSWERED
        if isinstance(error, Exception):  # being cancelled is no fault
            self._last_fault = self._describe(call, error)
        if isinstance(error, Throttled):
            self._totals.throttled += 1
            self._concurrency.overloaded(now, call.started)
            self._freeze.throttled(now, call.started, error.retry_after.seconds)
            return Health.ANSWERED
        if isinstance(error, SignInRefused):
            self._totals.sign_in_refused += 1
            return Health.SIGN_IN_REFUSED
        if isinstance(error, _FAILURES):
            self._totals.failed += 1
            held = self._suspects.failed(call.command_id, write=call.write)
            # A command that times out again while others succeed is slow by itself; the account is not overloaded.
            if held <= 1 and (isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)):
                self._concurrency.overloaded(now, call.started)
            return Health.FAILED
        return Health.UNKNOWN  # cancelled by us, or a fault of our own: it says nothing about the account

    def _describe(self, call: _Call, error: Exception) -> str:
        if isinstance(error, TimeoutError) and not str(error):
            return f"{call.name}: no answer within {self.settings.deadline_seconds:g} s"
        return f"{call.name}: {described(error)}"
