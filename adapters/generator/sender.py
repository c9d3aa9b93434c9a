"""Plays the deliveries to a gateway on their schedule, and again until each is taken."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import aiohttp

from adapters.generator.deliveries import Delivery
from adapters.generator.files import Answer, AnswerLog

_FINAL = frozenset({400, 401, 403, 404, 405, 413})  # another try would end the same way


class SeedingFailed(Exception):
    """The simulators did not take the order history."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How hard to try. A schedule that falls behind is kept to as fast as `concurrency` allows."""

    concurrency: int = 64
    pending: int = 5000  # deliveries begun and not ended; no more are begun until some end
    attempts: int = 60
    first_pause: float = 0.2
    longest_pause: float = 5.0
    timeout: float = 15.0


@dataclass(slots=True)
class Counts:
    """Where the sending stands."""

    planned: int = 0
    begun: int = 0
    accepted: int = 0  # deliveries answered 200
    refused: int = 0  # ended with another answer
    given_up: int = 0
    attempts: int = 0
    again: int = 0  # attempts after a first one
    behind: float = 0.0  # seconds by which the last begun delivery was late

    @property
    def ended(self) -> int:
        return self.accepted + self.refused + self.given_up


Progress = Callable[[Counts], None]


async def send(
    deliveries: Sequence[Delivery],
    gateway: str,
    log: AnswerLog,
    progress: Progress | None = None,
    pace: Pace | None = None,
) -> Counts:
    """Send everything; returns when each delivery has had its last answer."""
    sending = _Sending(gateway.rstrip("/"), log, progress or _silent, pace or Pace(), Counts(planned=len(deliveries)))
    return await sending.run(deliveries)


async def seed(payloads: Iterable[dict[str, Any]], simulators: str) -> dict[str, int]:
    """Give the simulators the order history; raises `SeedingFailed`, also when they cannot be reached."""
    totals: dict[str, int] = {}
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            for payload in payloads:
                async with session.put(f"{simulators.rstrip('/')}/_orders", json=payload) as answer:
                    if answer.status != 200:
                        raise SeedingFailed(f"{answer.status}: {(await answer.text())[:300]}")
                    for name, count in (await answer.json()).items():
                        totals[name] = totals.get(name, 0) + count
    except (aiohttp.ClientError, TimeoutError) as error:
        raise SeedingFailed(f"{simulators}: {type(error).__name__} {error}") from None
    return totals


class _Sending:
    def __init__(self, gateway: str, log: AnswerLog, progress: Progress, pace: Pace, counts: Counts) -> None:
        self._gateway, self._log, self._progress, self._pace, self.counts = gateway, log, progress, pace, counts
        self._calls = asyncio.Semaphore(pace.concurrency)
        self._pending = asyncio.Semaphore(pace.pending)

    async def run(self, deliveries: Sequence[Delivery]) -> Counts:
        connector = aiohttp.TCPConnector(limit=self._pace.concurrency)
        timeout = aiohttp.ClientTimeout(total=self._pace.timeout)
        start = time.monotonic()
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout) as session,
            asyncio.TaskGroup() as group,
        ):
            for delivery in deliveries:
                await self._pending.acquire()
                ahead = start + delivery.offset - time.monotonic()
                if ahead > 0:
                    await asyncio.sleep(ahead)
                self.counts.begun += 1
                self.counts.behind = max(0.0, -ahead)
                group.create_task(self._deliver(session, delivery))
        return self.counts

    async def _deliver(self, session: aiohttp.ClientSession, delivery: Delivery) -> None:
        pause = self._pace.first_pause
        try:
            for attempt in range(1, self._pace.attempts + 1):
                async with self._calls:
                    status, retry_after = await self._post(session, delivery, attempt)
                if status == 200:
                    self.counts.accepted += 1
                    return
                if status in _FINAL:
                    self.counts.refused += 1
                    return
                await asyncio.sleep(min(max(pause, retry_after), self._pace.longest_pause))
                pause *= 2
            self.counts.given_up += 1
        finally:
            self._pending.release()
            self._progress(self.counts)

    async def _post(self, session: aiohttp.ClientSession, delivery: Delivery, attempt: int) -> tuple[int, float]:
        """One attempt: its status (0: none) and the Retry-After in seconds."""
        self.counts.attempts += 1
        self.counts.again += attempt > 1
        started, clock = _now(), time.monotonic()
        status, retry_after, error = 0, 0.0, ""
        try:
            url = self._gateway + delivery.route
            async with session.post(url, data=delivery.body, headers=delivery.headers) as answer:
                await answer.read()
                status = answer.status
                said = answer.headers.get("Retry-After", "")
                retry_after = float(said) if said.isdecimal() else 0.0
        except (aiohttp.ClientError, TimeoutError, OSError) as problem:
            status, error = 0, type(problem).__name__
        latency = round((time.monotonic() - clock) * 1000, 3)
        self._log.add(Answer(delivery.seq, attempt, status, latency, started, _now(), error))
        return status, retry_after


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _silent(counts: Counts) -> None:
    del counts
