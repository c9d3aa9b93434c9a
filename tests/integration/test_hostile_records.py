"""Hostile records on a real Kafka, before a sequencer process: each ends as a letter, the partition goes on (E01)."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
import pytest
from aiokafka import AIOKafkaProducer

from agents.log import partition_for
from streams.parts import split
from streams.profile import Profile
from tests.brokers import RealKafka
from tests.integration.installation import PROFILE, Place, snapshot, soon, start_sequencer, stop
from tests.kafka import admin_client

Header = tuple[str, bytes | None]
CODECS = {"reveni": "lz4", "warehouse": "snappy", "decisions": "gzip"}


async def _send(
    place: Place, topic: str, key: bytes | None, value: bytes | None, headers: Sequence[Header], timestamp: int | None
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=place.address, acks="all", max_request_size=2 << 20)
    await producer.start()
    try:
        partition = 0 if topic == "profiles" else partition_for(key or b"", 4)
        name = place.topology.named(topic)
        made: list[Any] = list(headers)
        await producer.send_and_wait(name, value, key, partition, timestamp_ms=timestamp, headers=made)
    finally:
        await producer.stop()


def send(
    place: Place,
    order: str | None,
    value: bytes | None,
    headers: Sequence[Header] = (),
    *,
    topic: str = "events.reveni",
    timestamp: int | None = None,
) -> None:
    """One record, as nobody's gateway would write it."""
    key = order.encode() if order is not None else None
    asyncio.run(_send(place, topic, key, value, headers, timestamp))


