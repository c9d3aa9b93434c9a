"""The sequencer as a Faust app: the actor in `app.agents`, its rows in `app.tables`, started by `faust worker`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer

from agents.clock import Clock, SystemClock
from agents.gate import DeadRatio
from agents.lane import install
from agents.log import RecordLog
from agents.profiles import ProfileWatcher
from agents.runtime import faust_app
from agents.sequencer.actor import Sequencer
from agents.sequencer.joins import Joins
from agents.sequencer.outbox import Setting
from agents.sequencer.turn import READERS
from agents.store import table_rows
from streams.playbook import Playbook
from streams.profile import Profile
from streams.topics import Topology

SWEEP_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SequencerSettings:
    """Where the sequencer runs and how it reads. Times in seconds."""

    broker: str
    topology: Topology
    cluster: str
    datadir: Path
    batch: int = 2000
    session: float = 8.0
    heartbeat: float = 1.0
    rebalance: float = 20.0
    idempotent: bool = True
    stop_when_all_fails: bool = True  # E09
    credentials: Mapping[str, Any] = field(default_factory=dict)  # further settings of Faust's: credentials, TLS


def build(
    settings: SequencerSettings,
    playbooks: Mapping[str, Playbook],
    new_consumer: Callable[[], AIOKafkaConsumer],
    read_profile: Callable[[bytes], Profile] = Profile.from_record,
    clock: Clock | None = None,
) -> Any:
    """The app; `new_consumer` makes plain consumers for the profile's topic, `read_profile` raises for what is none."""
    topology = settings.topology
    app = faust_app(
        topology.sequencer_app,
        settings.broker,
        partitions=topology.partitions,
        session=settings.session,
        heartbeat=settings.heartbeat,
        rebalance=settings.rebalance,
        datadir=settings.datadir,
        **settings.credentials,
    )
    clock = clock or SystemClock()
    names = [topology.named(name) for name in READERS]
    lane = install(app, dict.fromkeys(names, settings.batch), idempotent=settings.idempotent)
    joins = Joins()
    rows = table_rows(app, "orders", partitions=topology.partitions, merge=joins.merge, on_unreadable=joins.unreadable)
    profiles = ProfileWatcher(topology.named("profiles"), playbooks, new_consumer, read=read_profile)
    sequencer = Sequencer(
        lane,
        rows,
        RecordLog(app),
        joins=joins,
        setting=Setting(topology.prefix, topology.sequencer_app, settings.cluster, topology.sequencer_app),
        profiles=profiles,
        clock=clock,
        generation=lambda: int(app.consumer_generation_id),
        dead_ratio=DeadRatio(stops=settings.stop_when_all_fails),
    )
    source = app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
    app.agent(source, name="sequencer")(sequencer.run)
    app.task(profiles.follow)
    app.task(lambda: _sweeps(sequencer, clock))
    app.sequencer = sequencer
    return app


async def _sweeps(sequencer: Sequencer, clock: Clock) -> None:
    """One sweep after the other, with a second between: a timer of Faust's warns of each that takes longer."""
    while True:
        await clock.sleep(SWEEP_SECONDS)
        await sequencer.sweep()
