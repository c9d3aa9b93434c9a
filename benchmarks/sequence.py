"""One run: how fast one sequencer process takes events whose orders' rows are there, what the rows cost, how it starts.

Three starts of the worker, each a new process: on empty topics (its memory without rows, and the rows are made); on a
backlog of everything that happens afterwards (measured, from the first to the last commit); and at rest, with one event
waiting (the cold start). Prints its result as JSON: `python -m benchmarks.sequence --broker HOST:PORT --directory DIR`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any
from uuid import uuid4

from adapters.broker.connection import Connection
from adapters.demo.stand import demo_profile
from adapters.stage.child import Child, ChildFailed
from adapters.stage.stage import Stage
from agents.log import partition_for
from benchmarks.account import Account
from benchmarks.host import cpu_seconds, load_average, resident_bytes
from benchmarks.load import Event, load
from benchmarks.wire import Answerer, Progress, produce, read_topic
from streams.row import Row
from streams.rowcodec import decode
from streams.topics import Topology

LOOK_SECONDS = 0.02
LIMIT_SECONDS = 240.0  # after which a phase of a run has failed
DEADLINE_SECONDS = 8


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is about."""

    orders: int = 2000
    events: int = 0  # of the measured part; 0: all that happens to the orders
    partitions: int = 8
    seed: int = 3
    outcomes: bool = False  # every command is answered at once, and its outcome is an input too


async def measure(connection: Connection, directory: Path, setting: Setting) -> dict[str, Any]:
    """One run in topics of its own."""
    given = load(setting.seed, setting.orders, setting.partitions, setting.events)
    prefix = f"bench-{uuid4().hex[:8]}."
    topology = Topology(prefix, setting.partitions, ("ns",))
    stage = Stage(
        directory,
        connection.address,
        prefix=prefix,
        partitions=setting.partitions,
        profile=demo_profile(DEADLINE_SECONDS),
    )
    await asyncio.to_thread(stage.prepare)
    worker = stage.worker("sequencer", "sequencer", loglevel="info")
    found: dict[str, Any] = {"load_before": load_average()}
    try:
        async with AsyncExitStack() as stack:
            progress = await stack.enter_async_context(Progress(connection, topology))
            answerer = None
            if setting.outcomes:
                answerer = await stack.enter_async_context(Answerer(connection, topology, Account(given.world)))
            rest = _Rest(worker, progress, answerer)

            start(worker)
            await rest.until(lambda: _said(worker, "rows recovered"))
            empty = resident_bytes(worker.pid or 0)
            await produce(connection, topology, given.warm)
            await rest.reached()
            await asyncio.to_thread(worker.stop)
            before = await read_topic(connection, topology.sequencer_changelog, setting.partitions)

            await produce(connection, topology, given.measured)
            start(worker)
            found |= await drain(rest, len(given.measured))
            await asyncio.to_thread(worker.stop)
            after = await read_topic(connection, topology.sequencer_changelog, setting.partitions)

            await produce(connection, topology, [_newcomer(given.warm[0], setting.partitions)])
            base, began = await progress.committed(), time.monotonic()
            start(worker)
            await rest.until(lambda: _beyond(progress, base))
            found["cold_start_seconds"] = round(time.monotonic() - began, 2)
            await rest.reached()
            resident = resident_bytes(worker.pid or 0)
    finally:
        await asyncio.to_thread(worker.stop)
    found |= rows(before, after, found["records"])
    found["cold_start_changelog_records"] = len(after)
    found["resident_bytes_without_rows"] = empty
    found["resident_bytes_per_row"] = round((resident - empty) / found["rows"])
    return found | {"load_after": load_average()}


