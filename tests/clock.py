"""A clock that stands still until a test turns it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)

_TURNS = 40
"""Turns of the event loop that let every task run until it waits; the longest chain here takes about ten."""


class TurnedClock:
    """An `agents.clock.Clock` that only `advance` moves; it wakes sleepers in the order they are due."""

    def __init__(self) -> None:
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed)

    def elapsed(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        due: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + max(0.0, seconds), next(self._order), due))
        await due

    @property
    def sleeping(self) -> int:
        """How many wait for this clock."""
        return sum(not due.done() for _, _, due in self._sleepers)

    async def settle(self) -> None:
        """Let every task run as far as it gets without time passing."""
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass; at each moment that someone waits for, everybody runs as far as they get."""
        await self.settle()
        end = self._elapsed + seconds
        while self._sleepers and self._sleepers[0][0] <= end:
            moment, _, due = heapq.heappop(self._sleepers)
            if due.done():
                continue
            self._elapsed = max(self._elapsed, moment)
            due.set_result(None)
            await self.settle()
        self._elapsed = end

    async def until(self, condition: Callable[[], bool], within: float = 3600.0) -> None:
        """Let time pass from one awaited moment to the next until `condition` holds; fails after `within` seconds."""
        end = self._elapsed + within
        await self.settle()
        while not condition():
            while self._sleepers and self._sleepers[0][2].done():
                heapq.heappop(self._sleepers)
            if not self._sleepers or self._sleepers[0][0] > end:
                raise AssertionError(f"it does not come true within {within:g} s")
            await self.advance(max(0.0, self._sleepers[0][0] - self._elapsed))
