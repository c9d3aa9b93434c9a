"""The broker itself is killed under load and comes back at its address with its data."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from adapters.broker import kafka_jars
from tests.crash.installation import Installation
from tests.crash.traffic import Load, Traffic


@pytest.fixture
def own_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka_jars.KafkaProcess]:
    """A Kafka of this test's own: nobody else's work is on it."""
    lacking = kafka_jars.missing()
    if lacking:
        pytest.skip(f"NO REAL KAFKA: {lacking}")
    broker = kafka_jars.KafkaProcess(tmp_path_factory.mktemp("killed-kafka"))
    broker.start()
    yield broker
    broker.stop()


@pytest.mark.kafka
def test_a_broker_killed_under_load(
    own_kafka: kafka_jars.KafkaProcess, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Workers may end and are started again by the one that looks after them; senders send again; all is done once."""
    made = Installation(tmp_path_factory.mktemp("restart"), own_kafka.address, f"crash-{uuid4().hex[:6]}.")
    try:
        made.open()
        worker = made.stage.worker("worker", "all")
        worker.start()
        traffic = Traffic(made.stage, 12)
        with Load(traffic, 3.0):
            _more_calls(made, 60)
            own_kafka.restart(kill=True)
            _more_calls(made, 60)
        made.wait_until_done(traffic.stories, 90)
        assert worker.running, worker.tail(40)
        assert traffic.failed == []
        verdict = made.judge(traffic.stories)
        assert verdict.kept, verdict
    finally:
        made.stage.close()


def _more_calls(made: Installation, count: int) -> None:
    wanted = made.calls()["calls"] + count
    made.wait(lambda: made.calls()["calls"] >= wanted, 90, f"{count} more calls")
