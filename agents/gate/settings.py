"""What a gate is told about its account, and what it shows of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from agents.gate.breaker import BreakerState
from streams.adapter import Limits
from streams.vocabulary import CommandClass


@dataclass(frozen=True, slots=True)
class GateSettings:
    """An account's limits, and how the gate behaves in trouble."""

    concurrency: int = 5
    calls_per_window: int = 0  # 0: no such limit
    window_seconds: float = 0
    deadline_seconds: float = 8
    head_room: int = 0  # places left to others who use the account; 0: one owner holds the limit exactly
    failures_to_open: int = 5  # different commands with no success between
    failure_memory_seconds: float = 60
    first_pause_seconds: float = 1
    # A throttle without Retry-After: the cut of the concurrency answers it; the pause only lets calls in flight end.
    # At 1 s, one stray 429 in a hundred calls held an account to a tenth of its limit (seen in the demo).
    first_freeze_seconds: float = 0.1
    longest_pause_seconds: float = 60

    @property
    def ceiling(self) -> int:
        return max(1, self.concurrency - self.head_room)

    @classmethod
    def from_limits(cls, limits: Limits, *, head_room: int = 0) -> GateSettings:
        """The settings that an adapter declares for its account."""
        return cls(
            concurrency=limits.concurrency,
            calls_per_window=limits.calls_per_window,
            window_seconds=limits.window_seconds,
            deadline_seconds=limits.deadline_seconds,
            head_room=head_room,
        )


@dataclass(slots=True)
class GateTotals:
    """Counts since the gate was made."""

    calls: int = 0  # sent
    answered: int = 0
    refused: int = 0
    throttled: int = 0
    failed: int = 0
    sign_in_refused: int = 0
    cuts: int = 0  # of the adaptive limit
    opened: int = 0  # the breaker


@dataclass(frozen=True, slots=True)
class GateSnapshot:
    """A gate at one moment; times are seconds on the clock's `elapsed`."""

    at: float
    in_flight: int  # calls sent and not ended
    slots: int  # commands admitted and not ended; never below in_flight
    limit: int  # the adaptive limit now
    ceiling: int  # the account's
    waiting: Mapping[CommandClass, int]  # commands that wait for a slot
    calls_waiting: int  # calls of admitted commands that wait for the window, the breaker or the end of a freeze
    window_used: int
    window_limit: int  # 0: none
    breaker: BreakerState
    breaker_until: float  # when the next probe may go; 0 while closed
    frozen_until: float  # the vendor's Retry-After; in the past: not frozen
    reserved_until: float  # a predecessor's calls may still be in flight until then
    last_fault: str  # "" since the start
    totals: GateTotals

    @property
    def paused(self) -> str:
        """Why nothing is sent now, in words; empty when calls may pass."""
        if self.reserved_until > self.at:
            return f"taking over: calls of the previous owner may run {self.reserved_until - self.at:.0f} s more"
        if self.frozen_until > self.at:
            return f"asked to stay away for {self.frozen_until - self.at:.0f} s more"
        if self.breaker is BreakerState.OPEN:
            return f"not answering; next try in {self.breaker_until - self.at:.0f} s"
        if self.breaker is BreakerState.HALF_OPEN:
            return "not answering; trying with one call"
        return ""
