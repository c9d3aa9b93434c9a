"""The lane on the embedded broker, as far as that goes: it proves nothing of durability."""

from __future__ import annotations

import signal
from pathlib import Path

from adapters.broker.embedded import EmbeddedBroker
from tests.integration.lane_app import WorkerProcess, build, committed, ids, make_topics, running
from tests.kafka import produce, wait_for

EVENTS = 4_000


async def test_a_killed_worker_is_followed_by_one_that_misses_nothing(
    embedded_broker: EmbeddedBroker, prefix: str, tmp_path: Path
) -> None:
    """kill -9 in the middle; the next process recovers the rows and reads on to the end."""
    broker, name = embedded_broker.address, f"{prefix}embedded"
    await make_topics(broker, name, 2)
    for partition in (0, 1):
        events = [(b"k%d" % (i % 9), b"e%d.%d" % (partition, i)) for i in range(EVENTS // 2)]
        await produce(broker, name, events, partition=partition)
    async with WorkerProcess(
        broker, name, 2, tmp_path, LANE_IDEMPOTENT="0", LANE_SIZE="100", LANE_SLOW="0.002"
    ) as killed:
        await killed.start()

        async def some() -> bool:
            return any((await committed(broker, name)).values())

        await wait_for(some, 40, "the first commit", every=0.2)
        await killed.end(signal.SIGKILL)
        worker = build(broker, name, 2, idempotent=False, datadir=tmp_path)
        async with running(worker):

            async def all_read() -> bool:
                return await committed(broker, name) == {0: EVENTS // 2, 1: EVENTS // 2}

            await wait_for(all_read, 60, "the end", every=0.2)
            kept = [set().union(*map(ids, worker.rows.partition(number).values())) for number in (0, 1)]
        for partition in (0, 1):
            assert kept[partition] == {b"e%d.%d" % (partition, i) for i in range(EVENTS // 2)}
