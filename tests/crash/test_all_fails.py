"""E09 on a real broker: a flood of rubbish stops the sequencer, and whoever has looked at it can let it go on."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from tests.crash.installation import Installation
from tests.kafka import read_all

pytestmark = pytest.mark.kafka

RUBBISH = 120


def test_a_flood_of_rubbish_stops_consumption_and_is_dead_lettered_when_told_so(installation: Installation) -> None:
    """It ends by itself with few letters and an alarm, after each start; told to go on it buries all, once each."""
    topic, letters = installation.topology.named("events.reveni"), installation.topology.named("dead.letters")
    address = installation.stage.kafka
    asyncio.run(_flood(address, topic))
    worker = installation.sequencer()
    for _ in range(2):
        worker.start()
        installation.wait(lambda: not worker.running, 40, "it went on")
        assert worker.code not in (0, None), worker.tail(20)
        assert "STOP_WHEN_ALL_FAILS" in worker.tail(80)
        assert installation.dead_letters() < 20
    alarms = asyncio.run(read_all(address, installation.topology.named("alarms")))
    said = [record for record in alarms if record.key == b"consumption-stopped"]
    assert said
    assert all(orjson.loads(record.value or b"{}")["state"] == "on" for record in said)
    worker.start(REVENI_STREAMS_STOP_WHEN_ALL_FAILS="false")
    installation.wait(lambda: installation.dead_letters() >= RUBBISH, 40, "not all was dead-lettered")
    installation.wait(lambda: not installation.behind(), 20, lambda: f"behind: {installation.behind()}")
    buried = asyncio.run(read_all(address, letters))
    assert {record.value for record in buried} == {_rubbish(number) for number in range(RUBBISH)}
    assert worker.stop() == 0, worker.tail(40)


def _rubbish(number: int) -> bytes:
    return b'{"rubbish": %d' % number


async def _flood(address: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        for number in range(RUBBISH):
            await producer.send(topic, _rubbish(number), key=b"5001", partition=number % 4)
        await producer.flush()
