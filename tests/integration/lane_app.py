"""A worker for the lane's tests: every id it reads is kept in its changelog and then written to the output.

Rows are sets of ids by key (sorted lines), so that joining is a union. As a process: `python -m
tests.integration.lane_app`, settings from the environment.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiokafka.errors import GroupCoordinatorNotAvailableError

from adapters.logs import for_worker
from agents.lane import Batch, Lane, batches, install
from agents.lease import Lease
from agents.log import RecordLog
from agents.rows import Rows, UnreadableRecord
from agents.runtime import faust_app, run_worker
from agents.store import table_rows
from tests.kafka import committed_offsets, create_topics

QUARANTINED = b"quarantined\n"
POISON = b"raise"


def merge(key: bytes, old: bytes | None, new: bytes) -> bytes:
    """The union of two sets of lines; a byte that is not ASCII cannot be read."""
    if not new.isascii():
        raise UnreadableRecord(f"{key!r}: not ASCII")
    return b"".join(sorted({*(old or b"").splitlines(True), *new.splitlines(True)}))


def ids(row: bytes) -> set[bytes]:
    return set(row.splitlines())


@dataclass
class Worker:
    """One app with its lane."""

    app: Any
    lane: Lane
    rows: Rows
    log: RecordLog
    out: str
    slow: float = 0.0

    async def keep(self, batch: Batch) -> None:
        """The five steps, but for deciding: changelog, install, publish; the caller acknowledges."""
        partition, held = batch.tp.partition, self.rows.partition(batch.tp.partition)
        changed: dict[bytes, bytes] = {}
        for record in batch.records:
            key, value = record.key or b"", record.value or b""
            if value == POISON:
                raise RuntimeError("asked to raise")
            changed[key] = merge(key, changed.get(key) or held.get(key), value + b"\n")
        offsets = await self.log.publish(
            self.rows.changelog, partition, [(k, v, None, None) for k, v in changed.items()]
        )
        if batch.stale:
            return  # another owns it now, joins what was written, and reads the batch again
        self.rows.install(partition, changed.items(), offsets, batch)
        await self.log.publish(self.out, partition, [(r.key, r.value, None, None) for r in batch.records])
        if self.slow:
            await asyncio.sleep(self.slow * len(batch.records))


def build(
    broker: str,
    name: str,
    partitions: int,
    *,
    topics: tuple[str, ...] = (),
    size: int = 500,
    depth: int = 2,
    slow: float = 0.0,
    idempotent: bool = True,
    body: Any = None,
    lease: Lease | None = None,
    **settings: Any,
) -> Worker:
    """A worker of group `name` on topic `name` (or `topics`), with `<name>-rows` and `<name>-out`.

    `body(stream, worker)` takes the place of the agent's loop.
    """
    topics = topics or (name,)
    app = faust_app(name, broker, partitions=partitions, **{"session": 6.0, "rebalance": 6.0, **settings})
    lane = install(app, dict.fromkeys(topics, size), depth, idempotent=idempotent, lease=lease)
    rows = table_rows(
        app,
        "seen",
        partitions=partitions,
        merge=merge,
        on_unreadable=lambda key, raw, error: QUARANTINED,
        changelog=f"{name}-rows",
    )
    worker = Worker(app, lane, rows, RecordLog(app), f"{name}-out", slow)

    @app.agent(app.topic(*topics, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw"))
    async def keep(stream: Any) -> None:
        if body is not None:
            await body(stream, worker)
            return
        async for batch in batches(stream):
            await worker.keep(batch)

    return worker


@asynccontextmanager
async def running(worker: Worker) -> AsyncIterator[Worker]:
    """The worker in this process, for as long as the block runs."""
    await worker.app.start()
    try:
        yield worker
    finally:
        await worker.app.stop()


async def make_topics(broker: str, name: str, partitions: int, *sources: str) -> None:
    wanted = [*(sources or (name,)), f"{name}-rows", f"{name}-out"]
    await create_topics(broker, dict.fromkeys(wanted, partitions))


async def committed(broker: str, group: str, topic: str = "") -> dict[int, int]:
    """The committed offsets of a group; none where a fresh broker still makes its offsets topic."""
    try:
        return await committed_offsets(broker, group, topic or group)
    except GroupCoordinatorNotAvailableError:
        return {}


class WorkerProcess:
    """The worker as a process of its own, to be killed."""

    def __init__(self, broker: str, name: str, partitions: int, directory: Path, number: int = 0, **env: str) -> None:
        self._command = [sys.executable, "-m", "tests.integration.lane_app"]
        self._errors = directory / f"{name}.{number}.log"
        self._env = {
            **os.environ,
            "LANE_BROKER": broker,
            "LANE_NAME": name,
            "LANE_PARTITIONS": str(partitions),
            "LANE_DATADIR": str(directory / f"{name}.{number}"),
            **env,
        }
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> WorkerProcess:
        return self

    async def __aexit__(self, *args: object) -> None:
        """Leave no process behind, whatever the test came to."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def start(self) -> None:
        with self._errors.open("ab") as errors:
            self.process = await asyncio.create_subprocess_exec(
                *self._command, env=self._env, stderr=errors, stdout=errors
            )

    def signal(self, which: signal.Signals) -> None:
        assert self.process is not None
        self.process.send_signal(which)

    async def end(self, with_signal: signal.Signals, seconds: float = 30) -> int:
        """Send the signal; the exit code."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(with_signal)
        return await self.wait(seconds)

    async def wait(self, seconds: float = 30) -> int:
        assert self.process is not None
        try:
            return await asyncio.wait_for(self.process.wait(), seconds)
        except TimeoutError:
            self.process.kill()
            raise AssertionError(f"the worker did not end:\n{self.said()[-2000:]}") from None

    def said(self) -> str:
        return self._errors.read_text()


def main() -> None:
    env = os.environ
    worker = build(
        env["LANE_BROKER"],
        env["LANE_NAME"],
        int(env["LANE_PARTITIONS"]),
        topics=tuple(filter(None, env.get("LANE_TOPICS", "").split(","))),
        size=int(env.get("LANE_SIZE", "500")),
        slow=float(env.get("LANE_SLOW", "0")),
        idempotent=env.get("LANE_IDEMPOTENT", "1") == "1",
        datadir=env["LANE_DATADIR"],
    )
    if env.get("LANE_HOOK_RAISES"):

        @worker.lane.on_revoking
        async def fail() -> None:
            if worker.lane.windows:
                raise RuntimeError("asked to raise while partitions go")

    run_worker(worker.app, for_worker(env.get("LANE_LOGLEVEL", "warn")))


if __name__ == "__main__":
    main()
