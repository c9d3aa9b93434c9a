"""The broker and the profile of a demo."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from adapters.broker.connection import Connection
from adapters.broker.embedded import EmbeddedBroker
from adapters.broker.kafka_jars import KafkaProcess

PROFILE = Path(__file__).parents[2] / "docker" / "profiles" / "demo.toml"


@dataclass(frozen=True, slots=True)
class Standing:
    """A broker that stands, and how to end it if it is ours."""

    name: str
    connection: Connection
    prefix: str
    embedded: bool
    stop: Callable[[], None]

    @property
    def address(self) -> str:
        return self.connection.address


def broker_for(choice: str, directory: Path) -> Standing:
    """The broker that was asked for; empty: the one of the settings, else the embedded one. Raises `BrokerError`."""
    choice = choice or os.environ.get("REVENI_STREAMS_KAFKA", "") or "embedded"
    if choice == "embedded":
        tansu = EmbeddedBroker(directory, port=None)
        tansu.start()
        return Standing("embedded", Connection(tansu.address, said_idempotent=False), "", True, tansu.stop)
    if choice == "kafka":
        kafka = KafkaProcess(directory)
        kafka.start()
        return Standing("Apache Kafka", Connection(kafka.address), "", False, kafka.stop)
    # Somebody's own broker: topics of our own beside theirs.
    return Standing(choice, Connection(choice), f"demo-{uuid4().hex[:8]}.", False, lambda: None)


def demo_profile(deadline_seconds: int) -> str:
    """The demo's profile, with `{simulators}` for the simulators' address."""
    text = PROFILE.read_text(encoding="utf-8")
    text = text.replace("http://127.0.0.1:8600", "{simulators}")
    return re.sub(r"deadline_seconds = \d+", f"deadline_seconds = {deadline_seconds}", text)
