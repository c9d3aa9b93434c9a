"""Every call that reached a simulated system, and how many were in flight at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from adapters.simulators.clock import MACHINE, Clock, stamp

# Two events of one wake-up of the loop (a closed connection, a new call) may be seen in the wrong order; a few turns
# let the close be noticed before an arrival is called a breach.
_TURNS_TO_NOTICE_A_CLOSE = 6


def _never() -> bool:
    return False


@dataclass(slots=True)
class Call:
    """One call: in flight from its arrival until its answer or its closed connection."""

    seq: int
    account: str
    method: str
    path: str
    in_flight: int  # at start, this call included; 0: its connection was closed before it arrived
    started: datetime
    gone: Callable[[], bool] = _never  # whether its connection is closed
    finished: datetime | None = None
    status: int | None = None  # None: no answer was given
    kind: str | None = None
    order_id: str | None = None  # of the order that it is about, where it names one
    external_ref: str | None = None  # that it brings with it
    fault: str | None = None
    breach: bool = False
    note: str | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "seq": self.seq,
            "account": self.account,
            "kind": self.kind,
            "order_id": self.order_id,
            "external_ref": self.external_ref,
            "method": self.method,
            "path": self.path,
            "started": stamp(self.started, "microseconds"),
            "finished": None if self.finished is None else stamp(self.finished, "microseconds"),
            "status": self.status,
            "in_flight": self.in_flight,
            "breach": self.breach,
            "fault": self.fault,
            "note": self.note,
        }


class CallLog:
    """All calls of all accounts; `watch` is told of each as it begins and as it ends."""

    def __init__(self, clock: Clock = MACHINE) -> None:
        self.calls: list[Call] = []
        self.watch: Callable[[Call], None] | None = None
        self._now = clock.now
        self._active: dict[str, dict[int, Call]] = {}

    async def begin(self, account: str, method: str, path: str, limit: int, gone: Callable[[], bool]) -> Call:
        """Note an arrival over a socket, whose closing may be noticed late."""
        active = self._active.setdefault(account, {})
        call = self._note(account, method, path, len(active) + 1)
        call.gone = gone
        active[call.seq] = call
        if limit and len(active) > limit:
            for _ in range(_TURNS_TO_NOTICE_A_CLOSE):
                await asyncio.sleep(0)
            for other in list(active.values()):
                if other is not call and other.gone():
                    self.end(other)
            earlier = sum(1 for seq in active if seq < call.seq)
            call.in_flight = earlier + 1
            call.breach = call.in_flight > limit
        self._tell(call)
        return call

    def open(self, account: str, method: str, path: str, limit: int, kind: str | None = None) -> Call:
        """Note an arrival; `call.breach` says that it is one too many for the account (limit 0: no limit)."""
        active = self._active.setdefault(account, {})
        call = self._note(account, method, path, len(active) + 1)
        call.kind, call.breach = kind, bool(limit) and len(active) >= limit
        active[call.seq] = call
        self._tell(call)
        return call

    def orphan(self, account: str, method: str, path: str, kind: str | None = None) -> Call:
        """Note an arrival whose caller has closed its connection already: it counts nowhere as in flight."""
        call = self._note(account, method, path, 0)
        call.kind, call.finished = kind, call.started
        self._tell(call)
        return call

    def end(self, call: Call) -> None:
        """The call was answered, or its connection is gone."""
        if call.finished is None:
            call.finished = self._now()
            call.gone = _never
            self._active.get(call.account, {}).pop(call.seq, None)
            self._tell(call)

    def in_flight(self, account: str) -> int:
        """Calls of an account that are neither answered nor closed."""
        return len(self._active.get(account, ()))

    def _note(self, account: str, method: str, path: str, in_flight: int) -> Call:
        call = Call(len(self.calls) + 1, account, method, path, in_flight, self._now())
        self.calls.append(call)
        return call

    def _tell(self, call: Call) -> None:
        if self.watch is not None:
            self.watch(call)

    def summary(self, account: str = "") -> dict[str, Any]:
        """Per account: calls, the most in flight, breaches of the limit, answers by status, faults injected."""
        accounts = sorted({call.account for call in self.calls} | ({account} if account else set()))
        chosen = [name for name in accounts if not account or name == account]
        report = {name: self._one(name) for name in chosen}
        return {
            "calls": sum(one["calls"] for one in report.values()),
            "max_in_flight": max((one["max_in_flight"] for one in report.values()), default=0),
            "breaches": sum(one["breaches"] for one in report.values()),
            "accounts": report,
        }

    def _one(self, account: str) -> dict[str, Any]:
        mine = [call for call in self.calls if call.account == account]
        return {
            "calls": len(mine),
            "in_flight": self.in_flight(account),
            "max_in_flight": max((call.in_flight for call in mine), default=0),
            "breaches": sum(call.breach for call in mine),
            "statuses": dict(sorted(Counter(str(call.status) for call in mine).items())),
            "faults": dict(sorted(Counter(call.fault for call in mine if call.fault).items())),
        }

    def clear(self) -> None:
        """Forget what is over; calls still in flight keep counting."""
        self.calls = [call for active in self._active.values() for call in active.values()]
        for seq, call in enumerate(self.calls, 1):
            self._active[call.account].pop(call.seq)
            call.seq = seq
            self._active[call.account][seq] = call
