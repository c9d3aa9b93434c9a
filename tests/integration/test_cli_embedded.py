"""The verbs that read, on the broker that the demo runs on."""

from __future__ import annotations

import asyncio
from uuid import uuid4

from aiokafka import AIOKafkaProducer

from adapters.broker.embedded import EmbeddedBroker
from streams.row import Row, Waiting
from streams.rowcodec import encode
from tests.integration.installation import Place


def test_every_record_is_read_where_the_brokers_end_offset_is_too_low(embedded_broker: EmbeddedBroker) -> None:
    """The embedded broker names the base of the last batch + 1 as the end; the rest of it is read all the same."""
    place = Place(embedded_broker.address, f"t-{uuid4().hex[:8]}.")
    place.run("topics", "init")

    async def write() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=place.address, acks="all", linger_ms=200)
        await producer.start()
        futures = []
        for number in range(20):
            item = Waiting("credit_note", f"rf{number}", "refund", "2026-11-27T11:52:09Z")
            row = Row(str(number), waiting={item.key: item}, stamp=(1, number))
            value = encode(row)
            futures.append(
                await producer.send(place.topology.sequencer_changelog, value, key=row.order_key.encode(), partition=0)
            )
        await asyncio.gather(*futures)
        await producer.stop()

    asyncio.run(write())
    assert {entry["order_id"] for entry in place.json("waiting", code=0)} == {str(number) for number in range(20)}
