"""Putting the lane into an app."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from faust.transport.drivers import aiokafka as driver

from agents.lane.consumer import LaneConsumer
from agents.lane.lane import Lane
from agents.lane.producer import AcknowledgedProducer
from agents.lane.recovery import LaneTableManager

if TYPE_CHECKING:
    from agents.lease import Lease


def install(
    app: Any, sizes: Mapping[str, int], depth: int = 2, *, idempotent: bool = True, lease: Lease | None = None
) -> Lane:
    """Let `app` read its topics in batches of at most `sizes[topic]` records.

    Memory is bounded by `depth` batches that are not committed plus one fetch, for each partition. All source topics of
    the app must be in `sizes`; its tables must use the lane's store. `idempotent=False` is for the embedded broker,
    which has no idempotent producer.
    """
    lane = Lane(app, sizes, depth, lease)
    consumer = type("Consumer", (LaneConsumer,), {"lane": lane})
    producer = type("Producer", (AcknowledgedProducer,), {"idempotent": idempotent})
    transport = type("LaneTransport", (driver.Transport,), {"Consumer": consumer, "Producer": producer})
    app.conf.TableManager = LaneTableManager
    app.transport = transport(app.conf.broker_consumer, app)
    return lane
