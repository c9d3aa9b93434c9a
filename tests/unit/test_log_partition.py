"""Which partition a key belongs to."""

from __future__ import annotations

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner

from agents.log import partition_for


@pytest.mark.parametrize(
    ("key", "positive_hash"),
    [(b"21", -973932308), (b"foobar", -790332482), (b"a-little-bit-long-string", -985981536), (b"abc", 479470107)],
)
def test_the_hash_is_that_of_kafkas_java_clients(key: bytes, positive_hash: int) -> None:
    """Values from Apache Kafka's own UtilsTest.testMurmur2."""
    for count in (1, 3, 4, 12):
        assert partition_for(key, count) == (positive_hash & 0x7FFFFFFF) % count


def test_it_is_the_producers_own_choice() -> None:
    """A record sent without a partition lands where `partition_for` says."""
    draw, choose = random.Random(3), DefaultPartitioner()
    for _ in range(500):
        key = draw.randbytes(draw.randrange(1, 30))
        assert partition_for(key, 12) == choose(key, list(range(12)), list(range(12)))
