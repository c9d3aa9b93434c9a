"""Whoever is there when something happens: it counts, tells the story, and lets the watch look."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any
from zlib import crc32

from agents.dispatcher.entries import OWNER
from tests.simulation.callers import Callers
from tests.simulation.checks import Watch
from tests.simulation.kafka import Record
from tests.simulation.loop import VirtualLoop
from tests.simulation.plan import Plan
from tests.simulation.result import Result, Violation
from tests.simulation.telling import Teller

_OWNER = OWNER.encode()


class Witness:
    """Stands at every seam of a run."""

    def __init__(self, plan: Plan, loop: VirtualLoop, *, limit: int, story: bool) -> None:
        """`limit`: calls that the account may have in flight."""
        self.result = Result(plan.seed)
        self.watch = Watch(plan)
        self.teller = Teller(self.result, loop, story)
        self.last_write = 0.0
        self.callers: Callers | None = None  # known once there is a fleet
        self._loop, self._limit = loop, limit
        self._digest = hashlib.blake2b(digest_size=16)

    def close(self) -> Result:
        """What the run came to."""
        self.result.virtual_seconds = self._loop.now
        self.result.digest = self._digest.hexdigest()
        self.result.violations += self.watch.violations
        self.result.checks.update(self.watch.checks)
        return self.result

    def tell(self, who: str, what: str) -> None:
        self.teller.tell(who, what)

    def found(self, invariant: str, name: str, what: str) -> None:
        """A promise that the run itself saw broken."""
        self.result.violations.append(Violation(invariant, name, "", what, self._loop.now))

    def struck(self, fault: str) -> None:
        """A fault took effect."""
        self.result.faults[fault] += 1
        self.result.events["fault"] += 1

    def checked(self, promise: str) -> None:
        """A promise was looked at."""
        self.result.checks[promise] += 1

    def counted(self, event: str) -> None:
        self.result.events[event] += 1

    # -- the seams

    def sent(self, delivery: Any) -> None:
        self.watch.now = self._loop.now
        self.watch.sent(delivery, self._loop.now)
        self.teller.sent(delivery)

    def answered(self, delivery: Any, status: int) -> None:
        self.watch.now = self._loop.now
        self.watch.answered(delivery, status, self._loop.now)
        if status != delivery.wanted:
            self.result.events["webhook again"] += 1

    def written(self, record: Record) -> None:
        self.result.events["record"] += 1
        self.last_write = self._loop.now
        content = crc32(record.value or b"")
        self._digest.update(f"{record.topic}/{record.partition}/{record.offset}/{content}".encode())
        self.watch.now = self._loop.now
        self.watch.written(record.topic, record.partition, record)
        if record.key == _OWNER and self.callers is not None:
            self.callers.owned(record.value or b"")
        self.teller.written(record)

    def committed(self, group: str, topic: str, number: int, offset: int) -> None:
        self.result.events["commit"] += 1
        self.watch.now = self._loop.now
        self.watch.committed(group, topic, number, offset)

    def entry(self, entry: Mapping[str, Any]) -> None:
        """A line of the vendor's ledger."""
        self.result.events["document"] += 1
        self.watch.now = self._loop.now
        self.watch.entry(entry)
        self.teller.entry(entry)

    def call(self, call: Any) -> None:
        """A call began or ended at the vendor."""
        self.watch.now = self._loop.now
        if call.finished is None:
            self.result.events["call"] += 1
            self._digest.update(f"{call.method} {call.path}".encode())
            in_flight = call.in_flight
            if in_flight > self._limit and self.callers is not None:
                in_flight -= self.callers.overstaying()
            self.watch.call(call.account, in_flight, self._limit)
            self.watch.called(call, ended=False)
        else:
            outlived = self.callers.outlived(call) if self.callers is not None else ""
            if outlived:
                self.found("I12", "deadline-ignored", outlived)
            self.watch.called(call, ended=True)
            if call.fault:
                self.struck(f"vendor {call.fault}")
        self.teller.call(call)

    def recovered(self, worker: str, topic: str, number: int, rows: Mapping[bytes, bytes], end: int) -> None:
        self.result.events["recovery"] += 1
        self.watch.now = self._loop.now
        self.watch.recovered(worker, topic, number, rows, end)
