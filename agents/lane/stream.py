"""How an agent reads its lane."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from agents.lane.batch import Batch


async def stream_batches(stream: Any, *, auto_ack: bool = True) -> AsyncIterator[Batch]:
    """The batches of all partitions assigned, one after the other.

    With `auto_ack` a batch is acknowledged when the body of the loop has finished, and a rebalance waits for that. A
    body that raises acknowledges nothing: the process is expected to end. Without, the reader calls `batch.ack()` when
    it will, in any order, and a rebalance does not wait (see `Lane.on_revoking`).
    """
    lane = stream.app.consumer.lane
    # noack: the stream must not acknowledge by itself. Faust's compiled stream bypasses the consumer when it does, and
    # the pure one acknowledges messages too that it skipped because of a rebalance.
    async for event in stream.noack().events():
        batch: Batch = event.value
        if not auto_ack:
            if not batch.stale:
                yield batch
            continue
        async with lane.in_hand(batch) as in_time:
            if in_time:
                yield batch
                batch.ack()


def batches(stream: Any) -> AsyncIterator[Batch]:
    """The batches of the stream, each acknowledged when the body of the loop has finished."""
    return stream_batches(stream)
