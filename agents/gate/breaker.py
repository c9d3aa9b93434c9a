"""The breaker: after enough different commands fail with no success between, ask with one call at a time whether the
account is back, instead of sending all of them into the outage."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum, StrEnum

from agents.gate.pause import GrowingPause


class BreakerState(StrEnum):
    """Closed: calls pass. Open: none pass. Half-open: one probe may pass, or is under way."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class Health(Enum):
    """What the end of a call says about the account."""

    ANSWERED = "answered"  # a yes, a no or a throttle: the account is there
    FAILED = "failed"  # time-out, reset, 5xx, unreachable
    SIGN_IN_REFUSED = "sign-in refused"
    UNKNOWN = "unknown"  # not sent, or cut off by ourselves


@dataclass(frozen=True, slots=True)
class Pass:
    """Leave to make one call; given back with how the call ended."""

    epoch: int
    probe: bool


@dataclass(frozen=True, slots=True)
class _Failed:
    at: float
    write: bool


class Breaker:
    """Closed, open or half-open, by the health of an account's calls.

    One command that fails again and again counts once, so that it cannot shut the account for the others. A read that
    is answered clears failed reads only: vendors go on answering look-ups while they cannot write.
    """

    def __init__(self, failures_to_open: int, memory_seconds: float, pause: GrowingPause) -> None:
        self.failures_to_open = failures_to_open
        self.memory_seconds = memory_seconds
        self.opened = 0  # times, since the start
        self._pause = pause
        self._failed: dict[str, _Failed] = {}  # by command, since the last success
        self._epoch = 0  # results of calls that began before the last change of state say nothing about this one
        self._open_until: float | None = None
        self._probing = False
        self._opened_by_write = False

    def state(self, now: float) -> BreakerState:
        if self._open_until is None:
            return BreakerState.CLOSED
        return BreakerState.HALF_OPEN if self._probing or self._open_until <= now else BreakerState.OPEN

    @property
    def closed(self) -> bool:
        return self._open_until is None

    def opens_at(self) -> float:
        """From when a call may enter: 0 while closed, infinity while a probe is out."""
        if self._open_until is None:
            return 0.0
        return math.inf if self._probing else self._open_until

    def enter(self, now: float) -> Pass | None:
        """Leave to make a call now, or None. While open and due the one pass given is the probe's."""
        if self.opens_at() > now:
            return None
        self._probing = self._open_until is not None
        return Pass(self._epoch, self._probing)

    def leave(self, permit: Pass, now: float, health: Health, command_id: str, *, write: bool) -> None:
        """Give a pass back, with what its call showed."""
        if permit.epoch != self._epoch:
            return
        if permit.probe:
            self._probe_ended(now, health, write=write)
        elif health is Health.ANSWERED:
            self._succeeded(write=write)
        elif health is Health.SIGN_IN_REFUSED:
            self._open(now, write=write)
        elif health is Health.FAILED:
            self._count(now, command_id, write=write)

    def _probe_ended(self, now: float, health: Health, *, write: bool) -> None:
        self._probing = False
        if health is Health.ANSWERED:
            self._epoch += 1
            self._open_until = None
        elif health is not Health.UNKNOWN:
            self._open(now, write=write)

    def _succeeded(self, *, write: bool) -> None:
        if write:
            self._failed.clear()
        elif self._failed:
            self._failed = {command: failed for command, failed in self._failed.items() if failed.write}
        # A probe that passes does not reset the pause, ordinary traffic does: flapping must not bring us each second.
        if write or not self._opened_by_write:
            self._pause.reset()

    def _count(self, now: float, command_id: str, *, write: bool) -> None:
        self._failed[command_id] = _Failed(now, write)
        remembered = now - self.memory_seconds
        self._failed = {command: failed for command, failed in self._failed.items() if failed.at > remembered}
        if len(self._failed) >= self.failures_to_open:
            self._open(now, write=any(failed.write for failed in self._failed.values()))

    def _open(self, now: float, *, write: bool) -> None:
        self._epoch += 1
        self._failed.clear()
        self._open_until = now + self._pause.take()
        self._opened_by_write = write
        self.opened += 1
