"""A worker for the lane's tests: keeps every id it has read, in its changelog. Settings come from the environment.

Rows are sets of ids by key (as sorted lines), so that joining is a union; each new id is also written to the output.
Run: python -m tests.integration.lane_app
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

from agents.lane import batches, install
from agents.log import RecordLog
from agents.runtime import faust_app, run_worker
from agents.store import Rows, UnreadableRecord

QUARANTINED = b"quarantined\n"


def merge(key: bytes, old: bytes | None, new: bytes) -> bytes:
    """Union of two sets of lines; a byte that is not ASCII cannot be read."""
    if not new.isascii():
        raise UnreadableRecord(f"{key!r}: not ASCII")
    return b"".join(sorted({*(old or b"").splitlines(True), *new.splitlines(True)}))


def build(
    broker: str,
    name: str,
    partitions: int,
    *,
    topics: tuple[str, ...] | None = None,
    size: int = 500,
    depth: int = 2,
    slow: float = 0.0,
    idempotent: bool = True,
    **settings: Any,
) -> tuple[Any, Rows, Any]:
    """The app, its rows and its lane; topics `<name>`, `<name>-rows` (changelog) and `<name>-out`."""
    topics = topics or (name,)
    app = faust_app(name, broker, partitions=partitions, session=6.0, rebalance=6.0, **settings)
    lane = install(app, dict.fromkeys(topics, size), depth, idempotent=idempotent)
    rows = Rows(
        app,
        "seen",
        partitions=partitions,
        merge=merge,
        on_unreadable=lambda key, raw, error: QUARANTINED,
        changelog=f"{name}-rows",
    )
    log = RecordLog(app)

    @app.agent(app.topic(*topics, value_type=bytes, key_type=bytes, value_serializer="raw", key_serializer="raw"))
    async def keep(stream: Any) -> None:
        async for batch in batches(stream):
            partition, held = batch.tp.partition, rows.partition(batch.tp.partition)
            changed: dict[bytes, bytes] = {}
            for record in batch.records:
                old = changed.get(record.key) or held.get(record.key)
                changed[record.key] = merge(record.key, old, record.value + b"\n")
            items = list(changed.items())
            offsets = await log.publish(rows.changelog, partition, [(k, v, None, None) for k, v in items])
            rows.install(partition, items, offsets)
            await log.publish(f"{name}-out", partition, [(r.key, r.value, None, None) for r in batch.records])
            if slow:
                await asyncio.sleep(slow * len(batch.records))

    return app, rows, lane


def main() -> None:
    env = os.environ
    app, _, _ = build(
        env["LANE_BROKER"],
        env["LANE_NAME"],
        int(env["LANE_PARTITIONS"]),
        topics=tuple(env["LANE_TOPICS"].split(",")) if env.get("LANE_TOPICS") else None,
        size=int(env.get("LANE_SIZE", "500")),
        slow=float(env.get("LANE_SLOW", "0")),
        idempotent=env.get("LANE_IDEMPOTENT", "1") == "1",
        datadir=env["LANE_DATADIR"],
    )
    run_worker(app, loglevel=env.get("LANE_LOGLEVEL", "warn"))


if __name__ == "__main__":
    main()
