"""The topics of CONTRACTS section 4, and what is refused."""

from __future__ import annotations

import pytest
from aiokafka import codec

from streams.topics import Cleanup, Stamp, Topology
from streams.vocabulary import CommandClass


def test_the_topics_of_the_contract_are_all_there() -> None:
    """Names, partition counts and clean-up are what CONTRACTS section 4 says, with each app's changelog beside them."""
    found = {spec.name: (spec.partitions, spec.cleanup) for spec in Topology(partitions=6, accounts=("ns",)).topics()}
    history, view = Cleanup.DELETE, Cleanup.COMPACT
    assert found == {
        "events.reveni": (6, history),
        "events.warehouse": (6, history),
        "events.channels": (6, history),
        "events.decisions": (6, history),
        "erp.outcomes": (6, history),
        "dead.letters": (6, history),
        "audit": (1, history),
        "sequencer-orders-changelog": (6, view),
        "erp.commands.ns": (1, history),
        "erp.commands.ns.goods": (1, history),
        "erp.commands.ns.bulk": (1, history),
        "dispatcher-ns-begun-changelog": (1, view),
        "dead.resolutions": (1, view),
        "stock.levels": (1, view),
        "alarms": (1, view),
        "profiles": (1, view),
        "meta": (1, view),
    }


def test_a_prefix_stands_before_every_name() -> None:
    """Two installations can share a cluster: nothing is outside the prefix, changelogs and app ids included."""
    topology = Topology("shop1.", 4, ("ns", "sf"))
    assert all(spec.name.startswith("shop1.") for spec in topology.topics())
    assert topology.sequencer_changelog == f"{topology.sequencer_app}-orders-changelog"
    assert topology.dispatcher_changelog("sf") == f"{topology.dispatcher_app('sf')}-begun-changelog"
    assert topology.commands("sf", CommandClass.BULK) == "shop1.erp.commands.sf.bulk"


def test_nothing_is_ever_dropped_by_age() -> None:
    """Retention is unlimited in time and size for every topic, and changelogs wait a day before they compact."""
    for spec in Topology(accounts=("ns",)).topics():
        settings = spec.settings()
        assert (settings["retention.ms"], settings["retention.bytes"]) == ("-1", "-1")
        lag = settings.get("min.compaction.lag.ms")
        assert (lag == "86400000") == spec.name.endswith("-changelog")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({}, []),
        ({"max.message.bytes": "9000000"}, []),
        ({"max.message.bytes": "500000"}, ["events.reveni: max.message.bytes is 500000, wanted at least 1048588"]),
        ({"retention.ms": "604800000"}, ["events.reveni: retention.ms is 604800000, wanted -1"]),
        ({"cleanup.policy": "compact"}, ["events.reveni: cleanup.policy is compact, wanted delete"]),
        ({"retention.bytes": None}, ["events.reveni: the broker does not say its retention.bytes, wanted -1"]),
    ],
)
def test_a_difference_is_named(change: dict[str, str | None], said: list[str]) -> None:
    """Each setting that would lose or refuse data is named; a larger limit is no difference."""
    spec = next(s for s in Topology().topics() if s.name == "events.reveni")
    actual = {name: value for name, value in {**spec.settings(), **change}.items() if value is not None}
    assert spec.differences(8, actual) == said


@pytest.mark.parametrize("kind", ["lz4", "zstd", "snappy", "gzip", "uncompressed"])
def test_a_topic_that_the_broker_compresses_anew_is_named_and_how_to_mend_it(kind: str) -> None:
    """Every topic is made to keep batches as they were sent; one that does not is a difference."""
    for spec in Topology(accounts=("ns",)).topics():
        assert spec.settings()["compression.type"] == "producer"
        [said] = spec.differences(spec.partitions, {**spec.settings(), "compression.type": kind})
        assert said.startswith(f"{spec.name}: compression.type is {kind}, wanted producer; ")
        assert said.endswith(f"--entity-name {spec.name} --add-config compression.type=producer")


def test_a_broker_that_does_not_say_its_compression_keeps_what_is_sent() -> None:
    """The embedded one knows of no such setting."""
    spec = next(s for s in Topology().topics() if s.name == "events.reveni")
    settings = {name: value for name, value in spec.settings().items() if name != "compression.type"}
    assert spec.differences(8, settings) == []


def test_every_codec_that_a_broker_may_use_can_be_read() -> None:
    """They come with our own dependencies: a reader without one dies at the first batch."""
    for has in (codec.has_gzip, codec.has_snappy, codec.has_lz4, codec.has_zstd):
        assert has(), has.__name__


def test_another_partition_count_is_named() -> None:
    """Co-partitioned topics with another count are a difference."""
    spec = next(s for s in Topology().topics() if s.name == "erp.outcomes")
    assert spec.differences(4, spec.settings()) == ["erp.outcomes has 4 partitions, wanted 8"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"prefix": "a b"}, "topic prefix 'a b'"),
        ({"accounts": ("n/s",)}, "account 'n/s'"),
        ({"accounts": ("",)}, "account ''"),
        ({"accounts": ("ns", "ns")}, "named twice"),
        ({"partitions": 0}, "at least 1"),
        ({"prefix": "p" * 240}, "longer than 249"),
    ],
)
def test_names_that_kafka_would_refuse_are_refused_before(arguments: dict[str, object], said: str) -> None:
    """A bad prefix, account or count is an error that names it, before any topic is made."""
    with pytest.raises(ValueError, match=said):
        Topology(**arguments)  # type: ignore[arg-type]


def test_a_stamp_refuses_another_count_and_another_cluster() -> None:
    """The stamp in `meta` lets its own settings start, and refuses others with a sentence that says how to mend it."""
    stamp = Stamp.decode(Stamp(8, "abc").encode())
    assert stamp.refusal(8, "abc") == ""
    assert "REVENI_STREAMS_PARTITIONS=8" in stamp.refusal(4, "abc")
    assert "REVENI_STREAMS_KAFKA" in stamp.refusal(8, "xyz")


@pytest.mark.parametrize("value", [b"", b"{}", b"[]", b"null", b"[" * 2_000, b'{"partitions":"x","cluster_id":"a"}'])
def test_what_is_not_a_stamp_is_an_error(value: bytes) -> None:
    """A record in `meta` that cannot be read is an error, never a stamp that allows anything."""
    with pytest.raises(ValueError):
        Stamp.decode(value)
