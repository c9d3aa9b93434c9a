"""Which real Kafka the tests get, and the ledger of how many real-broker tests ran."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from adapters.broker import containers, kafka_jars
from adapters.broker.errors import BrokerError, NoBrokerHere

ADDRESS_VARIABLE = "REVENI_STREAMS_TEST_KAFKA"


def _refuse(*, kill: bool = False) -> None:
    raise BrokerError(f"The broker at {ADDRESS_VARIABLE} is not ours to restart.")


@dataclass
class RealKafka:
    """A real Apache Kafka that the tests may use."""

    address: str
    origin: str  # address, container, jars
    stop: Callable[[], None] = lambda: None
    restart: Callable[..., None] = _refuse
    """`restart(kill=True)` ends it as a power failure would; it comes back at the same address with its data."""


def start_real_kafka(directory: Path) -> RealKafka | str:
    """A running Kafka, or the reason why there is none."""
    address = os.environ.get(ADDRESS_VARIABLE, "")
    if address:
        return RealKafka(address, "address")
    if containers.engine_answers():
        container = containers.KafkaContainer()
        container.start()
        return RealKafka(container.address, "container", container.stop, container.restart)
    lacking = kafka_jars.missing()
    if lacking:
        return f"no {ADDRESS_VARIABLE}, no container engine, {lacking}"
    try:
        broker = kafka_jars.KafkaProcess(directory)
        broker.start()
    except NoBrokerHere as absent:  # a broker that is there and does not start is a failure, not an absence
        return str(absent)
    return RealKafka(broker.address, "jars", broker.stop, broker.restart)


@dataclass
class RealBrokerLedger:
    """Which tests needed a real broker and which of them got one."""

    wanted: set[str] = field(default_factory=set)
    ran: set[str] = field(default_factory=set)

    @property
    def skipped(self) -> list[str]:
        return sorted(self.wanted - self.ran)

    def summary(self) -> str:
        return f"{len(self.ran)} of {len(self.wanted)} real-broker tests ran"

    def fails_the_run(self, environment: dict[str, str]) -> bool:
        """In CI a real part that was skipped is a failure: green must mean that it ran."""
        return environment.get("CI", "").lower() in {"true", "1"} and bool(self.skipped)
