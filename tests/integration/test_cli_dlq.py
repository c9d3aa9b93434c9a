"""Dead letters and profiles from the command line, against a real Kafka and a sequencer process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import orjson
import pytest

from agents.log import partition_for
from streams.commands import Failure
from streams.letters import Source, headers, record_letter_id
from streams.profile import Profile
from streams.vocabulary import DocumentKind, ErrorKind, Owner
from tests.brokers import RealKafka
from tests.integration.installation import PROFILE, Place, order_answer, snapshot, soon, start_sequencer, stop

SNAPSHOT, RMA = DocumentKind.ORDER_SNAPSHOT, DocumentKind.RETURN_AUTHORISATION


@pytest.fixture(scope="module")
def place(kafka: RealKafka, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """One installation for all tests of this module; each has orders of its own."""
    place = Place(kafka.address, f"t-{uuid4().hex[:8]}-dlq.")
    place.run("topics", "init")
    place.run("profile", "publish", str(PROFILE), "--yes", "--by", "eng-01")
    process = start_sequencer(place, tmp_path_factory.mktemp("sequencer"))
    yield place
    stop(process)


def letters(place: Place, order: str) -> list[dict[str, object]]:
    return list(place.json("dlq", "list", "--order", order))


def replay(place: Place, letter_id: object, *, code: int | None = 0) -> str:
    words = ("dlq", "replay", str(letter_id), "--reason", "looked at", "--by", "eng-01", "--yes")
    return place.run(*words, code=code).output


def test_a_replay_that_fails_again_keeps_its_first_id_and_counts(place: Place) -> None:
    """Poison stays one letter however often it is sent again; each time its replays rise."""
    original = [("source", b"reveni"), ("event-id", b"e-1"), ("received-at", b"2026-11-20T09:00:00Z")]
    place.send("events.reveni", "200", b'{"type":"return.updated"}', original)
    (letter,) = soon(lambda: letters(place, "200"), "the letter of order 200")
    for count in (1, 2):
        assert "Dead again: data is missing or not an object" in replay(place, letter["dlq_id"], code=1)
        (again,) = letters(place, "200")
        assert (again["dlq_id"], again["replays"], again["state"]) == (letter["dlq_id"], count, "open")
        assert again["first_failed_at"] == letter["first_failed_at"]
    assert [entry["replays"] for entry in place.exceptions("200")] == [2]
    sent = [record for record in place.records("events.reveni") if record.key == b"200"]
    assert [record.value for record in sent] == [b'{"type":"return.updated"}'] * 3
    names = [dict(record.headers) for record in sent]
    assert all(dict(original).items() <= found.items() for found in names)
    assert [found.get("replay.count") for found in names] == [None, b"1", b"2"]
    assert {found["replay.of"] for found in names[1:]} == {str(letter["dlq_id"]).encode()}
    assert not any(name.startswith("dlq.") for found in names for name in found)
    audits = [orjson.loads(record.value) for record in place.records("audit") if record.key == b"200"]
    assert [(item["what"], item["by"], item["reason"]) for item in audits] == [
        ("dlq replay", "eng-01", "looked at")
    ] * 2


def dead(place: Place, order: str, value: bytes, extra: tuple[tuple[str, bytes], ...] = ()) -> str:
    """A letter about a record that our own program failed on in an earlier version; its id."""
    partition = partition_for(order.encode(), 4)
    source = Source(place.topology.named("events.reveni"), partition, 0, 1_795_000_000_000, "g")
    letter_id = record_letter_id("a-cluster", source, f"sequence-{order}")
    fields = headers(
        letter_id=letter_id,
        source=source,
        stage="sequence",
        disposition="poison",
        kind=ErrorKind.BUG,
        error_type="KeyError",
        message="our own program failed on this message: KeyError: 'depot'",
        owner=Owner.ENGINEERING,
        first_failed_at="2026-11-20T09:00:00.000Z",
        failed_at="2026-11-20T09:00:00.000Z",
        app="sequencer",
    )
    place.send("dead.letters", order, value, [("event-id", b"e-9"), *extra, *fields])
    return letter_id


def test_a_replayed_record_is_taken_in_and_its_letter_closes(place: Place) -> None:
    """Once the program is mended the record goes through the front door, and cannot be sent twice from the list."""
    letter_id = dead(place, "210", snapshot("210"))
    assert [entry["kind"] for entry in place.exceptions("210")] == ["bug"]
    assert "Taken in" in replay(place, letter_id)
    assert place.command("210", SNAPSHOT).order_key == "210"
    assert place.exceptions("210") == [] and letters(place, "210") == []
    order = place.json("order", "show", "210")
    assert [event["replay_of"] for event in order["events"] if event["topic"] == "events.reveni"] == [letter_id]
    assert "is not open: replayed by eng-01" in replay(place, letter_id, code=1)
    assert len([record for record in place.records("events.reveni") if record.key == b"210"]) == 1


def test_a_part_of_an_oversized_message_is_not_sent_again(place: Place) -> None:
    """It would fail again: the sentence says what to do instead, and nothing is written."""
    letter_id = dead(place, "220", b"[1,", (("part-of", b"0" * 64), ("part", b"1"), ("parts", b"2")))
    assert "Ask the sender to send it again in smaller messages." in replay(place, letter_id, code=1)
    assert [record for record in place.records("events.reveni") if record.key == b"220"] == []
    assert [record for record in place.records("audit") if record.key == b"220"] == []


def test_an_effects_letter_is_replayed_as_a_decision(place: Place) -> None:
    """A dead effect is never sent as it was: the order decides again, and the letter closes by itself."""
    place.send("events.reveni", "230", snapshot("230"))
    place.answer(place.command("230", SNAPSHOT), order_answer("230"))
    place.refuse(place.command("230", RMA), Failure(ErrorKind.REFUSED, "Customer is inactive", code="USER_ERROR"))
    (letter,) = soon(lambda: letters(place, "230"), "the letter of order 230")
    assert letter["stage"] == "effect:return_authorisation"
    assert "applied: its exception closed" in replay(place, letter["dlq_id"])
    (decision,) = [record for record in place.records("events.decisions") if record.key == b"230"]
    told = orjson.loads(decision.value)
    assert (told["by"], told["reason"]) == ("eng-01", "looked at")
    assert {name: told["decision"][name] for name in ("kind", "command_id", "revision")} == {
        "kind": "retry",
        "command_id": letter["dlq_id"],
        "revision": 1,
    }
    assert {"source", "event-id", "received-at"} <= dict(decision.headers).keys()
    soon(lambda: not letters(place, "230"), "the letter's resolution")
    (closed,) = place.json("dlq", "list", "--order", "230", "--closed", code=0)
    assert closed["state"] == "closed by itself: its cause is gone"


def test_a_letter_is_shown_with_its_bytes_and_headers(place: Place) -> None:
    """What is not JSON is shown in hex, whole in `--json`; an id may be cut short as long as it fits one letter."""
    place.send("events.reveni", "240", b"\x00\xffnot json", [("event-id", b"e-2")])
    (letter,) = soon(lambda: letters(place, "240"), "the letter of order 240")
    letter_id = str(letter["dlq_id"])
    whole = place.json("dlq", "show", letter_id[:12], code=1)
    assert whole["value_hex"] == b"\x00\xffnot json".hex()
    assert whole["original_headers"] == [["event-id", "e-2"]]
    assert whole["headers"]["dlq.id"] == letter_id
    text = place.run("dlq", "show", letter_id, code=1).stdout
    assert "000000  00 ff 6e 6f 74 20 6a 73 6f 6e" in text and "..not json" in text
    assert place.run("dlq", "show", "ffff-none", code=2).stderr == "No dead letter ffff-none.\n"


def test_a_record_without_an_order_is_an_exception_without_an_order_id(place: Place) -> None:
    """Poison with no key belongs to no order, and is listed all the same."""
    place.send("events.warehouse", None, b"[]")
    found = soon(lambda: [entry for entry in place.json("exceptions") if entry["order_id"] is None], "the exception")
    assert [(entry["step"], entry["owner"]) for entry in found] == [("decode", "engineering")]


def test_a_profile_is_published_as_the_next_version_and_never_twice(place: Place, tmp_path: Path) -> None:
    """Each change is a version of its own that workers can read; the same profile again is refused in a sentence."""
    before = place.json("profile", "show", code=0)["version"]
    changed = tmp_path / "profile.toml"
    changed.write_text(PROFILE.read_text().replace("concurrency = 15", "concurrency = 9"))
    result = place.run("profile", "publish", str(changed), "--yes", "--by", "eng-01", "--reason", "fewer calls")
    assert "~ accounts.ns.concurrency: 15 -> 9" in result.stdout
    assert f"Version {before + 1} is published" in result.stdout
    again = place.run("profile", "publish", str(changed), "--yes", "--by", "eng-01")
    assert f"Version {before + 1} says the same already; nothing was published." in again.stderr
    profiles = [Profile.from_record(record.value) for record in place.records("profiles")]
    assert [(profile.version, profile.account("ns").concurrency) for profile in profiles][-1] == (before + 1, 9)
    assert {record.key for record in place.records("profiles")} == {b"demo"}
    audits = [orjson.loads(record.value) for record in place.records("audit")]
    published = [item for item in audits if item["what"] == "profile publish"]
    assert published[-1]["reason"] == "fewer calls" and published[-1]["details"]["version"] == before + 1


def test_a_faulty_profile_names_every_fault_and_is_not_published(place: Place, tmp_path: Path) -> None:
    """Each fault says what, where and how to mend it; exit code 1; nothing is written."""
    faulty = tmp_path / "faulty.toml"
    text = PROFILE.read_text().replace('time_zone = "Europe/London"', 'time_zone = "Mars"')
    faulty.write_text(
        text.replace('system = "netsuite"', 'system = "netsuit"').replace('to = "sellable"', 'to = "shop"')
    )
    before = len(place.records("profiles"))
    result = place.run("profile", "publish", str(faulty), "--yes", "--by", "eng-01", code=1)
    assert "merchant.time_zone: is 'Mars', not a time zone" in result.stdout
    assert "dispositions.sellable.to: is 'shop'" in result.stdout
    assert "nothing was published" in result.stderr
    assert len(place.records("profiles")) == before
    unknown = tmp_path / "unknown.toml"
    unknown.write_text(PROFILE.read_text().replace('system = "netsuite"', 'system = "netsuit"'))
    told = place.run("profile", "publish", str(unknown), "--yes", "--by", "eng-01", code=1).stdout
    assert "accounts.ns.system: is 'netsuit', which no adapter is for (did you mean netsuite?)" in told
