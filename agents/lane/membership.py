"""What the consumer's thread knows of the group: the generation, and when the broker last heard of us."""

from __future__ import annotations

from typing import Any

from faust.transport.drivers import aiokafka as driver

NO_GENERATION = -1


class MembershipThread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]  # faust's classes are untyped here
    """Faust's consumer thread, telling the lease of every heartbeat."""

    async def on_start(self) -> None:
        await super().on_start()
        lease = self.consumer.lane.lease
        if lease is not None:
            lease.watch(self._consumer._coordinator)

    def current_generation(self) -> int:
        """The generation as the group coordinator's client sees it; -1 when we are out of the group."""
        consumer: Any = self._consumer
        return NO_GENERATION if consumer is None else int(consumer._coordinator.generation)
