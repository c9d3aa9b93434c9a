"""Rows after a restart or a rebalance, on a real broker: joined, complete, and only those that are ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from agents.lane import batches
from agents.rows import NotOwned
from tests.brokers import RealKafka
from tests.integration.lane_app import QUARANTINED, Worker, WorkerProcess, build, committed, make_topics, running
from tests.kafka import admin_client, create_topics, produce, read_all, wait_for


async def test_records_of_a_key_are_joined_and_nothing_readable_is_dropped(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """A zombie's late record is joined, a null deletes, an empty row survives, an unreadable one is quarantined."""
    name = f"{prefix}join"
    await make_topics(kafka.address, name, 1)
    changelog: list[tuple[bytes | None, bytes | None]] = [
        (b"joined", b"a\nb\n"),
        (b"joined", b"a\nb\nc\n"),
        (b"joined", b"a\nz\n"),  # of one who was no longer the owner
        (b"deleted", b"a\n"),
        (b"deleted", None),
        (b"back", None),
        (b"back", b"a\n"),
        (b"empty", b""),
        (b"unreadable", b"\xff"),
        (b"spoilt", b"a\n"),
        (b"spoilt", b"\xff"),
        (None, b"nobody's\n"),
    ]
    await produce(kafka.address, f"{name}-rows", changelog, partition=0)
    worker = build(kafka.address, name, 1, datadir=tmp_path)
    async with running(worker):
        await wait_for(worker.rows.partitions, 30, "recovery")
        rows = dict(worker.rows.partition(0))
        assert rows == {
            b"joined": b"a\nb\nc\nz\n",
            b"back": b"a\n",
            b"empty": b"",
            b"unreadable": QUARANTINED,
            b"spoilt": b"a\n" + QUARANTINED,
            b"unkeyed:0:11": b"nobody's\n",
        }
        assert worker.rows.end_offset(0) == 12
        lacking = await worker.rows.foreign_writes(0)
        assert lacking == {key: rows[key] for key in (b"joined", b"unreadable", b"spoilt")}


