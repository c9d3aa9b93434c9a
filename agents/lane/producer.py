"""Faust's producer, with acknowledgement by all replicas and, where the broker can, without repeats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from faust.transport.drivers import aiokafka as driver


class AcknowledgedProducer(driver.Producer):  # type: ignore[misc]  # faust's classes are untyped here
    """acks=all always; idempotent (no repeats or gaps from the client's own retries) unless the broker cannot."""

    idempotent = True

    def _settings_extra(self) -> Mapping[str, Any]:
        return {"acks": "all", "enable_idempotence": self.idempotent}
