"""Reveni and the warehouse: each delivery is sent until it is answered as it should be, and stored as the gateway does.

The gateway's HTTP face stays outside; what it stores is made by its own code (envelope, headers, parts).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from random import Random

from aiokafka.errors import KafkaError

from adapters.gateway.sources import SOURCES
from adapters.generator.deliveries import Delivery
from agents.clock import rfc3339
from agents.log import partition_for
from streams.parts import MAX_RECORD, split
from tests.simulation.kafka import Broker
from tests.simulation.ports import SimClock

STORE_SECONDS = 5.0
LONGEST_PAUSE = 20.0
_DOORS = {source.path: source for source in SOURCES}

Sent = Callable[[Delivery], None]
Answered = Callable[[Delivery, int], None]


class Senders:
    """All the senders there are."""

    def __init__(
        self, broker: Broker, partitions: int, clock: SimClock, dice: Random, sent: Sent, answered: Answered
    ) -> None:
        self.unanswered = 0
        self.lossy = True  # answers get lost on their way
        self._broker, self._partitions, self._clock, self._dice = broker, partitions, clock, dice
        self._sent, self._answered = sent, answered

    async def send(self, delivery: Delivery) -> None:
        """Send it, and again until it is answered 200 (a forged one once)."""
        self.unanswered += 1
        pause = 1.0
        while True:
            self._sent(delivery)
            await asyncio.sleep(self._broker.network.latency())
            status = 401 if delivery.sort == "forged" else await self._store(delivery)
            await asyncio.sleep(self._broker.network.latency())
            if self.lossy and self._dice.random() < 0.02:
                status = 0
            self._answered(delivery, status)
            if status == delivery.wanted:
                break
            await asyncio.sleep(pause * (0.5 + self._dice.random() / 2))
            pause = min(pause * 2, LONGEST_PAUSE)
        self.unanswered -= 1

    async def _store(self, delivery: Delivery) -> int:
        """What the gateway does with it: 200 once it is stored, 503 if that is not certain."""
        source, body = _DOORS[delivery.route], delivery.body
        envelope = source.read_envelope(body)
        headers = (
            ("source", source.name.encode()),
            ("event-id", (envelope.event_id or hashlib.sha256(body).hexdigest()).encode()),
            ("received-at", rfc3339(self._clock.now()).encode()),
        )
        key = None if envelope.order_key is None else envelope.order_key.encode()
        number = self._dice.randrange(self._partitions) if key is None else partition_for(key, self._partitions)
        entries = [(key, part.value, headers + part.headers, None) for part in split(body, MAX_RECORD)]
        try:
            async with asyncio.timeout(STORE_SECONDS):
                await self._broker.write(source.topic, number, entries)
        except (TimeoutError, KafkaError):
            return 503
        return 200
