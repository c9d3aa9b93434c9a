"""What the apps tell Kafka: the settings that reach aiokafka, topics, tables, tasks. No broker is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers import aiokafka as driver
from mode.supervisors import CrashingSupervisor

from agents.dispatcher import app as dispatcher_app
from agents.dispatcher.app import DispatcherSettings, SessionTooShort, build, check_session
from agents.dispatcher.entries import Begun, encode
from agents.dispatcher.ports import Patience
from agents.lane import Lane, install
from agents.lane.membership import NO_GENERATION
from agents.lane.recovery import LaneRecovery
from agents.runtime import faust_app
from agents.store import table_rows
from streams.topics import Topology
from streams.vocabulary import CommandClass
from tests.clock import TurnedClock
from tests.dispatcher_bench import LIMITS, ScriptedAdapter, Vendor, command

Told = Callable[[Any], tuple[dict[str, Any], dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Told:
    """What an app's producer and its consumer in the group are made with."""

    def made(app: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        seen: list[dict[str, Any]] = []

        def note(**settings: Any) -> SimpleNamespace:
            seen.append(settings)
            return SimpleNamespace()

        monkeypatch.setattr(driver.aiokafka, "AIOKafkaProducer", note)
        monkeypatch.setattr(driver.aiokafka, "AIOKafkaConsumer", note)
        app.producer._new_producer()
        app.consumer._thread._create_worker_consumer(app.transport)
        return seen[0], seen[1]

    return made


def dispatcher(**changes: Any) -> Any:
    settings = DispatcherSettings(
        **{
            "broker": "one:9092, two:9093",
            "topology": Topology("p.", 3, ("erp",)),
            "account": "erp",
            "cluster": "c1",
            **changes,
        }
    )
    clock = TurnedClock()
    return build(settings, lambda: ScriptedAdapter(Vendor(clock), LIMITS), clock=clock)


async def test_a_producer_waits_for_all_replicas_and_repeats_nothing(told: Told) -> None:
    """acks=all and idempotence: an outcome, an end or a row that is acknowledged is on every replica, once."""
    producer, _ = told(dispatcher())
    assert (producer["acks"], producer["enable_idempotence"]) == ("all", True)
    assert (producer["max_batch_size"], producer["max_request_size"]) == (900_000, 1_048_576)
    assert (producer["bootstrap_servers"], producer["transactional_id"]) == (["one:9092", "two:9093"], None)


async def test_the_embedded_broker_is_asked_for_acknowledgement_without_idempotence(told: Told) -> None:
    """It has none; all replicas still acknowledge."""
    producer, _ = told(dispatcher(idempotent=False))
    assert (producer["acks"], producer["enable_idempotence"]) == ("all", False)


async def test_a_lane_is_idempotent_unless_it_is_told_not_to_be(told: Told) -> None:
    """By default, in a plain app too; a large batch makes large requests possible."""
    app = faust_app("plain", "one:9092", partitions=2, batch_bytes=2 << 20)
    lane = install(app, {"t": 7})
    producer, consumer = told(app)
    assert (producer["acks"], producer["enable_idempotence"], producer["max_request_size"]) == ("all", True, 2 << 20)
    assert (lane.depth, lane.sizes, lane.lease) == (2, {"t": 7}, None)
    assert (consumer["session_timeout_ms"], consumer["heartbeat_interval_ms"]) == (10_000, 1_000)
    assert (consumer["rebalance_timeout_ms"], consumer["max_partition_fetch_bytes"]) == (30_000, 8 << 20)
    assert app.consumer.lane is lane and app.conf.broker_commit_interval == 0.5


async def test_a_dispatcher_joins_the_group_of_its_account(told: Told) -> None:
    """Session, heartbeat, rebalance, small fetches, from the beginning, and no commit but the lane's."""
    app = dispatcher(session_seconds=16, heartbeat_seconds=2, rebalance_seconds=31)
    _, consumer = told(app)
    assert consumer["group_id"] == "p.dispatcher-erp" == app.conf.id
    assert (consumer["session_timeout_ms"], consumer["heartbeat_interval_ms"]) == (16_000, 2_000)
    assert (consumer["rebalance_timeout_ms"], consumer["max_partition_fetch_bytes"]) == (31_000, 256 << 10)
    assert (consumer["auto_offset_reset"], consumer["enable_auto_commit"]) == ("earliest", False)
    assert consumer["isolation_level"] == "read_uncommitted"


async def test_a_dispatchers_defaults_hold_a_take_over_within_a_session(told: Told) -> None:
    """Fifteen seconds, one, thirty (DESIGN)."""
    _, consumer = told(dispatcher())
    assert (consumer["session_timeout_ms"], consumer["heartbeat_interval_ms"]) == (15_000, 1_000)
    assert consumer["rebalance_timeout_ms"] == 30_000


async def test_a_dispatcher_reads_the_three_topics_of_its_account() -> None:
    """One agent each, raw bytes, in batches of fifty; open ones are bounded by the window, not by depth."""
    app = dispatcher()
    topics = {name: agent.channel for name, agent in app.agents.items()}
    names = {klass: app.dispatcher._place.topology.commands("erp", klass) for klass in CommandClass}
    assert {name: channel.topics for name, channel in topics.items()} == {
        f"dispatcher.{klass.value}": (topic,) for klass, topic in names.items()
    }
    kinds = {(c.key_type, c.value_type, c.key_serializer, c.value_serializer) for c in topics.values()}
    assert kinds == {(bytes, bytes, "raw", "raw")}
    lane: Lane = app.consumer.lane
    assert lane.sizes == dict.fromkeys(names.values(), 50)
    assert lane.depth == 1_000
    assert lane.lease is app.dispatcher._lease


async def test_an_agent_hands_its_stream_over_with_its_class() -> None:
    """The class decides the weight and the room of what it reads."""
    app = dispatcher()
    seen: list[tuple[str, CommandClass]] = []

    async def read(stream: str, klass: CommandClass) -> None:
        seen.append((stream, klass))

    app.dispatcher.read = read
    for name, agent in app.agents.items():
        await agent.fun(name)
    assert seen == [(f"dispatcher.{klass.value}", klass) for klass in CommandClass]


async def test_a_dispatchers_table_is_its_accounts() -> None:
    """One partition, its changelog named, compacted, made beforehand; what cannot be read is kept as it is."""
    app = dispatcher()
    table = app.tables["begun"]
    topic = table.changelog_topic
    assert topic.get_topic_name() == "p.dispatcher-erp-begun-changelog" == app.dispatcher._rows.changelog
    assert (table.partitions, topic.partitions, topic.compacting, topic.internal) == (1, 1, True, True)
    rows = app.dispatcher._rows
    assert rows._on_unreadable(b"id", b"\xff", ValueError()) == b"\xff"
    older, newer = (encode(Begun(command(revision=n), (1, "1"))) for n in (1, 2))
    assert rows._merge(b"id", None, older) == older
    assert rows._merge(b"id", newer, older) == newer


async def test_a_dispatcher_is_put_together_from_its_settings() -> None:
    """Limits to the gate, head-room, window, patience, E09, and the lease that the gate asks before each call."""
    patience = Patience(attempts=9)
    app = dispatcher(head_room=1, window=10, patience=patience, stop_when_all_fails=False)
    made = app.dispatcher
    assert made.gate.settings.ceiling == LIMITS.concurrency - 1
    assert made.gate.settings.deadline_seconds == LIMITS.deadline_seconds
    assert (made._patience, made._window) == (patience, 10)
    assert not made._deploy._read.stops and not made._deploy._ended.stops
    assert (made._place.account, made._place.cluster, made._place.group) == ("erp", "c1", "p.dispatcher-erp")
    assert made.gate._before_send == made._lease.check and made.gate._before_read == made._lease.check_read
    made._lease.renew(0)
    assert made._lease._span == 15 - LIMITS.deadline_seconds
    plain = dispatcher().dispatcher
    assert plain._deploy._read.stops and plain._deploy._ended.stops
    assert (plain._window, plain.gate.settings.ceiling, plain._patience) == (1_000, LIMITS.concurrency, Patience())


async def test_a_dispatchers_generation_is_its_groups() -> None:
    """As Faust knows it, as a number."""
    app = dispatcher()
    app.consumer_generation_id = "7"
    assert app.dispatcher._generation() == 7


async def test_a_dispatcher_watches_itself_and_its_changelog() -> None:
    """What a lane of an order raises ends the process; late writes of others are joined."""
    app = dispatcher()
    assert [task.__name__ for task in app._app_tasks] == ["watch_failure", "watch_changelog"]


async def test_an_app_makes_no_topics_and_ends_with_its_agents(tmp_path: Path) -> None:
    """Topics are made beforehand; an agent that raises ends the process; work in hand is waited for; no web server."""
    app = dispatcher(datadir=tmp_path, faust={"broker_check_crcs": False})
    conf = app.conf
    assert (conf.topic_allow_declare, conf.topic_disable_leader, conf.table_standby_replicas) == (False, True, 0)
    assert conf.agent_supervisor is CrashingSupervisor
    assert conf.stream_wait_empty is True and conf.web_enabled is False and conf.worker_redirect_stdouts is False
    assert conf.processing_guarantee.value == "at_least_once"
    assert (conf.topic_partitions, conf.topic_replication_factor) == (1, 1)
    assert Path(conf.datadir) == tmp_path and conf.broker_check_crcs is False


async def test_the_vendors_connections_are_closed_when_the_app_has_stopped() -> None:
    """Not before: calls in flight end first."""
    clock, order = TurnedClock(), list[str]()

    class Closing(ScriptedAdapter):
        async def close(self) -> None:
            order.append("adapter")

    app = faust_app("plain", "one:9092", partitions=1)

    async def stopped() -> None:
        order.append("app")

    app.on_stop = stopped
    dispatcher_app._close_at_the_end(app, Closing(Vendor(clock), LIMITS))
    await app.on_stop()
    assert order == ["app", "adapter"]


def test_a_deadline_that_a_rebalance_cannot_wait_for_is_refused() -> None:
    """Eight seconds at most, and a session that outlives a call by five; both say what to set."""
    check_session(13, 8)
    with pytest.raises(SessionTooShort, match=r"a call deadline of 8.5 s is too long: .* at most 8 s"):
        check_session(60, 8.5)
    with pytest.raises(SessionTooShort, match=r"a session of 12.5 s .* calls of 8 s: it takes at least 13 s"):
        check_session(12.5, 8)
    with pytest.raises(SessionTooShort):
        dispatcher(session_seconds=LIMITS.deadline_seconds + 4)


def test_the_app_is_made_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """`faust -A agents.dispatcher.app`: by the callable that the environment names."""
    monkeypatch.setenv("REVENI_STREAMS_DISPATCHER_APP", "pathlib:Path")
    assert dispatcher_app.app == Path()
    with pytest.raises(AttributeError, match="other"):
        _ = dispatcher_app.other
    assert dispatcher_app.DEFAULT_APP == "adapters.runtime:dispatcher_app"


# -- what the lane puts into an app


async def test_the_tables_of_a_lane_are_recovered_by_themselves() -> None:
    """Faust decides when; what it would read itself is nothing: it has what it needs before it begins."""
    app = faust_app("plain", "one:9092", partitions=1)
    install(app, {"t": 1})
    rows = table_rows(app, "orders", partitions=1, merge=lambda key, old, new: new, on_unreadable=lambda *_: b"")
    recovery = app.tables.recovery
    assert isinstance(recovery, LaneRecovery) and app.tables.recovery is recovery
    assert rows.changelog == "plain-orders-changelog"


async def test_without_a_consumer_there_is_no_generation() -> None:
    """Out of the group; and in it, the one of the coordinator."""
    app = faust_app("plain", "one:9092", partitions=1)
    install(app, {"t": 1})
    thread = app.consumer._thread
    assert thread.current_generation() == NO_GENERATION == -1
    thread._consumer = SimpleNamespace(_coordinator=SimpleNamespace(generation="4"))
    assert thread.current_generation() == 4


async def test_the_lease_hears_of_every_heartbeat(monkeypatch: pytest.MonkeyPatch) -> None:
    """The consumer's thread hands it the coordinator once it has started; without a lease there is nobody to tell."""
    watched: list[Any] = []
    started: list[int] = []

    async def start(self: Any) -> None:
        started.append(1)

    monkeypatch.setattr(driver.AIOKafkaConsumerThread, "on_start", start)
    for lease in (SimpleNamespace(watch=watched.append), None):
        app = faust_app("plain", "one:9092", partitions=1)
        install(app, {"t": 1}, lease=lease)  # type: ignore[arg-type]  # it is only told
        thread = app.consumer._thread
        thread._consumer = SimpleNamespace(_coordinator="coordinator")
        await thread.on_start()
    assert (watched, started) == (["coordinator"], [1, 1])
