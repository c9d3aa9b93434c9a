"""Real Apache Kafka in a container, where a container engine answers. testcontainers is a development dependency.

This way of getting a broker was written against the documentation of the `apache/kafka` image and has not been run:
no engine answered where the project was built. The jars (`kafka_jars`) are the way that is exercised.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

from adapters.broker.errors import NoBrokerHere
from adapters.broker.kafka_jars import KAFKA_VERSION
from adapters.broker.process import answers, free_port

IMAGE = f"apache/kafka:{KAFKA_VERSION}"


def engine_answers() -> bool:
    """Whether a container engine is there and testcontainers is installed to ask it."""
    try:
        import_module("testcontainers.core.container")
        docker: Any = import_module("docker")
    except ImportError:
        return False
    try:
        client = docker.from_env(timeout=3)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except docker.errors.DockerException:
        return False


class KafkaContainer:
    """One KRaft broker in a container, on a loopback port of this machine."""

    def __init__(self) -> None:
        self.port = free_port()
        self._container: Any = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self, seconds: float = 120) -> None:
        """Pull the image if need be, start, and return when clients can use it."""
        from testcontainers.core.container import DockerContainer

        settings = {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": f"PLAINTEXT://0.0.0.0:{self.port},CONTROLLER://localhost:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://127.0.0.1:{self.port}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
        }
        container = DockerContainer(IMAGE).with_kwargs(ports={f"{self.port}/tcp": ("127.0.0.1", self.port)})
        for name, value in settings.items():
            container = container.with_env(name, value)
        container.start()
        self._container = container
        try:
            self._wait_ready(seconds)
        except NoBrokerHere:
            self.stop()
            raise

    def stop(self) -> None:
        if self._container is not None:
            self._container.stop()

    def restart(self, *, kill: bool = False) -> None:
        """Go away and come back at the same address with the same data."""
        self._container.get_wrapped_container().restart(timeout=0 if kill else 30)
        self._wait_ready(60)

    def _wait_ready(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not answers("127.0.0.1", self.port):
            if time.monotonic() > end:
                raise NoBrokerHere(f"the Kafka container did not answer within {seconds:.0f} s")
            time.sleep(0.2)
