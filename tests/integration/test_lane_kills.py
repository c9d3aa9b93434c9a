"""Workers of one group are killed and stopped under load, on a real broker: nothing that was committed is lost."""

from __future__ import annotations

import asyncio
import random
import signal
from pathlib import Path

from tests.brokers import RealKafka
from tests.integration.lane_app import WorkerProcess, committed, ids, make_topics
from tests.kafka import end_offsets, produce, read_all, wait_for

PARTITIONS = 4
EVENTS = 24_000
KILLS = 6


async def test_workers_killed_and_stopped_under_load_lose_nothing(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Every id is in the changelog and in the output, and the committed offsets reach the end."""
    name, draw = f"{prefix}kills", random.Random(7)
    await make_topics(kafka.address, name, PARTITIONS)
    for partition in range(PARTITIONS):
        events = [(b"k%d" % (i % 50), b"e%d.%d" % (partition, i)) for i in range(EVENTS // PARTITIONS)]
        await produce(kafka.address, name, events, partition=partition)
    workers = [
        WorkerProcess(kafka.address, name, PARTITIONS, tmp_path, n, LANE_SLOW="0.001", LANE_SIZE="250")
        for n in range(2)
    ]
    async with workers[0], workers[1]:
        for worker in workers:
            await worker.start()
        for kill in range(KILLS):
            await asyncio.sleep(draw.uniform(2.0, 5.0))  # the moment of death is what varies here, not a wait
            worker = workers[draw.randrange(2)]
            how = signal.SIGKILL if kill % 2 else signal.SIGTERM
            code = await worker.end(how)
            # -SIGTERM: it was told to stop before it had come as far as handling signals
            assert code in ((0, -signal.SIGTERM) if how is signal.SIGTERM else (-signal.SIGKILL,)), worker.said()[
                -2000:
            ]
            await worker.start()

        ends = await end_offsets(kafka.address, name)

        async def all_committed() -> bool:
            return await committed(kafka.address, name) == ends

        await wait_for(all_committed, 60, "the committed offsets to reach the end", every=0.5)
        for worker in workers:
            assert await worker.end(signal.SIGTERM) == 0, worker.said()[-2000:]

        sent = {record.value for record in await read_all(kafka.address, name)}
        kept = set().union(*(ids(record.value) for record in await read_all(kafka.address, f"{name}-rows")))
        out = {record.value for record in await read_all(kafka.address, f"{name}-out")}
        assert len(sent) == EVENTS
        assert sent - kept == set()
        assert sent - out == set()


async def test_a_paused_worker_is_replaced_and_joins_again_when_it_wakes(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """SIGSTOP past the session time-out, SIGCONT: what it had in hand takes no effect, and nothing is lost."""
    name, events = f"{prefix}pause", 3_000
    await make_topics(kafka.address, name, 2)
    for partition in (0, 1):
        sent = [(b"k%d" % (i % 50), b"e%d.%d" % (partition, i)) for i in range(events)]
        await produce(kafka.address, name, sent, partition=partition)
    workers = [
        WorkerProcess(kafka.address, name, 2, tmp_path, n, LANE_SLOW="0.002", LANE_SIZE="100", LANE_LOGLEVEL="info")
        for n in range(2)
    ]
    async with workers[0] as paused, workers[1] as other:
        await paused.start()

        async def begun() -> bool:
            return len(await committed(kafka.address, name)) == 2

        await wait_for(begun, 30, "the first to commit", every=0.2)
        paused.signal(signal.SIGSTOP)
        at_pause = await committed(kafka.address, name)
        await other.start()

        async def taken_over() -> bool:
            now = await committed(kafka.address, name)
            return all(now[number] > at_pause[number] for number in (0, 1))

        await wait_for(taken_over, 40, "the other to go on with both partitions", every=0.2)
        paused.signal(signal.SIGCONT)

        async def all_committed() -> bool:
            return await committed(kafka.address, name) == {0: events, 1: events}

        await wait_for(all_committed, 60, "the end", every=0.5)
        for worker in workers:
            assert await worker.end(signal.SIGTERM) == 0, worker.said()[-2000:]
        assert "member_id was not recognized" in paused.said(), "it was not paused long enough to be evicted"
        kept = set().union(*(ids(record.value) for record in await read_all(kafka.address, f"{name}-rows")))
        assert kept == {b"e%d.%d" % (partition, i) for partition in (0, 1) for i in range(events)}