@pytest.fixture(scope="module")
def place(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """An installation whose topics the broker compresses anew, each with another codec."""
    place = Place(kafka.address, f"t-{uuid4().hex[:8]}-hostile.")
    names = {f"{place.prefix}events.{source}": codec for source, codec in CODECS.items()}
    names |= {place.topology.sequencer_changelog: "zstd", f"{place.prefix}erp.outcomes": "zstd"}
    wanted = {spec.name: spec for spec in place.topology.topics()}
    settings = {name: {**wanted[name].settings(), "compression.type": codec} for name, codec in names.items()}
    place.run("topics", "init")
    asyncio.run(_made_anew(place, settings))
    place.run("profile", "publish", str(PROFILE), "--yes", "--by", "eng-01")
    directory = tmp_path_factory.mktemp("sequencer")
    process = start_sequencer(place, directory)
    place.environment["SEQUENCER_LOG"] = str(directory / "sequencer.log")
    yield place
    _ended(process)


async def _made_anew(place: Place, settings: dict[str, dict[str, str]]) -> None:
    from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

    async with admin_client(place.address) as admin:
        changes = [ConfigResource(ConfigResourceType.TOPIC, name, chosen) for name, chosen in settings.items()]
        await admin.alter_configs(changes)


def _ended(process: subprocess.Popen[bytes]) -> None:
    alive = process.poll() is None
    stop(process)
    assert alive, "the sequencer ended by itself"


def letters(place: Place, order: str) -> list[dict[str, Any]]:
    return list(place.json("dlq", "list", "--order", order))


def taken(place: Place, order: str) -> None:
    """A good record of the same partition, sent now, is taken in: nothing stands."""
    send(place, order, snapshot(order), [("received-at", b"2026-11-20T09:00:00Z")])
    soon(lambda: place.run("order", "show", order, code=None).exit_code == 0, f"order {order}", 60)


def same_partition(order: str) -> str:
    """Another order of the same partition."""
    wanted = partition_for(order.encode(), 4)
    return next(f"{order}-{n}" for n in range(100) if partition_for(f"{order}-{n}".encode(), 4) == wanted)


def test_topics_that_the_broker_compresses_anew_are_read_and_named(place: Place) -> None:
    """With every codec there is: orders are taken in, `topics check` and `doctor` say which topics, and how to mend."""
    for number in range(8):
        send(place, f"c{number}", snapshot(f"c{number}"))
    soon(lambda: {f"c{n}" for n in range(8)} <= {r["order_id"] for r in place.json("waiting")}, "eight orders", 60)
    said = place.json("topics", "check", code=1)["mismatches"]
    for source, codec in CODECS.items():
        name = f"{place.prefix}events.{source}"
        [one] = [sentence for sentence in said if sentence.startswith(f"{name}: ")]
        assert f"compression.type is {codec}, wanted producer" in one
        assert f"--entity-name {name} --add-config compression.type=producer" in one
    assert len(said) == 5
    findings = place.json("doctor", code=1)["findings"]
    assert [f["detail"] for f in findings if f["check"] == "topics" and f["result"] == "failed"] == said


@pytest.mark.parametrize("depth", [101, 300, 1_000])
def test_a_body_nested_too_deep_is_one_letter(place: Place, depth: int) -> None:
    """It is shown, and the next record of its partition is taken."""
    order = f"deep{depth}"
    body = b'{"id":"e","type":"return.updated","data":{"order_id":"%s","x":%s%s}}' % (
        order.encode(),
        b"[" * depth,
        b"]" * depth,
    )
    send(place, order, body)
    [letter] = soon(lambda: letters(place, order), f"the letter of {order}", 60)
    assert (letter["stage"], letter["kind"]) == ("decode", "invalid")
    assert "nested more than 100 levels deep" in letter["reason"]
    shown = place.json("dlq", "show", letter["dlq_id"])
    assert bytes.fromhex(shown["value_hex"]) == body
    assert place.run("dlq", "show", letter["dlq_id"], code=1).output
    taken(place, same_partition(order))


def test_a_record_too_large_for_its_letter_is_pointed_to_and_can_be_replayed(place: Place) -> None:
    """1,048,200 bytes: the letter has no room for them; a replay reads them where they stand."""
    value = b"{" + b" " * 1_048_199
    send(place, "large", value)
    [letter] = soon(lambda: letters(place, "large"), "the letter of the large record", 60)
    shown = place.json("dlq", "show", letter["dlq_id"])
    assert shown["value"] is None
    assert (shown["headers"]["dlq.value"], shown["headers"]["dlq.value.bytes"]) == ("at-source", "1048200")
    text = place.run("dlq", "show", letter["dlq_id"], code=1).stdout
    assert f"1048200 bytes, too large for a letter: they are at {letter['source']}" in text
    words = ("dlq", "replay", str(letter["dlq_id"]), "--reason", "r", "--by", "e", "--yes")
    assert "Dead again: the body is not JSON" in place.run(*words, code=1).output
    [again] = letters(place, "large")
    assert (again["dlq_id"], again["replays"]) == (letter["dlq_id"], 1)
    taken(place, same_partition("large"))


def test_headers_without_a_value_and_impossible_times_break_nobodys_list(place: Place) -> None:
    """Null headers, a timestamp of -1: the order is taken, a letter is shown, and lists and timeline work."""
    nulls: list[Header] = [("received-at", None), ("event-id", None), ("source", None), ("replay.of", None)]
    send(place, "nulls", snapshot("nulls"), nulls, timestamp=-1)
    order = soon(lambda: place.json("order", "show", "nulls"), "the order", 60)
    assert order["first_seen"] > "2026"
    assert [event["what"] for event in order["events"]] == [
        "return ret-nulls version 1: in_progress; refund rf-nulls paid GBP 37.05"
    ]
    send(place, "nulls", b"{", nulls, timestamp=-1)
    [letter] = soon(lambda: letters(place, "nulls"), "the letter", 60)
    shown = place.json("dlq", "show", letter["dlq_id"])
    assert shown["original_headers"] == [["received-at", ""], ["event-id", ""], ["source", ""]]
    assert shown["headers"]["dlq.source.timestamp"] == "-1"
    assert "invalid" in {entry["kind"] for entry in place.exceptions("nulls")}
    words = ("dlq", "replay", str(letter["dlq_id"]), "--reason", "r", "--by", "e", "--yes")
    assert "Dead again" in place.run(*words, code=1).output


def test_a_body_in_parts_is_one_letter(place: Place) -> None:
    """The list has it once; the first part stands for it; it cannot be sent again, and says so."""
    body = b"x" * (3 << 20)
    pieces = split(body)
    for piece in pieces:
        send(place, "parts", piece.value, [("received-at", b"2026-11-20T09:00:00Z"), *piece.headers])
    soon(lambda: sum(r.key == b"parts" for r in place.records("dead.letters")) == len(pieces) == 4, "all parts", 60)
    [letter] = letters(place, "parts")
    assert (letter["kind"], letter["stage"]) == ("too-large", "decode")
    assert letter["reason"].endswith("was stored in 4 parts")
    shown = place.json("dlq", "show", letter["dlq_id"])
    assert ["part", "1"] in shown["original_headers"]
    kept = [r.value for r in place.records("dead.letters") if r.key == b"parts"]
    assert b"".join(kept) == body
    words = ("dlq", "replay", str(letter["dlq_id"]), "--reason", "r", "--by", "e", "--yes")
    assert "bigger than a record may be" in place.run(*words, code=1).output


def test_an_unusable_profile_is_named_and_the_next_publishing_is_used(place: Place, tmp_path: Path) -> None:
    """A version that this program refuses, and one of 2^64-1: shown, and overtaken by what is published next."""
    before = place.json("profile", "show", code=0)
    assert before["skipped"] == []
    raw = orjson.loads(Profile.from_toml(PROFILE.read_text(), 1).to_record())
    raw["profile"]["policies"]["batch_minutes"] = 5
    bad = before["version"] + 5
    send(place, "demo", orjson.dumps({**raw, "version": bad}), topic="profiles")
    send(place, "demo", orjson.dumps({**raw, "version": 2**64 - 1}), topic="profiles")
    shown = place.json("profile", "show", code=1)
    assert shown["version"] == before["version"]
    assert [one["version"] for one in shown["skipped"]] == [bad, None]
    assert "policies.batch_minutes" in shown["skipped"][0]["why"]
    assert "batch_minutes" in place.run("profile", "show", code=1).stderr
    doctor = [f for f in place.json("doctor", code=1)["findings"] if f["check"] == "published"]
    assert [f["result"] for f in doctor] == ["ok", "warning", "warning"]
    published = place.run("profile", "publish", str(PROFILE), "--yes", "--by", "eng-01")
    assert f"Version {bad + 1} is published" in published.stdout
    assert place.json("profile", "show", code=0)["version"] == bad + 1
    log = Path(place.environment["SEQUENCER_LOG"])
    soon(lambda: f'"version": {bad + 1}' in log.read_text(), "the sequencer's new profile")
    assert "unusable profile record" in log.read_text()


def test_all_topics_are_made_to_keep_batches_as_they_were_sent(kafka: RealKafka, prefix: str) -> None:
    """`topics init` says so to the broker, and `topics check` finds it."""
    place = Place(kafka.address, prefix)
    place.run("topics", "init")
    assert place.json("topics", "check", code=0)["mismatches"] == []
