"""`topics init` and `topics check` against both brokers: made once, the same again, a mismatch refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from adapters.broker import admin
from adapters.broker.admin import TopicsRefused
from adapters.broker.connection import Connection
from adapters.broker.embedded import EmbeddedBroker
from adapters.broker.errors import BrokerUnreachable
from adapters.broker.process import answers, free_port
from streams.topics import META_KEY, Stamp, Topology
from tests.brokers import RealKafka
from tests.kafka import create_topics, produce, read_all, wait_for


@pytest.fixture(
    params=[pytest.param("kafka", marks=pytest.mark.kafka), pytest.param("embedded", marks=pytest.mark.embedded)]
)
def connection(request: pytest.FixtureRequest) -> Connection:
    """Both brokers, one after the other."""
    broker: Any = request.getfixturevalue("kafka" if request.param == "kafka" else "embedded_broker")
    return Connection(broker.address)


async def test_init_makes_all_and_doing_it_again_changes_nothing(connection: Connection, prefix: str) -> None:
    """After `init` the check finds nothing; a second `init` makes nothing and writes no second stamp."""
    topology = Topology(prefix, 3, ("ns",))
    first = await admin.init(connection, topology)
    assert set(first.created) == {spec.name for spec in topology.topics()}
    assert await admin.check(connection, topology) == []
    second = await admin.init(connection, topology)
    assert (second.created, second.stamped) == ((), False)
    assert len(await read_all(connection.address, topology.meta)) == 1


async def test_an_account_that_is_added_gets_its_topics(connection: Connection, prefix: str) -> None:
    """A new account in the profile is a finding of the check, and `init` makes just its topics."""
    await admin.init(connection, Topology(prefix, 2, ("ns",)))
    grown = Topology(prefix, 2, ("ns", "sf"))
    assert len(await admin.check(connection, grown)) == 4
    assert set((await admin.init(connection, grown)).created) == {
        f"{prefix}erp.commands.sf",
        f"{prefix}erp.commands.sf.goods",
        f"{prefix}erp.commands.sf.bulk",
        f"{prefix}dispatcher-sf-begun-changelog",
    }
    assert await admin.check(connection, grown) == []


async def test_another_partition_count_is_refused_and_nothing_changed(connection: Connection, prefix: str) -> None:
    """Settings that disagree with the stamp are refused by `init` before it makes anything."""
    await admin.init(connection, Topology(prefix, 2))
    other = Topology(prefix, 4, ("ns",))
    with pytest.raises(TopicsRefused, match="REVENI_STREAMS_PARTITIONS=2"):
        await admin.init(connection, other)
    found = await admin.look(connection, other)
    assert f"{prefix}erp.commands.ns" not in found.topics
    assert found.stamp is not None and found.stamp.partitions == 2


async def test_co_partitioned_topics_that_disagree_are_refused(connection: Connection, prefix: str) -> None:
    """A topic that somebody made by hand with another count is named, and no stamp is written over it."""
    topology = Topology(prefix, 4)
    await create_topics(connection.address, {f"{prefix}erp.outcomes": 2})
    with pytest.raises(TopicsRefused, match=r"erp\.outcomes has 2 partitions, wanted 4"):
        await admin.init(connection, topology)
    assert (await admin.read_stamp(connection, topology))[0] is None


async def test_a_stamp_of_another_cluster_is_refused(connection: Connection, prefix: str) -> None:
    """Topics that were copied from another cluster carry its id, and a start on them is refused."""
    topology = Topology(prefix, 2)
    await admin.init(connection, topology)
    await produce(connection.address, topology.meta, [(META_KEY, Stamp(2, "elsewhere").encode())])
    (sentence,) = await admin.check(connection, topology)
    assert "made on cluster elsewhere" in sentence


async def test_the_newest_stamp_counts(connection: Connection, prefix: str) -> None:
    """`meta` is read to its end: of several stamps, of one batch even, the last is the one in force."""
    topology = Topology(prefix, 2)
    await admin.init(connection, topology)
    stamps = [(META_KEY, Stamp(2, f"cluster-{i}").encode()) for i in range(3)]
    await produce(connection.address, topology.meta, stamps)
    stamp, _ = await admin.read_stamp(connection, topology)
    assert stamp == Stamp(2, "cluster-2")


async def test_weaker_settings_are_named(kafka: RealKafka, prefix: str) -> None:
    """A topic of which old records would be dropped, or large ones refused, is a finding for each setting."""
    connection, topology = Connection(kafka.address), Topology(prefix, 1)
    name = f"{prefix}audit"
    await create_topics(kafka.address, {name: 1}, {name: {"retention.ms": "1000", "max.message.bytes": "1000"}})
    found = [sentence for sentence in await admin.check(connection, topology) if name in sentence]
    assert found == [
        f"{name}: retention.ms is 1000, wanted -1",
        f"{name}: max.message.bytes is 1000, wanted at least 1048588",
    ]


async def test_kafka_dates_what_its_clock_must_date(kafka: RealKafka, prefix: str) -> None:
    """The broker's clock can be read through `meta`, and the marker for it does not hide the stamp."""
    connection, topology = Connection(kafka.address), Topology(prefix, 1)
    await admin.init(connection, topology)
    first = await admin.broker_time(connection, topology)
    second = await admin.broker_time(connection, topology)
    assert first is not None and second is not None and 1_700_000_000_000 < first <= second
    assert (await admin.read_stamp(connection, topology))[0] is not None