async def test_a_changelog_longer_than_a_fetch_is_read_to_its_end(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Recovery takes as many fetches as it needs."""
    name, line = f"{prefix}long", b"x" * 500 + b"\n"
    await make_topics(kafka.address, name, 2)
    for partition in (0, 1):
        await produce(kafka.address, f"{name}-rows", [(b"%d" % n, line) for n in range(400)], partition=partition)
    worker = build(kafka.address, name, 2, fetch_bytes=8_000, datadir=tmp_path)
    async with running(worker):
        await wait_for(lambda: len(worker.rows.partitions()) == 2, 30, "recovery")
        assert [len(worker.rows.partition(number)) for number in (0, 1)] == [400, 400]


async def test_the_rows_are_there_before_the_first_batch(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """Hooks on recovery run for each partition, with its rows, before anything of it is delivered."""
    name, seen = f"{prefix}hooks", []
    await make_topics(kafka.address, name, 2)
    for partition in (0, 1):
        await produce(kafka.address, f"{name}-rows", [(b"k", b"a\n")] * 30, partition=partition)
        await produce(kafka.address, name, [(b"k", b"e")], partition=partition)

    async def body(stream: Any, worker: Worker) -> None:
        async for batch in batches(stream):
            seen.append(("batch", batch.tp.partition))

    worker = build(kafka.address, name, 2, body=body, datadir=tmp_path)
    worker.rows.on_recovered(lambda number: seen.append(("rows", worker.rows.partition(number)[b"k"])))
    async with running(worker):
        await wait_for(lambda: len(seen) == 4, 30, "hooks and batches")
    assert seen[:2] == [("rows", b"a\n")] * 2
    assert sorted(seen[2:]) == [("batch", 0), ("batch", 1)]


async def test_a_zombies_late_write_is_found_joined_and_written_again(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """After our own writes nothing is foreign; a record by another is; once the owner wrote the join, nothing again."""
    name = f"{prefix}zombie"
    await make_topics(kafka.address, name, 1)
    worker = build(kafka.address, name, 1, datadir=tmp_path)
    rows = worker.rows
    async with running(worker):
        await produce(kafka.address, name, [(b"k%d" % (i % 3), b"e%d" % i) for i in range(9)], partition=0)
        await wait_for(lambda: rows.partitions() and len(rows.partition(0)) == 3, 30, "our own rows")
        await wait_for(lambda: rows.last_own_write(0) is not None, 10, "our last write")
        assert await rows.foreign_writes(0) == {}
        assert rows.end_offset(0) == rows.last_own_write(0) + 1

        await produce(kafka.address, f"{name}-rows", [(b"k1", b"late\n"), (b"k9", b"new\n")], partition=0)
        joined = b"e1\ne4\ne7\nlate\n"
        assert await rows.foreign_writes(0) == {b"k1": joined}
        assert rows.partition(0)[b"k9"] == b"new\n"

        # a decision taken before the zombie's fact was joined does not lose it
        offsets = await worker.log.publish(rows.changelog, 0, [(b"k1", b"e1\ne4\ne7\ne8\n", None, None)])
        rows.install(0, [(b"k1", b"e1\ne4\ne7\ne8\n")], offsets)
        joined = b"e1\ne4\ne7\ne8\nlate\n"
        assert await rows.foreign_writes(0) == {b"k1": joined}

        offsets = await worker.log.publish(rows.changelog, 0, [(b"k1", joined, None, None)])
        rows.install(0, [(b"k1", joined)], offsets)
        assert await rows.foreign_writes(0) == {}
        assert rows.end_offset(0) == rows.last_own_write(0) + 1


async def test_rows_of_a_partition_that_went_are_dropped_and_come_back_complete(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Two members hold disjoint rows; when one goes, the other has all of them, with what the first had written."""
    name, gone = f"{prefix}drop", []
    await make_topics(kafka.address, name, 2)
    first = build(kafka.address, name, 2, datadir=tmp_path / "a")
    second = build(kafka.address, name, 2, datadir=tmp_path / "b")
    first.rows.on_revoked(lambda number: gone.append((number, first.rows.partitions())))

    async def feed(label: bytes) -> None:
        for partition in (0, 1):
            await produce(kafka.address, name, [(b"k", label)], partition=partition)

    def held(worker: Worker) -> dict[int, bytes]:
        return {number: worker.rows.partition(number).get(b"k", b"") for number in worker.rows.partitions()}

    async with running(first):
        await feed(b"one")
        await wait_for(lambda: held(first) == {0: b"one\n", 1: b"one\n"}, 30, "all rows at the first")
        async with running(second):
            await wait_for(lambda: len(held(first)) == len(held(second)) == 1, 30, "one partition each")
            assert sorted(gone) == [(0, []), (1, [])]
            (theirs,) = second.rows.partitions()
            assert first.rows.partitions() == [1 - theirs]
            try:
                first.rows.partition(theirs)
            except NotOwned:
                pass
            else:
                raise AssertionError("the rows of a partition that went are still there")
            await feed(b"two")
            for worker in (first, second):
                await wait_for(lambda w=worker: list(held(w).values()) == [b"one\ntwo\n"], 30, "the second event")
        await wait_for(lambda: held(first) == {0: b"one\ntwo\n", 1: b"one\ntwo\n"}, 30, "all rows back")


async def test_partition_counts_that_disagree_refuse_to_start(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """A source partition without a changelog partition ends the process; nothing is read or committed."""
    name = f"{prefix}counts"
    await create_topics(kafka.address, {name: 2, f"{name}-rows": 1, f"{name}-out": 2})
    await produce(kafka.address, name, [(b"k", b"e")], partition=1)
    async with WorkerProcess(kafka.address, name, 2, tmp_path) as worker:
        await worker.start()
        assert await worker.wait(30) == 1
        assert await read_all(kafka.address, f"{name}-out") == []
        assert await committed(kafka.address, name) == {}


async def test_records_deleted_before_they_were_read_end_the_process(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Where stock would go on at the new start of the log, the worker says what is missing and stops."""
    from aiokafka import TopicPartition
    from aiokafka.admin.records_to_delete import RecordsToDelete

    name = f"{prefix}deleted"
    await make_topics(kafka.address, name, 1)
    await produce(kafka.address, name, [(b"k", b"e%d" % i) for i in range(10)], partition=0)
    worker = build(kafka.address, name, 1, datadir=tmp_path)
    async with running(worker):

        async def read() -> bool:
            return await committed(kafka.address, name) == {0: 10}

        await wait_for(read, 30, "the first ten")
    await produce(kafka.address, name, [(b"k", b"f%d" % i) for i in range(10)], partition=0)
    async with admin_client(kafka.address) as admin:
        await admin.delete_records({TopicPartition(name, 0): RecordsToDelete(before_offset=15)})
    async with WorkerProcess(kafka.address, name, 1, tmp_path) as process:
        await process.start()
        assert await process.wait(30) == 1
        assert "committed 10, the log starts at 15" in process.said()