async def drain(rest: _Rest, events: int) -> dict[str, Any]:
    """The measured part: from the first commit to the last. CPU seconds are the worker's own, its start left out."""
    base = await rest.progress.committed()
    await rest.until(lambda: _beyond(rest.progress, base))
    began, first, worked = time.monotonic(), await rest.progress.committed(), cpu_seconds(rest.pid)
    samples = [(began, first)]
    await rest.until(lambda: rest.here(note=samples))
    ended = next(at for at, committed in samples if committed == samples[-1][1])
    used = cpu_seconds(rest.pid) - worked
    counted, seconds = samples[-1][1] - first, ended - began
    return {
        "events": events,
        "records": samples[-1][1] - base,  # with outcomes
        "records_timed": counted,
        "seconds": round(seconds, 3),
        "records_per_second": round(counted / seconds),
        "events_per_second": round(counted / seconds * events / (samples[-1][1] - base)),
        "worker_cpu_seconds": round(used, 2),
        "records_per_cpu_second": round(counted / used),
    }


def rows(before: Sequence[Any], after: Sequence[Any], records: int) -> dict[str, Any]:
    """What the changelog holds: all that was written in the measured part, and each order's newest row."""
    written = {(record.partition, record.offset): len(record.value) for record in after}
    for record in before:
        written.pop((record.partition, record.offset), None)
    newest = {record.key: record.value for record in after}  # in order within each partition, where all of a key are
    resting = [value for value in newest.values() if at_rest(decode(value))]
    return {
        "rows": len(newest),
        "rows_at_rest": len(resting),
        "row_bytes": round(mean(map(len, newest.values()))),
        "row_bytes_at_rest": round(mean(map(len, resting))) if resting else None,
        "decisions": len(written),
        "changelog_bytes_per_record": round(sum(written.values()) / records),
    }


def at_rest(row: Row) -> bool:
    """Nothing is owed, on its way, or held by a person."""
    return not row.waiting and not any(row.unpublished()) and not row.open_letters()


@dataclass(slots=True)
class _Rest:
    """Waiting for the worker to have done all there is."""

    worker: Child
    progress: Progress
    answerer: Answerer | None

    @property
    def pid(self) -> int:
        return self.worker.pid or 0

    async def here(self, note: list[tuple[float, int]] | None = None) -> bool:
        """Whether everything is committed, and nothing more can come of it."""
        committed = await self.progress.committed()
        if note is not None:
            note.append((time.monotonic(), committed))
        if committed != await self.progress.end():
            return False
        if self.answerer is None:
            return True
        return await self.answerer.idle() and committed == await self.progress.end()

    async def reached(self) -> None:
        await self.until(self.here)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        deadline = time.monotonic() + LIMIT_SECONDS
        while not await condition():
            if not self.worker.running:
                raise ChildFailed(f"the worker ended with {self.worker.code}:\n{self.worker.tail()}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"the worker was not done in {LIMIT_SECONDS:.0f} s:\n{self.worker.tail()}")
            await asyncio.sleep(LOOK_SECONDS)


def start(worker: Child) -> None:
    """A new process; what an earlier one logged is gone."""
    worker.log.unlink(missing_ok=True)
    worker.start()


async def _beyond(progress: Progress, base: int) -> bool:
    return await progress.committed() > base


async def _said(worker: Child, text: str) -> bool:
    return worker.log.exists() and text in worker.log.read_text(errors="replace")


def _newcomer(event: Event, partitions: int) -> Event:
    """The first event of an order that nobody has heard of."""
    key = b"newcomer"
    return replace(event, key=key, partition=partition_for(key, partitions), value=event.value.replace(event.key, key))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--broker", required=True)
    parser.add_argument("--directory", type=Path, required=True)
    for name, default in (("orders", 2000), ("events", 0), ("partitions", 8), ("seed", 3)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--outcomes", action="store_true")
    asked = parser.parse_args()
    setting = Setting(asked.orders, asked.events, asked.partitions, asked.seed, asked.outcomes)
    print(json.dumps(asyncio.run(measure(Connection(asked.broker), asked.directory, setting))))


if __name__ == "__main__":
    main()
