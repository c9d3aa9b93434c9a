"""The calls of one turn at a command: what was asked, how it ended, and whether anything may have been applied."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from agents.clock import Clock, rfc3339
from agents.described import described
from agents.dispatcher.schedule import Job
from streams.adapter import Calls
from streams.commands import Attempt


class TooLate(Exception):
    """A write waited so long for its turn that `begun` would say too little about when it was sent; it was not sent."""


class RecordedCalls:
    """`streams.adapter.Calls` over a slot, keeping notes for the outcome and for the doubt."""

    def __init__(self, slot: Calls, clock: Clock, job: Job, attempts: list[Attempt]) -> None:
        self.wrote = False  # a write has been started
        self.acknowledged = False  # a write was answered with a yes: something exists, whatever comes after
        self._slot = slot
        self._clock = clock
        self._job = job
        self._attempts = attempts
        self._write_until: float | None = None

    def write_within(self, seconds: float) -> None:
        """Start no write later than this from now."""
        self._write_until = self._clock.elapsed() + seconds

    @asynccontextmanager
    async def call(self, name: str, *, write: bool = False) -> AsyncIterator[None]:
        at: str | None = None
        try:
            async with self._slot.call(name, write=write):
                if write and self._write_until is not None and self._clock.elapsed() > self._write_until:
                    raise TooLate(name)
                at = rfc3339(self._clock.now())
                if write:
                    self.wrote = self._job.sending = True
                yield
        except Exception as error:
            if at is not None:
                self._attempts.append(Attempt(at, name, described(error)[:500]))
            raise
        if at is not None:
            self._attempts.append(Attempt(at, name, "ok"))
        self.acknowledged = self.acknowledged or write
