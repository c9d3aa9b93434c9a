"""Installations on a broker, one a module: the tests of a module hurt the same one, each with orders of its own."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from tests.brokers import RealKafka
from tests.crash.installation import Installation


@pytest.fixture(scope="module")
def installation(
    kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[Installation]:
    """Topics, simulators and gateway on real Kafka; closed at the end."""
    name = request.module.__name__.rpartition("_")[2]
    made = Installation(tmp_path_factory.mktemp(name), kafka.address, f"crash-{name}-{uuid4().hex[:6]}.")
    try:
        made.open()
        yield made
    finally:
        made.stage.close()