async def test_producers_are_idempotent_where_the_broker_can(kafka: RealKafka, embedded_broker: EmbeddedBroker) -> None:
    """The embedded broker, which refuses idempotent producers, is recognised by its cluster's id."""
    assert Connection(kafka.address).idempotent
    assert not Connection(embedded_broker.address).idempotent
    assert Connection(embedded_broker.address, said_idempotent=True).idempotent


async def test_no_broker_is_said_so() -> None:
    """An address where nothing listens ends in one sentence that names it."""
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnreachable, match=address):
        await admin.check(Connection(address), Topology())


async def test_records_survive_a_killed_broker(kafka: RealKafka, prefix: str) -> None:
    """The broker that tests restart comes back at its address, with what it had acknowledged and its cluster's id."""
    if kafka.origin == "address":
        pytest.skip("the broker at the given address is not ours to kill")
    connection, topology = Connection(kafka.address), Topology(prefix, 1)
    await admin.init(connection, topology)
    await produce(kafka.address, f"{prefix}events.reveni", [(b"k", b"v")])
    kafka.restart(kill=True)
    assert [r.value for r in await read_all(kafka.address, f"{prefix}events.reveni")] == [b"v"]
    assert await admin.check(connection, topology) == []


def _run(*arguments: str, address: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "adapters.cli.main", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "REVENI_STREAMS_KAFKA": address, **env},
    )


def test_exit_codes_of_topics(kafka: RealKafka, prefix: str) -> None:
    """0 when all is well, 1 when something differs, 2 when the broker is away or the settings are wrong."""
    names = {"REVENI_STREAMS_TOPIC_PREFIX": prefix, "REVENI_STREAMS_PARTITIONS": "2"}
    before = _run("topics", "check", "--json", address=kafka.address, **names)
    assert before.returncode == 1 and not json.loads(before.stdout)["ok"]
    assert _run("topics", "init", address=kafka.address, **names).returncode == 0
    after = _run("topics", "check", "--json", address=kafka.address, **names)
    assert after.returncode == 0 and json.loads(after.stdout)["mismatches"] == []
    other = _run("topics", "init", address=kafka.address, **{**names, "REVENI_STREAMS_PARTITIONS": "3"})
    assert other.returncode == 1 and "Nothing was changed" in other.stderr
    away = _run("topics", "check", address=f"127.0.0.1:{free_port()}", **names)
    assert away.returncode == 2 and "No broker answers" in away.stderr and "Traceback" not in away.stderr
    wrong = _run("topics", "check", address=kafka.address, **{**names, "REVENI_STREAMS_PARTITIONS": "none"})
    assert wrong.returncode == 2 and "REVENI_STREAMS_PARTITIONS" in wrong.stderr


def test_doctor_says_what_is_wrong(kafka: RealKafka, prefix: str) -> None:
    """`doctor` fails on missing topics, passes with warnings once they are there, and reads the broker's clock."""
    names = {"REVENI_STREAMS_TOPIC_PREFIX": prefix, "REVENI_STREAMS_PARTITIONS": "1"}
    assert _run("doctor", address=kafka.address, **names).returncode == 1
    assert _run("topics", "init", address=kafka.address, **names).returncode == 0
    after = _run("doctor", "--json", address=kafka.address, **names)
    findings = {finding["check"]: finding for finding in json.loads(after.stdout)["findings"]}
    assert after.returncode == 0
    assert findings["topics"]["result"] == "ok"
    assert findings["clock"]["result"] == "ok" and "from the broker's" in findings["clock"]["detail"]
    assert "one copy" in findings["durability"]["detail"]


async def test_the_embedded_broker_ends_with_whoever_started_it(tmp_path: Path) -> None:
    """A parent that is killed with SIGKILL leaves no broker behind; SIGTERM ends the verb with code 0."""
    for how, code in ((signal.SIGKILL, -9), (signal.SIGTERM, 0)):
        port = free_port()
        parent = subprocess.Popen(  # noqa: ASYNC220  (starting it blocks nothing here)
            [sys.executable, "-m", "adapters.cli.main", "broker", "--port", str(port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "TMPDIR": str(tmp_path)},
        )
        try:
            await wait_for(lambda port=port: answers("127.0.0.1", port), 30, "the broker")  # type: ignore[misc]
            parent.send_signal(how)
            assert parent.wait(20) == code
            await wait_for(lambda port=port: not answers("127.0.0.1", port), 20, "its end")  # type: ignore[misc]
        finally:
            parent.kill()
