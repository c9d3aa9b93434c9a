"""Where the parts are put together: settings, broker, profile and adapters become the Faust apps of the workers.

`faust -A adapters.runtime:sequencer worker` and `faust -A adapters.runtime:dispatcher worker` start one each; the
dispatcher's account is in REVENI_STREAMS_ACCOUNT. `reveni-streams worker` does the same and looks after several.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition

from adapters import registry
from adapters.broker.connection import Connection
from adapters.settings import Settings
from streams.playbook import Playbook
from streams.profile import Profile, Shelf, Skipped
from streams.specimens import model_profile
from streams.topics import Stamp
from streams.validation import validate

log = structlog.get_logger(__name__)

ACCOUNT = "REVENI_STREAMS_ACCOUNT"


class CannotStart(Exception):
    """A worker cannot start; the message says what is wrong and how to mend it."""


def playbooks() -> dict[str, Playbook]:
    """Every system's playbook."""
    return {name: system.playbook() for name, system in registry.SYSTEMS.items()}


def trusted_playbooks(known: Mapping[str, Playbook]) -> Mapping[str, Playbook]:
    """The playbooks, once each came to rest on made-up orders; raises `CannotStart` with what stood still."""
    faults = [fault for name, playbook in known.items() for fault in validate(playbook, model_profile(name))]
    if faults:
        raise CannotStart("a playbook would leave orders standing:\n  " + "\n  ".join(faults))
    return known


async def newest_profile(new_consumer: Callable[[], AIOKafkaConsumer], topic: str, *, wait: float = 60) -> Profile:
    """The newest profile that can be used; waits for the first one. Raises `CannotStart` when none comes."""
    consumer = new_consumer()
    await consumer.start()
    shelf = Shelf(registry.read_published)
    try:
        tp = TopicPartition(topic, 0)
        consumer.assign([tp])
        await consumer.seek_to_beginning(tp)
        deadline = asyncio.get_running_loop().time() + wait
        while asyncio.get_running_loop().time() < deadline:
            fetched: Mapping[Any, list[Any]] = await consumer.getmany(tp, timeout_ms=500)
            for record in fetched.get(tp, ()):
                taken = shelf.take(record.value, record.offset)
                if isinstance(taken, Skipped):
                    log.error("unusable profile record", topic=topic, skipped=taken.sentence)
            if shelf.profile is not None and not fetched:
                return shelf.profile
    finally:
        await consumer.stop()
    passed_over = "".join(f"\n  {one.sentence}" for one in shelf.skipped)
    raise CannotStart(
        f"no usable profile in topic {topic} after {wait:.0f} s; publish one: reveni-streams profile publish FILE"
        f"{passed_over}"
    )


def cluster_of(settings: Settings, connection: Connection) -> str:
    """The cluster's id, once its `meta` stamp agrees with the settings; raises `CannotStart`."""
    from adapters.broker.admin import read_stamp

    async def read() -> tuple[Stamp | None, str]:
        return await read_stamp(connection, settings.topology())

    stamp, cluster = asyncio.run(read())
    if stamp is None:
        raise CannotStart("the topics are not there; make them: reveni-streams topics init")
    refusal = stamp.refusal(settings.partitions, cluster)
    if refusal:
        raise CannotStart(refusal)
    return cluster


def build_sequencer(settings: Settings) -> Any:
    """The sequencer's Faust app."""
    from agents.sequencer.app import SequencerSettings, build

    connection = settings.connection()
    return build(
        SequencerSettings(
            broker=connection.address,
            topology=settings.topology(),
            cluster=cluster_of(settings, connection),
            datadir=_datadir(settings, "sequencer"),
            session=settings.sequencer_session_seconds,
            idempotent=connection.idempotent,
            stop_when_all_fails=settings.stop_when_all_fails,
            credentials=connection.faust(),
        ),
        trusted_playbooks(playbooks()),
        connection.consumer,
        registry.read_published,
    )


def build_dispatcher(settings: Settings, account: str) -> Any:
    """The Faust app of one account's dispatcher."""
    from agents.dispatcher.app import DispatcherSettings, build

    connection = settings.connection()
    topology = settings.topology()
    profile = asyncio.run(newest_profile(connection.consumer, topology.named("profiles")))
    if account not in profile.accounts:
        known = ", ".join(sorted(profile.accounts))
        raise CannotStart(f"the profile has no account {account!r}; it has: {known}")
    table = profile.document["accounts"][account]
    credentials = read_credentials(account, profile.account(account).credentials)
    system = registry.system(profile.account(account).system)
    return build(
        DispatcherSettings(
            broker=connection.address,
            topology=topology,
            account=account,
            cluster=cluster_of(settings, connection),
            session_seconds=settings.dispatcher_session_seconds,
            idempotent=connection.idempotent,
            stop_when_all_fails=settings.stop_when_all_fails,
            head_room=profile.account(account).head_room,
            datadir=_datadir(settings, f"dispatcher-{account}"),
            faust=dict(connection.faust()),
        ),
        lambda: system.adapter(table, credentials, profile.merchant.time_zone),
    )


def read_credentials(account: str, names: Mapping[str, str]) -> dict[str, str]:
    """The secrets behind the names of environment variables; raises `CannotStart` naming every one that is missing."""
    missing = sorted(variable for variable in names.values() if not os.environ.get(variable))
    if missing:
        raise CannotStart(f"account {account}: set the environment variables {', '.join(missing)}")
    return {name: os.environ[variable] for name, variable in names.items()}


def _datadir(settings: Settings, name: str) -> Path:
    path = Path(settings.data_dir) / f"{name}-{os.getpid()}"
    path.mkdir(parents=True, exist_ok=True)
    return path


def sequencer_app() -> Any:
    return build_sequencer(Settings())


def dispatcher_app() -> Any:
    account = os.environ.get(ACCOUNT)
    if not account:
        raise CannotStart(f"set {ACCOUNT} to the account this dispatcher is for")
    return build_dispatcher(Settings(), account)


def __getattr__(name: str) -> Any:
    """`faust -A` wants an app, not a function: it is built when it is asked for."""
    if name == "sequencer":
        return sequencer_app()
    if name == "dispatcher":
        return dispatcher_app()
    raise AttributeError(name)
