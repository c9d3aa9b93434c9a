"""Writing record batches on a real broker."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka.errors import MessageSizeTooLargeError

from agents.log import Entry
from tests.brokers import RealKafka
from tests.integration.lane_app import build, make_topics, running
from tests.kafka import read_all


async def test_what_was_published_is_there_in_order_with_the_offsets_it_was_told(
    kafka: RealKafka, prefix: str, tmp_path: Path
) -> None:
    """Many batches, one record larger than a batch, several partitions at once; keys, headers and times are kept."""
    name = f"{prefix}log"
    await make_topics(kafka.address, name, 2)
    small = [Entry(b"k%d" % i, b"v%d" % i * 50, [("n", b"%d" % i)], 1_700_000_000_000 + i) for i in range(2_000)]
    entries = [*small[:900], Entry(None, b"x" * 200_000), *small[900:], Entry(b"gone", None), Entry(b"empty", b"")]
    async with running(build(kafka.address, name, 2, batch_bytes=20_000, datadir=tmp_path)) as worker:
        offsets = await worker.log.publish_all({(worker.out, 0): entries, (worker.out, 1): small[:3]})
        more = await worker.log.publish(worker.out, 1, [Entry(b"k", b"more")])
        assert await worker.log.publish(worker.out, 1, []) == []
    assert offsets == {(worker.out, 0): list(range(len(entries))), (worker.out, 1): [0, 1, 2]}
    assert more == [3]
    there = await read_all(kafka.address, worker.out, partition=0)
    assert [(r.key, r.value) for r in there] == [(e.key, e.value) for e in entries]
    assert [(r.headers, r.timestamp) for r in there[:900]] == [((("n", b"%d" % i),), small[i][3]) for i in range(900)]


async def test_a_record_that_the_broker_refuses_is_raised(kafka: RealKafka, prefix: str, tmp_path: Path) -> None:
    """Too large for the broker: the caller hears of it, also among others published at once."""
    name = f"{prefix}large"
    await make_topics(kafka.address, name, 2)
    huge = [Entry(b"k", b"x" * 3_000_000)]
    async with running(build(kafka.address, name, 2, datadir=tmp_path)) as worker:
        with pytest.raises(MessageSizeTooLargeError):
            await worker.log.publish(worker.out, 0, [Entry(b"k", b"fine"), *huge])
        with pytest.raises(MessageSizeTooLargeError):
            await worker.log.publish_all({(worker.out, 0): huge, (worker.out, 1): [Entry(b"k", b"fine")]})
