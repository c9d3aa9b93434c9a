"""Make the topics, compare them with what they must be, and keep the stamp that refuses a wrong start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from adapters.broker.connection import Connection
from adapters.broker.errors import BrokerError, BrokerUnreachable
from streams.topics import META_KEY, Stamp, TopicSpec, Topology

SETTLE_SECONDS = 30.0
"""How long a cluster may take until a new topic has a leader for each partition."""


class TopicsRefused(BrokerError):
    """The topics that are there are not the ones that the settings mean; nothing was changed."""


@dataclass(frozen=True, slots=True)
class FoundTopic:
    """A topic as the broker describes it."""

    partitions: int
    replicas: int  # of the partition with the fewest
    settings: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """What is on the cluster: its id, its brokers, and our topics that are there."""

    cluster_id: str
    brokers: int
    topics: Mapping[str, FoundTopic]
    stamp: Stamp | None


@dataclass(frozen=True, slots=True)
class InitReport:
    """What `init` did."""

    created: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
    stamped: bool = False
    accounts: tuple[str, ...] = field(default=())


@asynccontextmanager
async def reach(connection: Connection) -> AsyncIterator[AIOKafkaAdminClient]:
    """A started admin client; whatever keeps it from the broker is `BrokerUnreachable`."""
    try:
        admin = connection.admin()
    except OSError as error:
        raise BrokerUnreachable(f"A certificate for the broker cannot be read: {error}") from error
    try:
        await admin.start()
        yield admin
    except (KafkaError, OSError, TimeoutError) as error:
        detail = str(error) or type(error).__name__
        raise BrokerUnreachable(
            f"No broker answers at {connection.address} ({detail}). Set REVENI_STREAMS_KAFKA to your Kafka, or start "
            "the embedded broker: reveni-streams broker"
        ) from error
    finally:
        await admin.close()


async def look(connection: Connection, topology: Topology) -> Found:
    """What is there, without changing it."""
    async with reach(connection) as admin:
        cluster = await admin.describe_cluster()
        # All topics, never by name: the embedded broker makes a topic that it is asked for.
        listed: Sequence[Mapping[str, Any]] = await admin.describe_topics()
        wanted = {spec.name for spec in topology.topics()}
        there = {topic["topic"]: topic["partitions"] for topic in listed if topic["topic"] in wanted}
        settings = await _settings(admin, sorted(there))
        stamp = await _read_stamp(connection, topology.meta) if topology.meta in there else None
    topics = {
        name: FoundTopic(len(parts), min((len(part["replicas"]) for part in parts), default=0), settings.get(name, {}))
        for name, parts in there.items()
    }
    return Found(str(cluster.get("cluster_id") or ""), len(cluster["brokers"]), topics, stamp)


async def read_stamp(connection: Connection, topology: Topology) -> tuple[Stamp | None, str]:
    """The stamp in `meta` (None: no `topics init` yet) and the id of the cluster that answers."""
    async with reach(connection) as admin:
        cluster = await admin.describe_cluster()
        names = await admin.list_topics()
        stamp = await _read_stamp(connection, topology.meta) if topology.meta in names else None
    return stamp, str(cluster.get("cluster_id") or "")


def mismatches(found: Found, topology: Topology) -> list[str]:
    """Every difference between what is there and what must be, in sentences; empty when all is well."""
    said: list[str] = []
    if found.stamp is None:
        said.append(f"{topology.meta} carries no stamp; make the topics: reveni-streams topics init")
    else:
        refusal = found.stamp.refusal(topology.partitions, found.cluster_id)
        said += [refusal] if refusal else []
    for spec in topology.topics():
        topic = found.topics.get(spec.name)
        if topic is None:
            said.append(f"{spec.name} is missing; make it: reveni-streams topics init")
        else:
            said += spec.differences(topic.partitions, topic.settings)
    return said


async def check(connection: Connection, topology: Topology) -> list[str]:
    """The mismatches of the cluster; raises `BrokerUnreachable`."""
    return mismatches(await look(connection, topology), topology)


async def init(connection: Connection, topology: Topology, *, replication: int = -1) -> InitReport:
    """Make the topics that are missing, then stamp the cluster. Again and again is the same as once.

    Raises `TopicsRefused`, having changed nothing, when what is there contradicts the settings.
    """
    found = await look(connection, topology)
    refusals = [sentence for sentence in mismatches(found, topology) if "topics init" not in sentence]
    if refusals:
        raise TopicsRefused("\n".join(refusals))
    missing = [spec for spec in topology.topics() if spec.name not in found.topics]
    if missing:
        async with reach(connection) as admin:
            await _create(admin, missing, replication)
    if found.stamp is None:
        await _write_stamp(connection, topology.meta, Stamp(topology.partitions, found.cluster_id))
    return InitReport(
        created=tuple(spec.name for spec in missing),
        existing=tuple(sorted(found.topics)),
        stamped=found.stamp is None,
        accounts=topology.accounts,
    )


async def broker_time(connection: Connection, topology: Topology) -> int | None:
    """The broker's clock in milliseconds, by a marker in `meta`; None where it does not date records itself.

    It writes: that all in-sync replicas take a record is part of what `doctor` wants to know.
    """
    async with _producer(connection) as producer:
        sent = await producer.send_and_wait(topology.meta, b"{}", key=b"clock", partition=0, timestamp_ms=1)
    by_broker = int(sent.timestamp_type or 0) == 1 and int(sent.timestamp or 0) > 1
    return int(sent.timestamp) if by_broker else None


async def _create(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec], replication: int) -> None:
    # `replica_assignments` must not be None for "the broker's default" to pass aiokafka's own check.
    new = [
        NewTopic(spec.name, spec.partitions, replication, {} if replication == -1 else None, spec.settings())
        for spec in specs
    ]
    answer = await admin.create_topics(new)
    failed = [
        f"{name} could not be made: {message or for_code(code).__name__}"
        for name, code, message in answer.topic_errors
        if code not in (0, TopicAlreadyExistsError.errno)  # another init was faster
    ]
    if failed:
        raise TopicsRefused("\n".join(failed))
    async with asyncio.timeout(SETTLE_SECONDS):
        while not await _led(admin, specs):  # noqa: ASYNC110  (the broker tells nobody when it is done)
            await asyncio.sleep(0.1)


async def _led(admin: AIOKafkaAdminClient, specs: Sequence[TopicSpec]) -> bool:
    listed = {topic["topic"]: topic["partitions"] for topic in await admin.describe_topics()}
    return all(
        len(listed.get(spec.name, ())) >= spec.partitions and all(part["leader"] >= 0 for part in listed[spec.name])
        for spec in specs
    )


async def _settings(admin: AIOKafkaAdminClient, names: Sequence[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    answers = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    settings: dict[str, dict[str, str]] = {}
    for answer in answers:
        for resource in answer.to_object()["resources"]:
            if resource["error_code"]:
                raise for_code(resource["error_code"])(resource["resource_name"])
            entries = resource["config_entries"]
            settings[resource["resource_name"]] = {entry["config_names"]: entry["config_value"] for entry in entries}
    return settings


async def _read_stamp(connection: Connection, topic: str) -> Stamp | None:
    """The last stamp in `meta`. Raises `BrokerError` when it is not readable."""
    consumer = connection.consumer()
    await consumer.start()
    try:
        part = TopicPartition(topic, 0)
        consumer.assign([part])
        await consumer.seek_to_beginning(part)
        end = (await consumer.end_offsets([part]))[part]
        stamp: Stamp | None = None
        wrong: ValueError | None = None
        async with asyncio.timeout(SETTLE_SECONDS):
            # The fetched high watermark: the embedded broker's end offset is the base of its last batch + 1.
            while await consumer.position(part) < max(end, consumer.highwater(part) or 0):
                fetched: Mapping[Any, list[Any]] = await consumer.getmany(part, timeout_ms=200)
                for record in fetched.get(part, ()):
                    if record.key == META_KEY and record.value is not None:
                        try:
                            stamp, wrong = Stamp.decode(record.value), None
                        except ValueError as error:
                            wrong = error
    finally:
        await consumer.stop()
    if wrong is not None:  # the newest counts, and nobody knows what it says
        raise BrokerError(f"The stamp in {topic} cannot be read: {wrong}") from wrong
    return stamp


async def _write_stamp(connection: Connection, topic: str, stamp: Stamp) -> None:
    async with _producer(connection) as producer:
        await producer.send_and_wait(topic, stamp.encode(), key=META_KEY, partition=0)


@asynccontextmanager
async def _producer(connection: Connection) -> AsyncIterator[Any]:
    # Not idempotent: a stamp written twice is the same stamp, and the embedded broker can be served without asking.
    producer = connection.producer(enable_idempotence=False)
    try:
        await producer.start()
        yield producer
    except (KafkaError, OSError) as error:
        raise BrokerUnreachable(f"The broker at {connection.address} took no record: {error!r}") from error
    finally:
        await producer.stop()
