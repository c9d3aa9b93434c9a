"""The front of every simulated system: the faults and the service time around a vendor's own work."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from adapters.simulators import foreign
from adapters.simulators.calls import Call, CallLog
from adapters.simulators.clock import MACHINE, Clock
from adapters.simulators.exchange import ConnectionReset, Reply
from adapters.simulators.faults import Fault, Faults, Rule, retry_after_headers

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Twist:
    """What a fault asks of the vendor's own work."""

    lose: bool = False  # accept, keep nothing
    wrong_by: Decimal | None = None  # store another amount
    stale_seconds: float = 0.0  # answer a read as of so long ago


class Answers(Protocol):
    """The vendor's own way of saying no."""

    def throttled(self, headers: Mapping[str, str]) -> Reply: ...

    def broken(self, status: int) -> Reply: ...

    def refused(self) -> Reply: ...

    def conflict(self, dice: random.Random) -> Reply: ...

    def missing(self) -> Reply: ...


class ServiceSettings(Protocol):
    """What the front reads of an account's settings."""

    @property
    def latency_ms(self) -> tuple[float, float]: ...

    @property
    def read_lag_seconds(self) -> float: ...

    @property
    def late_apply_max_seconds(self) -> float: ...

    @property
    def hold_seconds(self) -> float: ...


Work = Callable[[Twist], Reply]
_STRAIGHT = Twist()
# How much of a call's service time is over when its work is applied: the rest is the answer's way out.
_APPLIED_AFTER = 0.7


class Front:
    """Spends time, injects faults, and lets work go on after its caller has gone, as a server does."""

    def __init__(self, calls: CallLog, faults: Faults, seed: int | str, clock: Clock = MACHINE) -> None:
        self.calls = calls
        self.faults = faults
        self._clock = clock
        self._seed = seed
        self._dice = random.Random(seed)
        self._waiting: dict[asyncio.Future[Reply], asyncio.TimerHandle] = {}  # work whose next moment is to come

    async def serve(self, call: Call, settings: ServiceSettings, answers: Answers, write: bool, work: Work) -> Reply:
        """Answer one call that is inside the limit; raises `ConnectionReset`. Cancelled, its work goes on."""
        rule = self.choose(call, write)
        return await (self.start(settings, work) if rule is None else self.suffer(rule, settings, answers, work))

    def choose(self, call: Call, write: bool) -> Rule | None:
        """The fault that this call meets, if any; once a call."""
        rule = self.faults.choose(call.account, call.kind, write)
        if rule is not None:
            call.fault = rule.fault.value
        return rule

    def start(self, settings: ServiceSettings, work: Work) -> asyncio.Future[Reply]:
        """Begin what goes as it should: the reply comes after the service time."""
        return self._start(settings, work, _STRAIGHT)

    async def suffer(self, rule: Rule, settings: ServiceSettings, answers: Answers, work: Work) -> Reply:
        """Answer as the fault has it; raises `ConnectionReset`."""
        match rule.fault:
            case Fault.TOO_MANY:
                return answers.throttled(retry_after_headers(rule, self._clock.now()))
            case Fault.BROKEN:
                if rule.applied:
                    await self._start(settings, work, _STRAIGHT)
                else:
                    await asyncio.sleep(self._service_time(settings))
                return answers.broken(rule.status)
            case Fault.REFUSE:
                await asyncio.sleep(self._service_time(settings))
                return answers.refused()
            case Fault.SLOW:
                await asyncio.sleep(2.0 if rule.seconds is None else rule.seconds)
                return await self._start(settings, work, _STRAIGHT)
            case Fault.HANG:
                await self._hold(rule, settings.hold_seconds)
                raise ConnectionReset
            case Fault.RESET_BEFORE:
                raise ConnectionReset
            case Fault.RESET_AFTER:
                await self._start(settings, work, _STRAIGHT)
                raise ConnectionReset
            case Fault.APPLY_THEN_TIMEOUT:
                await self._start(settings, work, _STRAIGHT)
                await self._hold(rule, settings.hold_seconds)
                raise ConnectionReset
            case Fault.LATE_APPLY:
                most = settings.late_apply_max_seconds
                delay = self._dice.uniform(0, most) if rule.seconds is None else min(rule.seconds, most)
                self._start(settings, work, _STRAIGHT, delay)
                await self._hold(rule, 0.0)
                raise ConnectionReset
            case Fault.ACCEPT_AND_LOSE:
                return await self._start(settings, work, Twist(lose=True))
            case Fault.WRONG_AMOUNT:
                return await self._start(settings, work, Twist(wrong_by=rule.amount))
            case Fault.STALE_READ:
                most = settings.read_lag_seconds
                lag = most if rule.seconds is None else min(rule.seconds, most)
                return await self._start(settings, work, Twist(stale_seconds=lag))
            case Fault.FOREIGN:
                if rule.applied:
                    await self._start(settings, work, _STRAIGHT)
                else:
                    await asyncio.sleep(self._service_time(settings))
                return foreign.reply(rule.style, self._dice)
            case Fault.CONFLICT:
                await asyncio.sleep(self._service_time(settings))
                return answers.conflict(self._dice)
            case Fault.MISSING:
                await asyncio.sleep(self._service_time(settings))
                return answers.missing()
            case Fault.ODD_NUMBERS:
                return foreign.odd_numbers(await self._start(settings, work, _STRAIGHT), self._dice)

    def _service_time(self, settings: ServiceSettings) -> float:
        least, most = settings.latency_ms
        return self._dice.uniform(least, most) / 1000

    def _start(self, settings: ServiceSettings, work: Work, twist: Twist, delay: float = 0.0) -> asyncio.Future[Reply]:
        """Work that is done at its time by timers of the loop: nobody who stops waiting for it stops it."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Reply] = loop.create_future()
        seconds = self._service_time(settings)
        before = delay + seconds * _APPLIED_AFTER
        if before:
            self._waiting[done] = loop.call_later(before, self._apply, done, seconds, work, twist)
        else:
            self._apply(done, 0.0, work, twist)
        return done

    def _apply(self, done: asyncio.Future[Reply], seconds: float, work: Work, twist: Twist) -> None:
        self._waiting.pop(done, None)
        try:
            reply = work(twist)
        except Exception as error:
            log.error("a simulated call broke", exc_info=error)
            if not done.done():
                done.set_exception(error)
                done.exception()  # whoever waits gets it; where nobody does, the log has it
            return
        if seconds:
            rest = seconds * (1 - _APPLIED_AFTER)
            self._waiting[done] = done.get_loop().call_later(rest, self._tell, done, reply)
        else:
            self._tell(done, reply)

    def _tell(self, done: asyncio.Future[Reply], reply: Reply) -> None:
        self._waiting.pop(done, None)
        if not done.done():
            done.set_result(reply)

    async def _hold(self, rule: Rule, seconds: float) -> None:
        """Say nothing until the caller gives up, at most so long."""
        await asyncio.sleep(seconds if rule.hold_seconds is None else rule.hold_seconds)

    @property
    def applying(self) -> int:
        """Work that was taken on and whose end is still to come, late applies included."""
        return len(self._waiting)

    def clear(self) -> None:
        """Drop work that has not been applied yet."""
        for done, timer in self._waiting.items():
            timer.cancel()
            done.cancel()
        self._waiting.clear()
        self._dice = random.Random(self._seed)
