"""Delivery in batches on a real broker: order, acknowledgement, gates, turns, rebalances, failures."""

from __future__ import annotations

import asyncio
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.types import TP

from agents.lane import Batch, TurnRefused, stream_batches
from agents.lease import Lease
from tests.brokers import RealKafka
from tests.clock import TurnedClock
from tests.integration.lane_app import POISON, Worker, WorkerProcess, build, committed, make_topics, merge, running
from tests.kafka import produce, read_all, wait_for


def events(partition: int, count: int, start: int = 0) -> list[tuple[bytes, bytes]]:
    return [(b"k%d" % (i % 7), b"e%d.%d" % (partition, i)) for i in range(start, start + count)]


async def fill(kafka: RealKafka, topic: str, partitions: int, count: int, start: int = 0) -> None:
    for partition in range(partitions):
        await produce(kafka.address, topic, events(partition, count, start), partition=partition)


async def until_committed(kafka: RealKafka, name: str, wanted: dict[int, int], topic: str = "") -> None:
    async def there() -> bool:
        return await committed(kafka.address, name, topic) == wanted

    await wait_for(there, 30, f"committed offsets {wanted}", every=0.2)


async def test_the_lane_gives_what_an_ordinary_agent_gives(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """Same input through the lane and through an ordinary one-event Faust agent: equal rows, equal outputs in order."""
    name = f"{prefix}lane"
    await make_topics(kafka.address, name, 2)
    await fill(kafka, name, 2, 300)
    async with running(build(kafka.address, name, 2, size=70, datadir=tmp_path / "lane")) as worker:
        await until_committed(kafka, name, {0: 300, 1: 300})
        lane_rows = {number: dict(worker.rows.partition(number)) for number in (0, 1)}

    ordinary_rows: dict[int, dict[bytes, bytes]] = defaultdict(dict)
    ordinary_out: dict[int, list[tuple[bytes, bytes]]] = defaultdict(list)
    app = faust.App(
        f"{prefix}ordinary",
        broker=f"kafka://{kafka.address}",
        topic_partitions=2,
        topic_disable_leader=True,
        table_standby_replicas=0,
        web_enabled=False,
        datadir=str(tmp_path / "ordinary"),
    )

    @app.agent(app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw"))
    async def one_event(stream: Any) -> None:
        async for event in stream.events():
            rows = ordinary_rows[event.message.partition]
            rows[event.key] = merge(event.key, rows.get(event.key), event.value + b"\n")
            ordinary_out[event.message.partition].append((event.key, event.value))

    await app.start()
    try:
        await wait_for(lambda: sum(map(len, ordinary_out.values())) == 600, 30, "the ordinary agent")
    finally:
        await app.stop()

    assert lane_rows == ordinary_rows
    for number in (0, 1):
        written = [(r.key, r.value) for r in await read_all(kafka.address, f"{name}-out", partition=number)]
        assert written == ordinary_out[number]


async def test_a_gated_partition_stands_still_over_a_rebalance_and_then_misses_nothing(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Nothing of a gated partition is processed, not even after another member came and went; then all of it is."""
    name, shut = f"{prefix}gate", TP(f"{prefix}gate", 1)
    await make_topics(kafka.address, name, 2)
    await fill(kafka, name, 2, 200)
    first = build(kafka.address, name, 2, size=20, datadir=tmp_path / "a")
    second = build(kafka.address, name, 2, size=20, datadir=tmp_path / "b")
    for worker in (first, second):
        worker.lane.gate(shut)
    async with running(first):
        await until_committed(kafka, name, {0: 200})
        async with running(second):
            await wait_for(lambda: len(second.rows.partitions()) == 1, 30, "the second member's partition")
        await wait_for(lambda: first.lane.windows.keys() >= {shut}, 30, "the first to have both again")
        await fill(kafka, name, 1, 50, start=200)
        await until_committed(kafka, name, {0: 250})
        assert await read_all(kafka.address, f"{name}-out", partition=1) == []
        first.lane.ungate(shut)
        await until_committed(kafka, name, {0: 250, 1: 200})
    out = [r.value for r in await read_all(kafka.address, f"{name}-out", partition=1)]
    assert out == [value for _, value in events(1, 200)]


async def test_what_is_committed_stops_before_the_first_open_batch(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Batches acknowledged out of order: the offset waits for the first, then moves over all of them."""
    name, got = f"{prefix}order", []
    await make_topics(kafka.address, name, 1)
    await fill(kafka, name, 1, 40)

    async def body(stream: Any, worker: Worker) -> None:
        async for batch in stream_batches(stream, auto_ack=False):
            got.append(batch)

    async with running(build(kafka.address, name, 1, size=10, depth=3, body=body, datadir=tmp_path)) as worker:
        await wait_for(lambda: len(got) == 3, 30, "three batches")
        assert got[1].ack() and got[2].ack()
        await worker.app.consumer.commit()
        assert await committed(kafka.address, name) == {}
        assert len(got) == 3, "the window is bounded from the first open batch"
        assert got[0].ack()
        assert not got[0].ack()
        await until_committed(kafka, name, {0: 30})
        await wait_for(lambda: len(got) == 4, 30, "the rest, once there is room")


async def test_a_batch_of_a_former_generation_is_stale_and_acknowledges_nothing(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """After a rebalance an old batch says so, its ack is refused, and the records come again."""
    name, got = f"{prefix}stale", []
    await make_topics(kafka.address, name, 2)
    await fill(kafka, name, 2, 10)

    async def body(stream: Any, worker: Worker) -> None:
        async for batch in stream_batches(stream, auto_ack=False):
            got.append(batch)

    first = build(kafka.address, name, 2, body=body, datadir=tmp_path / "a")
    async with running(first):
        await wait_for(lambda: len(got) == 2, 30, "both batches")
        held: list[Batch] = list(got)
        assert not any(batch.stale for batch in held)
        async with running(build(kafka.address, name, 2, body=body, datadir=tmp_path / "b")):
            await wait_for(lambda: all(batch.stale for batch in held), 30, "the old batches to be stale")
            assert not any(batch.ack() for batch in held)
            await wait_for(lambda: len(got) == 4, 30, "the records to come again")
            assert await committed(kafka.address, name) == {}
            assert sorted(b.tp.partition for b in got[2:]) == [0, 1]
            assert all(batch.ack() for batch in got[2:])
            await until_committed(kafka, name, {0: 10, 1: 10})


async def test_what_is_acknowledged_while_partitions_go_is_committed(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """A hook on revocation may still finish and acknowledge its work; it also hears of going without any."""
    name, got, acknowledged = f"{prefix}revoking", [], []
    await make_topics(kafka.address, name, 1)
    await fill(kafka, name, 1, 10)

    async def body(stream: Any, worker: Worker) -> None:
        async for batch in stream_batches(stream, auto_ack=False):
            got.append(batch)

    worker = build(kafka.address, name, 1, body=body, datadir=tmp_path)

    @worker.lane.on_revoking
    async def finish() -> None:
        acknowledged.extend(batch.ack() for batch in got if not batch.stale)

    async with running(worker):
        await wait_for(lambda: got, 30, "the batch")
    assert acknowledged == [True]
    assert await committed(kafka.address, name) == {0: 10}
    assert got[0].stale


async def test_a_body_that_raises_ends_the_process_and_commits_nothing_of_its_batch(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Exit code 1, quickly, and the committed offset stays before the batch."""
    name = f"{prefix}raise"
    await make_topics(kafka.address, name, 1)
    await fill(kafka, name, 1, 20)
    async with WorkerProcess(kafka.address, name, 1, tmp_path, LANE_SIZE="20") as worker:
        await worker.start()
        await until_committed(kafka, name, {0: 20})
        await produce(kafka.address, name, [(b"k", b"fine"), (b"k", POISON), (b"k", b"later")], partition=0)
        assert await worker.wait(15) == 1
        assert "asked to raise" in worker.said()
        assert await committed(kafka.address, name) == {0: 20}


async def test_a_hook_that_raises_while_partitions_go_ends_the_process(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """On a stop and in a rebalance alike: the process ends, with exit code 1, and is not left half alive."""
    name = f"{prefix}hook"
    await make_topics(kafka.address, name, 1)
    await fill(kafka, name, 1, 20)
    async with WorkerProcess(kafka.address, name, 1, tmp_path, LANE_SIZE="20", LANE_HOOK_RAISES="1") as stopped:
        await stopped.start()
        await until_committed(kafka, name, {0: 20})
        assert await stopped.end(signal.SIGTERM, 15) == 1
        assert "asked to raise while partitions go" in stopped.said()

    await fill(kafka, name, 1, 20, start=20)
    async with (
        WorkerProcess(kafka.address, name, 1, tmp_path, 1, LANE_SIZE="20", LANE_HOOK_RAISES="1") as first,
        WorkerProcess(kafka.address, name, 1, tmp_path, 2, LANE_SIZE="20") as second,
    ):
        await first.start()
        await until_committed(kafka, name, {0: 40})
        await second.start()
        assert await first.wait(30) == 1
        await fill(kafka, name, 1, 20, start=40)
        await until_committed(kafka, name, {0: 60})


async def test_sigterm_finishes_the_batch_in_hand_and_commits_it(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """Exit code 0; exactly what was written to the output is committed, so that nothing is done twice."""
    name = f"{prefix}term"
    await make_topics(kafka.address, name, 1)
    await fill(kafka, name, 1, 200)
    async with WorkerProcess(kafka.address, name, 1, tmp_path, LANE_SIZE="20", LANE_SLOW="0.05") as worker:
        await worker.start()

        async def begun() -> bool:
            return len(await read_all(kafka.address, f"{name}-out")) > 20

        await wait_for(begun, 30, "the second batch to be in hand", every=0.1)
        assert await worker.end(signal.SIGTERM) == 0, worker.said()[-2000:]
        out = len(await read_all(kafka.address, f"{name}-out"))
        assert 20 < out < 200
        assert await committed(kafka.address, name) == {0: out}


async def test_a_turn_stands_between_batches(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """While a turn is held no batch of that partition number is in hand; of a partition not ours there is none."""
    name, inside = f"{prefix}turn", []
    await make_topics(kafka.address, name, 2)

    async def body(stream: Any, worker: Worker) -> None:
        async for batch in stream_batches(stream):
            inside.append(batch.tp.partition)

    async with running(build(kafka.address, name, 2, body=body, datadir=tmp_path)) as worker:
        async with worker.lane.turn(0) as turn:
            assert not turn.stale
            await fill(kafka, name, 1, 5)
            window = worker.lane.windows[TP(name, 0)]
            await wait_for(lambda: window.open, 30, "the batch to be delivered")
            await asyncio.sleep(0.2)  # long enough for it to be taken, were it not for the turn
            assert inside == []
        await wait_for(lambda: inside == [0], 10, "the batch after the turn")
        with pytest.raises(TurnRefused):
            async with worker.lane.turn(2):
                pass
    assert turn.stale


async def test_topics_with_one_partition_count_are_read_by_one_member(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Two members, two co-partitioned topics: each has both topics of its partition numbers, with their rows."""
    name = f"{prefix}both"
    topics = (f"{name}.a", f"{name}.b")
    await make_topics(kafka.address, name, 4, *topics)
    workers = [build(kafka.address, name, 4, topics=topics, datadir=tmp_path / str(n)) for n in range(2)]
    async with running(workers[0]), running(workers[1]):
        await wait_for(
            lambda: all(len(worker.rows.partitions()) == 2 and worker.lane.windows for worker in workers), 30, "both"
        )
        for worker in workers:
            numbers = set(worker.rows.partitions())
            assert worker.lane.windows.keys() == {TP(topic, number) for topic in topics for number in numbers}
        for topic in topics:
            await fill(kafka, topic, 4, 20)
            await until_committed(kafka, name, dict.fromkeys(range(4), 20), topic)


async def test_the_lease_follows_the_heartbeat(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """It holds after a heartbeat, runs out when none comes for long enough, and is lost once a rebalance begins."""
    name, clock, at_revocation = f"{prefix}lease", TurnedClock(), []
    await make_topics(kafka.address, name, 1)
    lease = Lease(session=6.0, deadline=4.0, clock=clock)
    worker = build(kafka.address, name, 1, lease=lease, heartbeat=0.3, datadir=tmp_path)

    @worker.lane.on_revoking
    async def look() -> None:
        at_revocation.append(lease.holds())

    assert not lease.holds()
    async with running(worker):
        await wait_for(lease.holds, 10, "the first heartbeat")
        await clock.advance(2.0)
        assert not lease.holds(), "two seconds are what the session leaves beside a call"
        await wait_for(lease.holds, 10, "the next heartbeat")
        await clock.advance(1.9)
        assert lease.holds()
        async with running(build(kafka.address, name, 1, datadir=tmp_path / "other")):
            await wait_for(lambda: at_revocation, 30, "the rebalance")
            assert at_revocation[0] is False
