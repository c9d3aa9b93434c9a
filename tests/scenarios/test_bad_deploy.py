"""A bad deploy: when almost everything fails, consumption stops and says so."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from uuid import uuid4

from adapters.stage.child import run
from adapters.stage.stage import Stage
from streams.profile import Profile
from tests.brokers import RealKafka
from tests.kafka import committed_offsets, produce, read_all
from tests.scenarios.settings import profile_text


def test_e09_almost_everything_failing_stops_consumption_instead_of_dead_lettering(
    kafka: RealKafka, tmp_path: Path
) -> None:
    """Three hundred unreadable records: the worker ends, names the reason, letters none of them and commits nothing."""
    prefix = f"bad-deploy-{uuid4().hex[:8]}."
    stage = Stage(tmp_path, kafka.address, prefix=prefix, profile=profile_text())
    run(["topics", "init"], stage.env)
    record = Profile.from_toml(stage.profile_text, 1).to_record()
    asyncio.run(produce(kafka.address, f"{prefix}profiles", [(b"scenarios", record)]))
    poison = [(b"5001", b"{unreadable") for _ in range(300)]
    asyncio.run(produce(kafka.address, f"{prefix}events.reveni", poison))
    worker = stage.worker("sequencer", "sequencer", loglevel="info")
    worker.start()
    try:
        assert worker.wait(60) == 1, worker.tail()
    finally:
        worker.stop()
    assert "consumption stopped" in worker.log.read_text()
    (alarm,) = asyncio.run(read_all(kafka.address, f"{prefix}alarms"))
    assert json.loads(alarm.value)["alarm"] == "consumption-stopped"
    assert len(asyncio.run(read_all(kafka.address, f"{prefix}dead.letters"))) < 30
    committed = asyncio.run(committed_offsets(kafka.address, f"{prefix}sequencer", f"{prefix}events.reveni"))
    assert sum(committed.values()) < 30
