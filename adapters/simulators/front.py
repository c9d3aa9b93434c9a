"""The front of every simulated system: the limit, the faults and the service time around a vendor's own work."""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from aiohttp import web

from adapters.simulators.calls import Call, CallLog
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

    def throttled(self, headers: Mapping[str, str]) -> web.Response: ...

    def broken(self, status: int) -> web.Response: ...

    def refused(self) -> web.Response: ...


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


Work = Callable[[Twist], web.Response]
_STRAIGHT = Twist()


class Front:
    """Spends time, injects faults, and lets work go on after its caller has gone, as a server does."""

    def __init__(self, calls: CallLog, faults: Faults, seed: int) -> None:
        self.calls = calls
        self.faults = faults
        self._seed = seed
        self._dice = random.Random(seed)
        self._tasks: set[asyncio.Task[web.Response]] = set()

    async def serve(
        self,
        request: web.Request,
        call: Call,
        settings: ServiceSettings,
        answers: Answers,
        write: bool,
        work: Work,
    ) -> web.Response:
        """Answer one call that is inside the limit."""
        rule = self.faults.choose(call.account, call.kind, write)
        if rule is None:
            return await self._finish(self._start(settings, work, _STRAIGHT))
        call.fault = rule.fault.value
        return await self._misfortune(rule, request, settings, answers, work)

    async def _misfortune(
        self, rule: Rule, request: web.Request, settings: ServiceSettings, answers: Answers, work: Work
    ) -> web.Response:
        match rule.fault:
            case Fault.TOO_MANY:
                return answers.throttled(retry_after_headers(rule))
            case Fault.BROKEN:
                if rule.applied:
                    await self._finish(self._start(settings, work, _STRAIGHT))
                else:
                    await asyncio.sleep(self._service_time(settings))
                return answers.broken(rule.status)
            case Fault.REFUSE:
                await asyncio.sleep(self._service_time(settings))
                return answers.refused()
            case Fault.SLOW:
                await asyncio.sleep(2.0 if rule.seconds is None else rule.seconds)
                return await self._finish(self._start(settings, work, _STRAIGHT))
            case Fault.HANG:
                return await self._hold(request, rule, settings, settings.hold_seconds)
            case Fault.RESET_BEFORE:
                return _reset(request)
            case Fault.RESET_AFTER:
                await self._finish(self._start(settings, work, _STRAIGHT))
                return _reset(request)
            case Fault.APPLY_THEN_TIMEOUT:
                await self._finish(self._start(settings, work, _STRAIGHT))
                return await self._hold(request, rule, settings, settings.hold_seconds)
            case Fault.LATE_APPLY:
                most = settings.late_apply_max_seconds
                delay = self._dice.uniform(0, most) if rule.seconds is None else min(rule.seconds, most)
                self._start(settings, work, _STRAIGHT, delay)
                return await self._hold(request, rule, settings, 0.0)
            case Fault.ACCEPT_AND_LOSE:
                return await self._finish(self._start(settings, work, Twist(lose=True)))
            case Fault.WRONG_AMOUNT:
                return await self._finish(self._start(settings, work, Twist(wrong_by=rule.amount)))
            case Fault.STALE_READ:
                most = settings.read_lag_seconds
                lag = most if rule.seconds is None else min(rule.seconds, most)
                return await self._finish(self._start(settings, work, Twist(stale_seconds=lag)))

    def _service_time(self, settings: ServiceSettings) -> float:
        least, most = settings.latency_ms
        return self._dice.uniform(least, most) / 1000

    def _start(
        self, settings: ServiceSettings, work: Work, twist: Twist, delay: float = 0.0
    ) -> asyncio.Task[web.Response]:
        task = asyncio.create_task(self._work(delay, self._service_time(settings), work, twist))
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def _work(self, delay: float, seconds: float, work: Work, twist: Twist) -> web.Response:
        if delay + seconds:
            await asyncio.sleep(delay + seconds * 0.7)
        response = work(twist)
        if seconds:
            await asyncio.sleep(seconds * 0.3)
        return response

    async def _finish(self, task: asyncio.Task[web.Response]) -> web.Response:
        """A caller that goes away ends its wait; the work goes on."""
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[web.Response]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a simulated call broke", exc_info=error)

    async def _hold(self, request: web.Request, rule: Rule, settings: ServiceSettings, seconds: float) -> web.Response:
        """Say nothing until the caller gives up, at most so long; then reset."""
        await asyncio.sleep(seconds if rule.hold_seconds is None else rule.hold_seconds)
        return _reset(request)

    def clear(self) -> None:
        """Drop work that has not been applied yet."""
        for task in list(self._tasks):
            task.cancel()
        self._dice = random.Random(self._seed)


def _reset(request: web.Request) -> web.Response:
    """Break the connection with a RST, so that the caller sees a reset and not an orderly end."""
    transport: Any = request.transport
    if transport is not None:
        sock = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=503)
